"""A local receiver of webhooks that behaves as its path says: well, slowly, rudely, or not at all."""

import asyncio
import contextlib
import ssl
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

DRIP_SECONDS: Final = 0.05
HUGE_BYTES: Final = 64 * 1024 * 1024
_EMPTY: Final = b"Content-Length: 0\r\n\r\n"
_SEEN: Final = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request as it came."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


@dataclass(slots=True, kw_only=True)
class Receiver:
    """What came, and what is answered; the first part of a path names the behaviour.

    `/ok`, `/status/503`, `/hang`, `/drip` (the head, a byte at a time), `/dribble` (200, then the body so), `/reset`,
    `/redirect`, `/throttle` (429), `/huge`, `/garbage`, `/held` (200 once `gate` is set).
    """

    port: int = 0
    scheme: str = "http"
    calls: list[Call] = field(default_factory=list)
    connections: int = 0
    most_open: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    sent: int = 0
    location: str = "http://127.0.0.1:1/"
    retry_after: str = "7"
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    _open_by: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        """Where a behaviour is found."""
        return f"{self.scheme}://{host}:{self.port}/{path}"

    def at(self, path: str) -> list[Call]:
        """The calls of one path."""
        return [call for call in self.calls if call.path == f"/{path}"]

    def ids(self) -> list[str]:
        """The `webhook-id` of every call, in order."""
        return [call.id for call in self.calls]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one request, and behave."""
        self.connections += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            call = await _read(reader)
            self.calls.append(call)
            self._open_by[call.path] += 1
            most = max(self.most_open[call.path], self._open_by[call.path])
            self.most_open[call.path] = most
            try:
                await self._behave(call, reader, writer)
            finally:
                self._open_by[call.path] -= 1
        writer.close()

    async def _behave(
        self, call: Call, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        name, _, detail = call.path.lstrip("/").partition("/")
        match name:
            case "hang":
                await reader.read()  # until the other end has had enough
            case "reset":
                writer.transport.abort()
            case "drip":
                await self._drip(writer, _SEEN + b"X-Long: " + b"x" * 4000)
            case "dribble":
                await _send(writer, _SEEN + b"Content-Length: 4000\r\n\r\n")
                await self._drip(writer, b"x" * 4000)
            case "huge":
                await self._flood(writer)
            case "held":
                await self.gate.wait()
                await _send(writer, _SEEN + _EMPTY)
            case _:
                await _send(writer, self._answer(name, detail))

    def _answer(self, name: str, detail: str) -> bytes:
        match name:
            case "redirect":
                return f"HTTP/1.1 302 Found\r\nLocation: {self.location}\r\n".encode() + _EMPTY
            case "throttle":
                return f"HTTP/1.1 429 No\r\nRetry-After: {self.retry_after}\r\n".encode() + _EMPTY
            case "garbage":
                return b"\x00\x01\x02 not HTTP at all\r\n\r\n"
            case "status":
                head = f"HTTP/1.1 {detail.partition('/')[0]} Said\r\nConnection: close\r\n"
                return head.encode() + b"Content-Length: 4\r\n\r\nbody"
            case _:
                return _SEEN + _EMPTY

    async def _drip(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        for place in range(len(data)):
            await _send(writer, data[place : place + 1])
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DRIP_SECONDS):
                    await self.over.wait()

    async def _flood(self, writer: asyncio.StreamWriter) -> None:
        head = f"Content-Length: {HUGE_BYTES}\r\n\r\n".encode()
        await _send(writer, _SEEN + head)
        for _ in range(HUGE_BYTES // 65_536):
            await _send(writer, b"x" * 65_536)
            self.sent += 65_536


async def _read(reader: asyncio.StreamReader) -> Call:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip("\r\n").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Call(path=first.split(" ")[1], headers=headers, body=body)


async def _send(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)
    await writer.drain()


@asynccontextmanager
async def receiving(trust: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """Receive on a port of its own, with TLS where a context is given."""
    receiver = Receiver(scheme="http" if trust is None else "https")
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, ssl=trust)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        receiver.over.set()
        receiver.gate.set()
        server.close()
