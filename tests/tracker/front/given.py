"""A public port that is open, on either loop, and ways to speak to either of its front ends."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import uvloop

from services.runtime.lifecycle import Life
from services.tracker.clients import Network
from services.tracker.front.listener import Bounds, Front, listen
from services.tracker.front.sweep import Patience
from services.tracker.front.traffic import Cut, Refusal, Traffic
from tests.tracker.given import Tracker, an_application
from tests.tracker.wire import SECONDS

T = TypeVar("T")
LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}
DRAIN_SECONDS = 5.0
# as patient as the real one, but for how long a connection that is over may take to end
QUICK = Bounds(patience=Patience(linger_seconds=0.1))
# Nobody is at home at this path; it makes a connection aiohttp's.
_ELSEWHERE = b"HEAD /nobody HTTP/1.1\r\nHost: t.example\r\n\r\n"
_TURNS = 3
_STATUS = re.compile(rb"HTTP/[0-9]\.[0-9] ([0-9]{3}) ")
_DATE = re.compile(rb"(?m)^Date: [^\r]*\r$")

Say = Callable[[int, list[bytes]], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class Open:
    """A public port that is open."""

    port: int
    traffic: Traffic
    life: Life

    def cut(self, why: Cut) -> int:
        """Return how many connections were ended for that reason."""
        return self.traffic.cut[why]

    def refused(self, why: Refusal) -> int:
        """Return how many connections were refused for that reason."""
        return self.traffic.refused[why]


@asynccontextmanager
async def opened(
    tracker: Tracker,
    *trusted: Network,
    bounds: Bounds | None = None,
    drain_seconds: float = DRAIN_SECONDS,
    port: int = 0,
    sock: socket.socket | None = None,
) -> AsyncIterator[Open]:
    """Open the public port of a tracker."""
    traffic = Traffic(tracker.registry)
    front = Front(
        app=an_application(tracker, *trusted),
        doors=tracker.doors,
        traffic=traffic,
        trusted=trusted,
        bounds=bounds or QUICK,
    )
    async with asyncio.TaskGroup() as tasks:
        life = Life("tracker", tasks, drain_seconds)
        async with listen(front, "127.0.0.1", port, life, sock) as bound:
            yield Open(bound, traffic, life)


def on(loop: str, scene: Coroutine[Any, Any, T]) -> T:
    """Play a scene on one of the loops."""
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        return runner.run(scene)


class Client(asyncio.Protocol):
    """Hears everything, whatever becomes of the connection."""

    def __init__(self) -> None:
        self.heard = b""
        self.ended = asyncio.get_running_loop().create_future()
        self._wanted: tuple[bytes, asyncio.Future[None]] | None = None

    def data_received(self, data: bytes) -> None:
        self.heard += data
        if self._wanted is not None and self._wanted[0] in self.heard:
            self._wanted[1].set_result(None)
            self._wanted = None

    async def hear(self, part: bytes) -> None:
        """Wait until that was heard."""
        if part not in self.heard:
            self._wanted = (part, asyncio.get_running_loop().create_future())
            await self._wanted[1]

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended.set_result(None)


async def connected(port: int) -> tuple[asyncio.Transport, Client]:
    """Connect."""
    return await asyncio.get_running_loop().create_connection(Client, "127.0.0.1", port)


async def to_small(port: int, pieces: list[bytes]) -> bytes:
    """Say something to the small front end piece by piece, close our half, and return all that is answered."""
    async with asyncio.timeout(SECONDS):
        transport, client = await connected(port)
        return await _conclude(transport, client, pieces)


async def to_aiohttp(port: int, pieces: list[bytes]) -> bytes:
    """Say the same to aiohttp's."""
    async with asyncio.timeout(SECONDS):
        transport, client = await connected(port)
        transport.write(_ELSEWHERE)
        await client.hear(b"\r\n\r\n")
        client.heard = b""
        return await _conclude(transport, client, pieces)


async def _conclude(transport: asyncio.Transport, client: Client, pieces: list[bytes]) -> bytes:
    for piece in pieces:
        if not transport.is_closing():
            transport.write(piece)
        for _ in range(_TURNS):  # the server, on the same loop, reads it by itself
            await asyncio.sleep(0)
    if not transport.is_closing():
        with suppress(OSError):  # it may have been closed at the other end
            transport.write_eof()
    await client.ended
    return undated(client.heard)


FRONT_ENDS: dict[str, Say] = {"small": to_small, "aiohttp": to_aiohttp}


def undated(answered: bytes) -> bytes:
    """Return answers as they would be at any other time; each has a date."""
    return _DATE.sub(b"Date: then\r", answered)


def statuses(answered: bytes) -> tuple[int, ...]:
    """Return the statuses of all answers."""
    return tuple(int(status) for status in _STATUS.findall(answered))
