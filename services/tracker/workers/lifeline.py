"""What a worker and its supervisor say to each other: a byte at a time, over a pair of sockets.

Its end is the most important word: the other one is gone. A worker whose supervisor is gone, or that is told to,
drains. No signal is used for that, because a person's Ctrl-C reaches both, and a second signal ends a worker at once.
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Final

from services.runtime.lifecycle import Life
from services.runtime.log import get_logger

log = get_logger(__name__)

SERVING: Final = b"s"
READY: Final = b"r"
UNREADY: Final = b"u"
DRAIN: Final = b"d"
_LOOK_SECONDS: Final = 0.1


async def hear(lifeline: socket.socket) -> bytes:
    """Return the next byte, b"" when the other one is gone; it may be silent for as long as it lives."""
    try:
        return await asyncio.get_running_loop().sock_recv(lifeline, 1)
    except OSError:  # it went while something that we said was unheard
        return b""


def say(lifeline: socket.socket, word: bytes) -> None:
    """Say one byte; one that nobody is there to hear is dropped."""
    with suppress(OSError):
        lifeline.send(word)


@asynccontextmanager
async def attended(
    serving: AbstractAsyncContextManager[None], lifeline: socket.socket, life: Life
) -> AsyncIterator[None]:
    """Serve as a worker: tell the supervisor how it goes, drain when it says so or is gone."""
    lifeline.setblocking(False)
    life.tasks.create_task(_obey(lifeline, life), name="lifeline")
    async with serving:
        say(lifeline, SERVING)
        life.tasks.create_task(_tell_readiness(lifeline, life), name="readiness")
        yield


async def _obey(lifeline: socket.socket, life: Life) -> None:
    if await hear(lifeline) != DRAIN:
        log.error("supervisor_gone")
    life.stop()


async def _tell_readiness(lifeline: socket.socket, life: Life) -> None:
    told = False
    while True:
        ready = not any(life.checks.problems().values())
        if ready != told:
            say(lifeline, READY if ready else UNREADY)
            told = ready
        await asyncio.sleep(_LOOK_SECONDS)
