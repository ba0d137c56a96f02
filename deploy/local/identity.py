"""Telling one incarnation of a process number from the next, so that a stranger is never signalled."""

from __future__ import annotations

import subprocess
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
