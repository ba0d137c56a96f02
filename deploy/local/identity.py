"""Telling one incarnation of a process number from the next, so that a stranger is never signalled."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def mark(pid: int) -> str | None:
    """What only this incarnation of the number bears; None when no such process lives."""
    if _BOOT_ID.exists():
        return _mark_from_proc(pid)
    return _mark_from_ps(pid)


def _mark_from_proc(pid: int) -> str | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    # The command stands in parentheses and may hold any character; state and start time follow it.
    fields = stat.rpartition(")")[2].split()
    state, started_ticks = fields[0], fields[19]
    return None if state in "ZX" else f"{_BOOT_ID.read_text().strip()}/{started_ticks}"


def _mark_from_ps(pid: int) -> str | None:
    command = ["ps", "-o", "state=,lstart=", "-p", str(pid)]
    listing = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    state, _, started = listing.stdout.strip().partition(" ")
    return None if not state or state.startswith("Z") else started.strip()


def children(pid: int) -> list[int]:
    """The processes that a process has started and not yet buried, the oldest first."""
    lists = list(Path(f"/proc/{pid}/task").glob("*/children"))
    if lists:
        return sorted(int(child) for each in lists for child in _text(each).split())
    return [number for number, parent, _ in _processes() if parent == pid]


def orphans(pid: int, command: Sequence[str]) -> list[int]:
    """What is left of the group that a process led, now that it is dead: those that run the same program.

    Its number alone would not do: a group of strangers may have it by now.
    """
    if mark(pid) is not None or not command:
        return []
    # How the program itself is named differs between systems.
    arguments = " ".join(command[1:] or command)
    members = [number for number, _, group in _processes() if group == pid and number != pid]
    return [number for number in members if arguments in _command(number)]


def _processes() -> Iterator[tuple[int, int, int]]:
    """The number, the parent and the group of every process."""
    return _processes_from_proc() if _BOOT_ID.exists() else _processes_from_ps()


def _processes_from_proc() -> Iterator[tuple[int, int, int]]:
    for entry in Path("/proc").glob("[0-9]*/stat"):
        fields = _text(entry).rpartition(")")[2].split()
        if fields and fields[0] not in "ZX":
            yield int(entry.parent.name), int(fields[1]), int(fields[2])


def _processes_from_ps() -> Iterator[tuple[int, int, int]]:
    listing = ["ps", "-A", "-o", "pid=,ppid=,pgid="]
    told = subprocess.run(listing, capture_output=True, text=True, timeout=10, check=False)
    for line in told.stdout.splitlines():
        number, parent, group = map(int, line.split())
        yield number, parent, group


def _command(pid: int) -> str:
    told = Path(f"/proc/{pid}/cmdline")
    if told.exists():
        return _text(told).replace("\0", " ")
    listing = ["ps", "-o", "command=", "-p", str(pid)]
    return subprocess.run(listing, capture_output=True, text=True, timeout=10, check=False).stdout


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:  # it ended at this moment
        return ""
