"""Runs a supervisor as a process of its own, and looks at it as an operator would: its log, signals, the port."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import orjson

from deploy.local.identity import mark
from deploy.local.ports import Ports, free_ports
from tests.support.eventually import eventually
from tests.tracker.given import RING

SECONDS = 40.0
TRACKER = "services.tracker"
TINY = "tests.tracker.workers.tiny_supervisor"
KEYS = ",".join(f"{number}:{key.hex()}" for number, key in RING.keys.items())

Line = dict[str, Any]


class Supervised:
    """A supervisor and what it and its workers have said so far."""

    def __init__(self, process: Process, ports: Ports) -> None:
        self.process = process
        self.ports = ports
        self.lines: list[Line] = []
        self.errors: list[str] = []
        self.over = False

    @property
    def port(self) -> int:
        return self.ports.public("tracker")

    def private(self, number: int) -> int:
        return self.ports.private("tracker") + number

    async def read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            try:
                self.lines.append(orjson.loads(line))
            except orjson.JSONDecodeError:
                self.errors.append(line.decode())
        self.over = True  # every process has closed its output

    def said(self, event: str, **fields: object) -> list[Line]:
        return [
            line
            for line in self.lines
            if line["event"] == event and all(line.get(key) == fields[key] for key in fields)
        ]

    async def until_said(self, event: str, times: int = 1, **fields: object) -> Line:
        """Return the line that says so, the last of as many as that."""

        def told_or_over() -> bool:
            return len(self.said(event, **fields)) >= times or self.over

        with suppress(TimeoutError):
            await eventually(told_or_over, SECONDS)
        told = self.said(event, **fields)
        assert len(told) >= times, f"no {event} {fields}: {self.lines} {self.errors}"
        return told[times - 1]

    def pids(self) -> dict[int, int]:
        """The workers that came to serve last, by their number."""
        return {line["worker"]: line["pid"] for line in self.said("worker_serves")}

    async def ended(self) -> int:
        async with asyncio.timeout(SECONDS):
            return await self.process.wait()

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it as an operator would; its exit code."""
        self.process.send_signal(number)
        return await self.ended()


@asynccontextmanager
async def supervised(
    folder: Path,
    workers: int = 2,
    module: str = TINY,
    wait: bool = True,
    ports: Ports | None = None,
    **more: str,
) -> AsyncIterator[Supervised]:
    """Run a supervisor, in a session of its own that nothing is left of afterwards."""
    (folder / "keys").write_text(KEYS)
    ports = ports or free_ports()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        env={
            "PATH": os.environ["PATH"],
            "INKLING_KAFKA_SERVERS": "127.0.0.1:1",
            "INKLING_TOKEN_KEYS_FILE": str(folder / "keys"),
            "INKLING_OBJECT_STORE": folder.as_uri(),
            "INKLING_TRACKER_SPOOL": str(folder / "spool"),
            "INKLING_TRACKER_PORT": str(ports.public("tracker")),
            "INKLING_TRACKER_PRIVATE_PORT": str(ports.private("tracker")),
            "INKLING_TRACKER_WORKERS": str(workers),
            "INKLING_DRAIN_SECONDS": "5",
            **more,
        },
        stdout=PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    running = Supervised(process, ports)
    reading = asyncio.create_task(running.read())
    try:
        if wait:
            await running.until_said("workers_serve")
        yield running
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        async with asyncio.timeout(SECONDS):
            await process.wait()
            await reading


async def all_gone(pids: list[int]) -> None:
    """Return when none of these processes is there any more."""
    marks = {pid: mark(pid) for pid in pids}
    await eventually(lambda: all(mark(pid) != marks[pid] for pid in pids if marks[pid]), SECONDS)


async def until(condition: Callable[[], bool]) -> None:
    """Return when the condition holds; TimeoutError when it does not in time."""
    await eventually(condition, SECONDS)


def behave(folder: Path, number: int, how: str) -> None:
    """Tell a tiny worker how to behave from its next start."""
    spool = folder / "spool"
    spool.mkdir(exist_ok=True)
    (spool / f"behaviour-{number}").write_text(how)
