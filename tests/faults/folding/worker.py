"""One projector: a process of its own with its own ports, started, killed, stopped and asked as an operator would."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from deploy.local import environment
from deploy.local.ports import Ports, free_ports
from deploy.local.processes import Program
from deploy.local.stack import Stack
from deploy.local.unprivileged import CHECKOUT
from services.runtime.leases import Lane
from tests.faults.edge import Metrics, resident_bytes, status_of, text_of
from tests.support.eventually import eventually

SECONDS = 60.0
_HALTED = re.compile(r"^inkling_projector_halted\{(.*)\} 1\.0$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')


@dataclass(kw_only=True)
class Worker:
    """A projector of a stack, told of a database and a Kafka that may be others than the stack's."""

    stack: Stack
    name: str
    servers: str
    writer_url: str
    reader_url: str
    roles: str = "fold,query"
    ports: Ports = field(default_factory=free_ports)
    settings: Mapping[str, str] = field(default_factory=dict)
    module: str = "services.projector"
    _said_before: int = field(init=False)

    def __post_init__(self) -> None:
        log = self.stack.processes.log(self.name)
        self._said_before = log.stat().st_size if log.exists() else 0

    @property
    def pid(self) -> int:
        return self.stack.processes.pid(self.name)

    @property
    def url(self) -> str:
        """Where its query API is."""
        return f"http://127.0.0.1:{self.ports.public('projector')}"

    @property
    def log(self) -> str:
        """What it has said since it was made."""
        text = self.stack.processes.log(self.name).read_bytes()[self._said_before :]
        return text.decode(errors="replace")

    @property
    def running(self) -> bool:
        return self.stack.processes.is_running(self.name)

    @property
    def environment(self) -> dict[str, str]:
        """What it is told; an operator's verbs are told the same."""
        told = environment.of_service(
            "projector",
            self.ports,
            self.stack.credentials,
            self.servers,
            self.stack.postgres,
            self.stack.objects,
        )
        told |= {
            "INKLING_PROJECTOR_DATABASE_URL": self.writer_url,
            "INKLING_PROJECTOR_READER_DATABASE_URL": self.reader_url,
            "INKLING_PROJECTOR_ROLES": self.roles,
        }
        return told | dict(self.settings)

    def launch(self) -> None:
        """Start it, and do not wait for anything."""
        self.stack.processes.start(
            Program(
                name=self.name,
                command=[sys.executable, "-m", self.module],
                environment=self.environment,
                folder=CHECKOUT,
            )
        )

    async def start(self, path: str = "/readyz") -> None:
        """Start it and return when it answers that path of its private door with 200."""
        self.launch()
        await self.until(path)

    async def until(self, path: str, seconds: float = SECONDS) -> None:
        """Return when its private door answers that path with 200."""

        async def says() -> bool:
            if not self.running:
                raise self.stack.processes.died(self.name)
            return await asyncio.to_thread(status_of, self._private, path) == 200

        await eventually(says, seconds)

    def kill(self) -> None:
        """End it as `kill -9` does."""
        self.stack.processes.kill(self.name)

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    async def stop(self, seconds: float = SECONDS) -> int:
        """Ask it to end and return its exit code."""
        handle = self.stack.processes._children[self.name].handle
        self.signal(signal.SIGTERM)
        try:
            return await asyncio.to_thread(handle.wait, seconds)
        finally:
            self.clear()

    def clear(self) -> None:
        """End it whatever it does, if it was started."""
        if self.running:
            # One that is stopped by SIGSTOP hears nothing else.
            self.signal(signal.SIGCONT)
        self.stack.processes.stop([self.name], 0.0)

    async def metrics(self) -> Metrics:
        """Return what it counts."""
        return Metrics([await self.said()])

    async def said(self) -> str:
        """Return the text of its metrics; empty when it does not answer."""
        return await asyncio.to_thread(text_of, self._private)

    async def halted(self) -> set[Lane]:
        """Return the lanes that it says stand still until an operator acts."""
        found = [dict(_LABEL.findall(each)) for each in _HALTED.findall(await self.said())]
        return {Lane(each["topic"], int(each["partition"])) for each in found}

    def resident_bytes(self) -> int:
        """Return the memory that it has now."""
        return resident_bytes(self.pid)

    @property
    def _private(self) -> int:
        return self.ports.private("projector")
