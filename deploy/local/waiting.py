"""Waiting for a program to answer, with a deadline and its last words when it does not."""

from __future__ import annotations

import time
from collections.abc import Callable

from deploy.local.processes import NotReadyError, Processes

_POLL_SECONDS = 0.02


def until_ready(
    processes: Processes, name: str, is_ready: Callable[[], bool], seconds: float
) -> None:
    """Return when the program answers; ProcessDiedError or NotReadyError when it will not."""
    deadline = time.monotonic() + seconds
    while not is_ready():
        processes.check_open()
        if not processes.is_running(name):
            raise processes.died(name)
        if time.monotonic() > deadline:
            message = f"{name} was not ready in {seconds:.0f} s; it said:\n{processes.tail(name)}"
            raise NotReadyError(message)
        time.sleep(_POLL_SECONDS)
