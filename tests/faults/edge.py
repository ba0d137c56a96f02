"""A tracker to be broken: a process of its own, started, killed, stopped and asked as an operator would."""

import asyncio
import os
import re
import shutil
import signal
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local import environment, identity
from deploy.local.ports import Ports, free_ports
from deploy.local.processes import Program
from deploy.local.stack import Stack
from deploy.local.unprivileged import CHECKOUT
from tests.support.eventually import eventually

SECONDS = 60.0
_SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)
STRACE = shutil.which("strace")


def strace(*options: str, log: Path) -> list[str]:
    """Return the words before a command that have its calls of the system fail as the options say."""
    return [STRACE or "strace", "-f", "--seccomp-bpf", "-y", "-qq", "-o", str(log), *options]


@dataclass(kw_only=True)
class Edge:
    """One tracker with its own ports and a spool that outlives it."""

    stack: Stack
    name: str
    servers: str
    spool: Path
    ports: Ports = field(default_factory=free_ports)
    settings: Mapping[str, str] = field(default_factory=dict)
    wrapper: Sequence[str] = ()
    workers: int = 1
    module: str = "services.tracker"
    _said_before: int = field(init=False)

    def __post_init__(self) -> None:
        log = self._log()
        self._said_before = log.stat().st_size if log.exists() else 0

    @property
    def port(self) -> int:
        return self.ports.public("tracker")

    @property
    def pid(self) -> int:
        """The tracker itself, or the supervisor of its workers, and not what it was started through."""
        pid = self.stack.processes.pid(self.name)
        return identity.children(pid)[0] if self.wrapper else pid

    @property
    def log(self) -> str:
        """What it has said since it was made; one of another case may have had its name."""
        return self._log().read_bytes()[self._said_before :].decode(errors="replace")

    async def start(self, path: str = "/livez") -> None:
        """Start it and return when it serves, and what is asked of each of its workers is so."""
        told = environment.of_service(
            "tracker",
            self.ports,
            self.stack.credentials,
            self.servers,
            self.stack.postgres,
            self.stack.objects,
        )
        told |= {
            "INKLING_TRACKER_SPOOL": str(self.spool),
            "INKLING_TRACKER_EDGE": self.name,
            "INKLING_TRACKER_WORKERS": str(self.workers),
            "INKLING_TRACKER_SPOOL_SEGMENT_SECONDS": "0.5",
        }
        program = Program(
            name=self.name,
            command=[*self.wrapper, sys.executable, "-m", self.module],
            environment=told | dict(self.settings),
            folder=CHECKOUT,
        )
        self.stack.processes.start(program)
        if path != "/readyz":  # which says that it serves
            await eventually(self._serves, SECONDS)
        await self.until(path)

    def _log(self) -> Path:
        return self.stack.processes.log(self.name)

    def _serves(self) -> bool:
        if not self.stack.processes.is_running(self.name):
            raise self.stack.processes.died(self.name)
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    async def until(self, path: str, seconds: float = SECONDS) -> None:
        """Return when each worker answers that path with 200."""

        async def says() -> bool:
            if not self.stack.processes.is_running(self.name):
                raise self.stack.processes.died(self.name)
            found = [
                await asyncio.to_thread(status_of, port, path) for port in self.private_ports()
            ]
            return found == [200] * self.workers

        await eventually(says, seconds)

    def private_ports(self) -> list[int]:
        return [self.ports.private("tracker", worker) for worker in range(self.workers)]

    def kill(self) -> None:
        """End it as `kill -9` does, with all its workers."""
        self.stack.processes.kill(self.name)

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    async def stop(self) -> int:
        """Ask it to end and return its exit code."""
        handle = self.stack.processes._children[self.name].handle
        self.signal(signal.SIGTERM)
        try:
            code = await asyncio.to_thread(handle.wait, SECONDS)
        finally:
            self.stack.processes.stop([self.name], 0.0)
        return code

    def clear(self) -> None:
        """End it whatever it does, if it was started."""
        self.stack.processes.stop([self.name], 0.0)

    async def metrics(self) -> "Metrics":
        """Return what its workers count, added up; of those that answer."""
        texts = [await asyncio.to_thread(text_of, port) for port in self.private_ports()]
        return Metrics(texts)

    def resident_bytes(self) -> int:
        """Return the memory that it and its workers have now."""
        pids = [self.pid, *identity.children(self.pid)]
        return sum(resident_bytes(pid) for pid in pids)


class Metrics:
    """Samples of one or several processes, added up."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._samples = [found for text in texts for found in _SAMPLE.findall(text)]

    def sum(self, name: str, *labels: str) -> float:
        """Add up the samples of that name that bear all those labels, written `name="value"`."""
        return sum(
            float(value)
            for found, borne, value in self._samples
            if found == name and all(label in borne for label in labels)
        )


def status_of(port: int, path: str) -> int:
    """Return with which status a private door answers; 0 when it does not."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def text_of(port: int) -> str:
    """Return the metrics of a private door; nothing when it does not answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""


def resident_bytes(pid: int) -> int:
    """Return the memory of a process; 0 when there is none."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"VmRSS:\s+(\d+)", status)
    return int(found[1]) * 1024 if found else 0
