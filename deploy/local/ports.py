"""Which port each door has on this machine, and who holds one that is taken."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

DEFAULT_BASE = 7400
PRIVATE_STEP = 50
SERVICES = ("tracker", "rewriter", "projector", "alerts")
# The tracker's workers have the private ports that follow the tracker's; the next service's are ten further on.
MOST_WORKERS = 10
_OFFSETS = {
    "tracker": 0,
    "rewriter": 10,
    "projector": 20,
    "alerts": 30,
    "postgres": 32,
    "kafka": 92,
    "kafka controller": 93,
}
# Below the range that the kernel hands out to clients, so that no connection takes a port while a server restarts.
_FREE_BLOCKS = range(10_000, 32_000, 100)


class NoFreePortsError(Exception):
    """No block of ports on this machine is free."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The ports of one stack, all laid out from one base."""

    base: int = DEFAULT_BASE

    def public(self, name: str) -> int:
        """The port on which a service, `kafka`, `kafka controller` or `postgres` is reached."""
        return self.base + _OFFSETS[name]

    def private(self, service: str, worker: int = 0) -> int:
        """The port of a service's probes and metrics; of the tracker's, those of one worker."""
        return self.public(service) + PRIVATE_STEP + worker

    def __iter__(self) -> Iterator[tuple[str, int]]:
        for name in _OFFSETS:
            yield name, self.public(name)
        for service in SERVICES:
            yield f"{service} (private)", self.private(service)

    def of_workers(self, count: int) -> Iterator[tuple[str, int]]:
        """The ports that so many workers of the tracker need beside those of one."""
        for worker in range(1, count):
            yield f"tracker (private, worker {worker})", self.private("tracker", worker)


def parse_base(text: str) -> Ports:
    """The layout for `INKLING_PORT_BASE`; raises ValueError with a sentence when it cannot be one."""
    highest = 65_535 - max(_OFFSETS.values())
    if not text.isdecimal() or not 1_024 <= int(text) <= highest:
        message = f"INKLING_PORT_BASE must be a number from 1024 to {highest}, not {text!r}"
        raise ValueError(message)
    return Ports(base=int(text))


def free_ports() -> Ports:
    """A layout of which every port is free now; different for each caller, by chance."""
    start = secrets.randbelow(len(_FREE_BLOCKS))
    for step in range(len(_FREE_BLOCKS)):
        ports = Ports(base=_FREE_BLOCKS[(start + step) % len(_FREE_BLOCKS)])
        if not any(is_taken(port) for _, port in (*ports, *ports.of_workers(MOST_WORKERS))):
            return ports
    message = f"no free block of ports from {_FREE_BLOCKS.start} to {_FREE_BLOCKS.stop}"
    raise NoFreePortsError(message)


def taken(ports: Ports, workers: int = 1) -> list[str]:
    """One sentence for each port that somebody holds, naming the holder."""
    return [
        f"port {port} ({name}) is held by {holder(port)}"
        for name, port in (*ports, *ports.of_workers(workers))
        if is_taken(port)
    ]


def is_taken(port: int) -> bool:
    """Whether a server could not listen on the port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    with socket.socket() as probe:
        probe.settimeout(0.2)
        # Some systems let a narrower address be bound beside a wildcard listener.
        return probe.connect_ex(("127.0.0.1", port)) == 0


def holder(port: int) -> str:
    """The process that listens on a port, as precisely as this machine tells."""
    found = _holder_from_proc(port) or _holder_from_lsof(port)
    return found or "a process that is not ours to see"


def _holder_from_proc(port: int) -> str | None:
    sockets = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    for descriptor in Path("/proc").glob("[0-9]*/fd/*") if sockets else ():
        try:
            if os.readlink(descriptor) in sockets:
                return _describe(int(descriptor.parts[2]))
        except OSError:  # gone, or another user's
            continue
    return None


def _listening_inodes(port: int) -> Iterator[str]:
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        if not table.exists():
            continue
        for line in table.read_text().splitlines()[1:]:
            fields = line.split()
            listening = fields[3] == "0A"
            if listening and int(fields[1].rpartition(":")[2], 16) == port:
                yield fields[9]


def _describe(pid: int) -> str:
    command = (
        Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    )
    return f"process {pid}: {_shorten(command.strip())}"


def _holder_from_lsof(port: int) -> str | None:
    program = shutil.which("lsof")
    if program is None:
        return None
    command = [program, "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-Fpc"]
    listing = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    fields = {line[0]: line[1:] for line in listing.stdout.splitlines() if line}
    return f"process {fields['p']}: {fields.get('c', '?')}" if "p" in fields else None


def _shorten(command: str) -> str:
    return command if len(command) <= 120 else f"{command[:117]}..."
