"""The thread in which the disk is waited for; the event loop hands it work and is told what came of it."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Final

from services.tracker.spool.segments import Outcome, Segments

Work = Callable[[], Outcome]
Told = Callable[[Outcome], None]


class Writer:
    """Does one piece of work at a time, in order, and what the clock asks of the segments in between."""

    def __init__(self, segments: Segments, ticked: Told, failed: Callable[[], None]) -> None:
        """`ticked` and `failed` are called in the event loop; the latter when the thread ends untold, by a bug."""
        self._segments: Final = segments
        self._ticked: Final = ticked
        self._failed: Final = failed
        self._work: Final[SimpleQueue[tuple[Work, Told] | None]] = SimpleQueue()
        # It is not waited for at exit: a disk that hangs must not keep the process.
        self._thread: Final = threading.Thread(target=self._run, name="spool-writer", daemon=True)
        self._stopping = False
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Begin; the running event loop is the one that is told."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def submit(self, work: Work, told: Told) -> None:
        """Have something done; `told` is called in the event loop."""
        self._work.put((work, told))

    def stop(self) -> None:
        """End once all that was submitted is done; returns at once."""
        self._stopping = True
        self._work.put(None)

    def _run(self) -> None:
        try:
            while True:
                due = self._segments.due_seconds()
                if due == 0.0:
                    self._tell(self._ticked, self._segments.tick())
                    continue
                try:
                    given = self._work.get(timeout=due)
                except Empty:
                    continue
                if given is None:
                    return
                work, told = given
                self._tell(told, work())
        finally:
            if not self._stopping:
                self._call(self._failed)

    def _tell(self, told: Told, outcome: Outcome) -> None:
        self._call(lambda: told(outcome))

    def _call(self, callback: Callable[[], None]) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed: nobody is left to be told
                self._loop.call_soon_threadsafe(callback)
