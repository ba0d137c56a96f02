"""Doors in front of real servers that let nothing through from a chosen moment: to stop a service between two steps.

What is held stays held, as if the network had swallowed it; whoever asked is killed meanwhile, and asks anew elsewhere.
"""

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

from services.runtime.objects import ObjectsConfig
from tests.support.s3 import S3

_PRODUCE = 0
_SECONDS = 60.0


@dataclass(slots=True)
class Hold:
    """What is to be held: before it reaches the server, or the answer after it did; `reached` once that is so."""

    applies: Callable[[str], bool]
    before: bool
    reached: asyncio.Event = field(default_factory=asyncio.Event)


class ObjectGate:
    """An S3 endpoint that hands everything on to a real one, but for the puts that are held."""

    def __init__(self, target: str) -> None:
        self._target = target
        self.holds: list[Hold] = []
        self.endpoint = ""

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Hand one request on."""
        body = await request.read()
        held = next(
            (one for one in self.holds if request.method == "PUT" and one.applies(request.path)),
            None,
        )
        if held is not None and held.before:
            await _for_ever(held)
        headers = {k: v for k, v in request.headers.items() if k.lower() != "content-length"}
        url = self._target + request.raw_path
        async with (
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.request(request.method, url, data=body, headers=headers) as answer,
        ):
            content = await answer.read()
        if held is not None:
            await _for_ever(held)
        kept = {
            k: v
            for k, v in answer.headers.items()
            if k.lower() in ("etag", "last-modified", "content-type", "content-range")
        }
        if request.method == "HEAD":
            kept["Content-Length"] = answer.headers.get("Content-Length", "0")
        return web.Response(status=answer.status, body=content, headers=kept)


@asynccontextmanager
async def an_object_gate(
    server: S3, prefix: str
) -> AsyncIterator[tuple[ObjectGate, ObjectsConfig]]:
    """Have such an endpoint, and the configuration that leads through it."""
    gate = ObjectGate(server.endpoint)
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_route("*", "/{path:.*}", gate.serve)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    gate.endpoint = f"http://127.0.0.1:{port}"
    config = server.config(prefix)
    try:
        yield (
            gate,
            ObjectsConfig(
                store=config.store,
                access_key=config.access_key,
                secret_key=config.secret_key,
                endpoint=gate.endpoint,
                region=config.region,
            ),
        )
    finally:
        await runner.cleanup()


class KafkaGate:
    """A broker's address that hands everything on to the real one, but for the produce requests that are held.

    Wherever the broker tells a client of itself, it is told of the gate instead: both addresses are equally long.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self.holds: list[Hold] = []
        self.port = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def servers(self) -> str:
        """The bootstrap address."""
        return f"127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hand one connection on."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        there, back = await asyncio.open_connection("127.0.0.1", self._target)
        held = asyncio.Event()
        ways = [
            asyncio.ensure_future(self._requests(reader, back, held)),
            asyncio.ensure_future(self._answers(there, writer, held)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            pass
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            back.transport.abort()
            writer.transport.abort()
            self._tasks.discard(task)

    async def close(self) -> None:
        """Let go of every connection."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _requests(
        self, reader: asyncio.StreamReader, back: asyncio.StreamWriter, held: asyncio.Event
    ) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                frame = await _frame(reader)
                hold = self._hold(frame)
                if hold is not None and hold.before:
                    await _for_ever(hold)
                if hold is not None:
                    held.set()
                back.write(frame)
                await back.drain()

    async def _answers(
        self, there: asyncio.StreamReader, writer: asyncio.StreamWriter, held: asyncio.Event
    ) -> None:
        real = b"127.0.0.1" + struct.pack(">i", self._target)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                frame = await _frame(there)
                if held.is_set():
                    # The broker has appended the batch, for it has answered.
                    for hold in self.holds:
                        hold.reached.set()
                    await asyncio.Event().wait()
                writer.write(frame.replace(real, b"127.0.0.1" + struct.pack(">i", self.port)))
                await writer.drain()

    def _hold(self, frame: bytes) -> Hold | None:
        if struct.unpack_from(">h", frame, 4)[0] != _PRODUCE:
            return None
        text = frame.decode("latin-1")
        return next((one for one in self.holds if one.applies(text)), None)


@asynccontextmanager
async def a_kafka_gate(target: int) -> AsyncIterator[KafkaGate]:
    """Have such an address."""
    gate = KafkaGate(target)
    server = await asyncio.start_server(gate.serve, "127.0.0.1", 0)
    gate.port = server.sockets[0].getsockname()[1]
    try:
        yield gate
    finally:
        server.close()
        await gate.close()


async def _for_ever(hold: Hold) -> None:
    hold.reached.set()
    await asyncio.Event().wait()


async def _frame(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(4)
    return head + await reader.readexactly(int.from_bytes(head, "big"))
