"""One worker process, as its supervisor sees it: started, heard, told to drain, ended."""

import asyncio
import os
import signal
import socket
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from typing import Final

from services.runtime.log import get_logger
from services.tracker.workers.lifeline import DRAIN, READY, SERVING, UNREADY, hear, say

log = get_logger(__name__)

# The kernel ends a killed process at once, unless it hangs in a device that does not answer.
_KILLED_SECONDS: Final = 5.0


class Worker:
    """A process that has been started; `listen` must run as long as it does."""

    def __init__(self, number: int, process: Process, lifeline: socket.socket) -> None:
        self.number: Final = number
        self.serves = False
        self.ready = False
        self._process = process
        self._lifeline = lifeline
        self._news = asyncio.Event()

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self._process.pid

    @property
    def code(self) -> int | None:
        """How it ended, negative for a signal; None while it runs."""
        return self._process.returncode

    async def listen(self) -> None:
        """Note what it says until it is gone."""
        try:
            while word := await hear(self._lifeline):
                match word:
                    case _ if word == SERVING:
                        self.serves = True
                        self._news.set()
                    case _ if word in (READY, UNREADY):
                        self.ready = word == READY
        finally:
            self.serves = self.ready = False
            self._news.set()
            self._lifeline.close()

    async def until_serving(self, seconds: float) -> bool:
        """Tell whether it came to serve; if not, it has ended, by our hand when it took too long."""
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            log.error("worker_not_serving", worker=self.number, pid=self.pid, seconds=seconds)
            self.kill()
        if not self.serves:
            await self.ended()
        return self.serves

    async def ended(self) -> int:
        """Wait until it ends, however long that is, and return how."""
        return await self._process.wait()

    async def end(self, seconds: float) -> int:
        """Have it drain, kill it when it does not within the time, and return how it ended."""
        say(self._lifeline, DRAIN)
        try:
            async with asyncio.timeout(seconds):
                return await self.ended()
        except TimeoutError:
            log.error("worker_killed", worker=self.number, pid=self.pid, seconds=round(seconds, 3))
            self.kill()
        with suppress(TimeoutError):
            async with asyncio.timeout(_KILLED_SECONDS):
                await self.ended()
        return -signal.SIGKILL

    def kill(self) -> None:
        """End it as `kill -9` does; nothing happens when it has ended."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)


async def spawn(number: int, command: Sequence[str], listening: socket.socket) -> Worker:
    """Start the worker of that number; `command` gets its number and the numbers of both sockets."""
    ours, theirs = socket.socketpair()
    with theirs, ExitStack() as undoing:
        undoing.callback(ours.close)
        ours.setblocking(False)
        shared = (listening.fileno(), theirs.fileno())
        process = await asyncio.create_subprocess_exec(
            *command, *map(str, (number, *shared)), stdin=DEVNULL, pass_fds=shared
        )
        undoing.pop_all()
    return Worker(number, process, ours)
