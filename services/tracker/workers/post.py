"""One worker's place: filled, kept filled when the worker dies, given to a successor on demand."""

import asyncio
import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from services.runtime.log import get_logger
from services.runtime.retry import Backoff
from services.tracker.workers.worker import Worker, spawn

log = get_logger(__name__)

# One that came to serve is replaced at once; one that never does must not eat the others' processor.
_BACKOFF: Final = Backoff(first_seconds=0.1, ceiling_seconds=10.0, jitter=0.0)


class Post:
    """The place of one number; at most one worker is there at a time, since its port and its spool slot are one."""

    def __init__(
        self,
        number: int,
        command: Sequence[str],
        listening: socket.socket,
        tasks: asyncio.TaskGroup,
        start_seconds: float,
    ) -> None:
        """`tasks` live as long as the place; a worker that does not serve in `start_seconds` is killed."""
        self.number: Final = number
        self._command = command
        self._listening = listening
        self._tasks = tasks
        self._start_seconds = start_seconds
        self._worker: Worker | None = None
        self._deaths = 0
        self._closing = asyncio.Event()
        self._spawning = asyncio.Lock()
        self._successor: asyncio.Future[bool] | None = None

    @property
    def worker(self) -> Worker:
        """The worker that is there, or was last."""
        if self._worker is None:
            raise RuntimeError("nobody was there yet")
        return self._worker

    @property
    def serves(self) -> bool:
        """Whether a worker is there that serves."""
        return self._worker is not None and self._worker.serves

    @property
    def ready(self) -> bool:
        """Whether its worker says that it is ready, as its private door does."""
        return self._worker is not None and self._worker.ready

    async def fill(self) -> bool:
        """Start a worker and tell whether it came to serve; if not, it has ended."""
        async with self._spawning:
            if self._closing.is_set():
                return False
            worker = self._worker = await spawn(self.number, self._command, self._listening)
            self._tasks.create_task(worker.listen(), name=f"worker {self.number}")
        served = await worker.until_serving(self._start_seconds)
        if served:
            log.info("worker_serves", worker=self.number, pid=worker.pid)
        return served

    async def keep(self) -> None:
        """Keep the place filled, once it is, until it is closed."""
        failures = 0
        while True:
            code = await self.worker.ended()
            if self._closing.is_set():
                return
            if self._successor is None:
                await self._mourn(code, failures)
            served = await self._refill()
            failures = 0 if served else failures + 1
            if self._successor is not None:
                self._successor.set_result(served)
                self._successor = None

    async def replace(self, drain_seconds: float) -> bool:
        """Have the worker drain, then start its successor; tell whether that came to serve."""
        successor: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._successor = successor
        log.info("worker_retires", worker=self.number, pid=self.worker.pid)
        await self.worker.end(drain_seconds)
        return await successor

    def leave(self) -> None:
        """Start nobody here any more."""
        self._closing.set()

    async def close(self, seconds: float) -> int:
        """Have its worker drain, for good; return how it ended, 0 when nobody was there."""
        self.leave()
        async with self._spawning:
            if self._worker is None or self._worker.code is not None:
                return 0
        return await self._worker.end(seconds)

    def kill(self) -> None:
        """End its worker at once."""
        if self._worker is not None:
            self._worker.kill()

    async def _refill(self) -> bool:
        try:
            return await self.fill()
        except OSError as error:  # the machine has no room for a process at the moment
            log.error("worker_not_started", worker=self.number, reason=error.strerror)
            return False

    async def _mourn(self, code: int, failures: int) -> None:
        self._deaths += 1
        pause = _BACKOFF.delay(failures, 1.0)
        log.error(
            "worker_died",
            worker=self.number,
            pid=self.worker.pid,
            code=code,
            deaths=self._deaths,
            again_in_seconds=pause,
        )
        with suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._closing.wait()
