"""The public port, as the open internet needs it: patient with nobody, and orderly when it closes."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from aiohttp import http_parser, web

from services.runtime.errors import Fatal
from services.runtime.lifecycle import Life
from services.runtime.log import get_logger
from services.tracker.clients import Network
from services.tracker.config import LimitsConfig
from services.tracker.doors import Doors
from services.tracker.front.accepting import Accepting
from services.tracker.front.admission import Admission, Place
from services.tracker.front.connection import Connection, Port
from services.tracker.front.handover import Aiohttp, Handler
from services.tracker.front.open_files import raise_limit
from services.tracker.front.sweep import PATIENCE, Patience, Sweep
from services.tracker.front.traffic import Traffic
from services.tracker.front.wire import Wire
from services.tracker.workers.listening import open_listening

log = get_logger(__name__)

# The part of the drain that open requests may use; what they started still has to be flushed.
_DOOR_SHARE: Final = 0.6
# The part of that in which a client that is idle may still ask once more, and is told to go elsewhere.
_IDLE_SHARE: Final = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What strangers may take: time and connections."""

    patience: Patience = PATIENCE
    connections: int = 10_000
    connections_per_address: int = 512

    @classmethod
    def of(cls, config: LimitsConfig) -> "Bounds":
        """Take them from the configuration."""
        patience = Patience(head_seconds=config.head_seconds, idle_seconds=config.idle_seconds)
        return cls(
            patience=patience,
            connections=config.connections,
            connections_per_address=config.connections_per_address,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """Both front ends: what they ask, whom they believe, and what they count."""

    app: web.Application
    doors: Doors
    traffic: Traffic
    trusted: Sequence[Network] = ()
    bounds: Bounds = field(default_factory=Bounds)


@asynccontextmanager
async def listen(
    front: Front, host: str, port: int, life: Life, sock: socket.socket | None = None
) -> AsyncIterator[int]:
    """Serve while the context is open, giving the port; then take nobody new and let requests end.

    With `sock`, a listening socket that others may share, host and port are not looked at; closing it closes this
    process's share. Meanwhile every answer ends its connection. Requests that outlast their share of the drain are cut.
    """
    if http_parser.HttpRequestParser is http_parser.HttpRequestParserPy:
        raise Fatal("aiohttp's C parser is not loaded; the Python one has had smuggling bugs")
    raise_limit(front.bounds.connections)
    listening = await open_listening(host, port) if sock is None else sock
    house = _House(front, life, shared=sock is not None)
    try:
        await house.open(listening)
        bound: int = listening.getsockname()[1]
        log.info("listening", host=host, port=bound)
        yield bound
        await house.drain(life.remaining() * _DOOR_SHARE)
    finally:
        await house.close()
        listening.close()


class _House:
    """The parts of a public port that is open."""

    def __init__(self, front: Front, life: Life, *, shared: bool) -> None:
        bounds = front.bounds
        self._traffic: Final = front.traffic
        self._empty: Final = asyncio.Event()
        self._draining = False
        wire = Wire(life.clock.now())
        self._sweep: Final = Sweep(bounds.patience, life.clock, wire)
        front.app.on_response_prepare.append(self._announce_end)
        self._runner: Final = web.AppRunner(front.app)
        self._aiohttp: Final = Aiohttp(self._runner, bounds.patience, self._sweep, front.traffic)
        self._admission: Final = Admission(
            front.traffic, bounds.connections, bounds.connections_per_address, front.trusted
        )
        self._port: Final = Port(
            doors=front.doors,
            trusted=front.trusted,
            admission=self._admission,
            sweep=self._sweep,
            wire=wire,
            traffic=front.traffic,
            hand_over=self._hand_over,
            left=self._leave,
        )
        self._accepting: Accepting | None = None
        self._tasks: Final = life.tasks
        self._shared: Final = shared

    async def open(self, listening: socket.socket) -> None:
        """Take connections."""
        await self._runner.setup()
        self._sweep.start()
        self._accepting = Accepting(listening, lambda: Connection(self._port), self._tasks)
        await self._accepting.open(listening)

    async def drain(self, seconds: float) -> None:
        """Take no more, answer what was asked, and end connections in good order."""
        if self._accepting is not None:
            await self._accepting.close(shared=self._shared)
        self._port.draining = self._draining = True
        await self._emptied(seconds * _IDLE_SHARE)
        self._port.over = True
        for connection in tuple(self._port.connections):
            connection.retire()
        self._aiohttp.retire()
        await self._emptied(seconds * (1 - _IDLE_SHARE))

    async def close(self) -> None:
        """End whatever is left."""
        if self._accepting is not None:
            await self._accepting.close(shared=True)
        for connection in tuple(self._port.connections):
            connection.cut_off()
        await self._aiohttp.cut_off()
        await self._runner.cleanup()
        self._sweep.stop()

    async def _emptied(self, seconds: float) -> None:
        if self._traffic.open:
            try:
                async with asyncio.timeout(seconds):
                    await self._empty.wait()
            except TimeoutError:
                return

    def _hand_over(
        self, transport: asyncio.Transport, place: Place, received: bytes, ended: bool
    ) -> None:
        self._aiohttp.take(transport, place, received, ended, self._leave)

    def _leave(self, place: Place) -> None:
        self._admission.leave(place)
        if self._draining and not self._traffic.open:
            self._empty.set()

    async def _announce_end(self, request: web.Request, response: web.StreamResponse) -> None:
        handler = request.protocol
        if self._draining and not (isinstance(handler, Handler) and handler.has_more()):
            response.headers["Connection"] = "close"
            response.force_close()
