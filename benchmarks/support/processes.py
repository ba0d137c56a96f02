"""Processes under measurement: started, pinned to a core where the system allows it, and what they cost."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

START_SECONDS = 30.0
STOP_SECONDS = 20.0


def can_measure() -> bool:
    """Whether this system tells what a process costs (Linux)."""
    return Path("/proc/self/stat").exists()


def cpu_seconds(pid: int) -> float:
    """Return the user and system time that all threads of a process have used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def tree_cpu_seconds(pid: int) -> float:
    """Return what a process and everything it started have used, those that ended included."""
    spent, waiting = 0.0, [pid]
    while waiting:
        one = waiting.pop()
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            started = Path(f"/proc/{one}/task/{one}/children").read_text().split()
        except (FileNotFoundError, ProcessLookupError):  # it ended, and its parent counts it
            continue
        spent += sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
        waiting += map(int, started)
    return spent


def peak_megabytes(pid: int) -> float:
    """Return the most memory that a process has had resident."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))


def pin(pid: int, core: int) -> bool:
    """Keep a process and its threads on one core; False where there is no such core or no such call."""
    if not hasattr(os, "sched_setaffinity") or core not in os.sched_getaffinity(0):
        return False
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            os.sched_setaffinity(int(task.name), {core})
        except ProcessLookupError:  # a thread that ended meanwhile
            continue
    return True


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


@asynccontextmanager
async def running(
    module: str, *arguments: str, port: int, environment: Mapping[str, str] | None = None
) -> AsyncIterator[int]:
    """Run a module of ours until the context closes, giving its process id once its port answers."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        *arguments,
        env={"PATH": os.environ.get("PATH", "")} | dict(environment or {}),
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(START_SECONDS):
            while not await _answers(port):
                if process.returncode is not None:
                    raise RuntimeError(f"{module} ended with {process.returncode}")
                await asyncio.sleep(0.02)
        yield process.pid
    finally:
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()


async def _answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
