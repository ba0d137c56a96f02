"""Speaks HTTP byte by byte, so that nothing between a test and the server can be polite."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What came back until the server closed."""

    status: int
    headers: Mapping[str, str]
    body: bytes


async def say(port: int, request: bytes) -> bytes:
    """Send bytes and return everything that is answered until the server closes."""
    async with asyncio.timeout(SECONDS):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
    return answer


async def ask(port: int, path: str, *headers: str, method: str = "GET", body: bytes = b"") -> Heard:
    """Make one request on a connection of its own."""
    lines = [f"{method} {path} HTTP/1.1", "Host: t.example", "Connection: close", *headers]
    head = "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape")
    return heard(await say(port, head + body))


def heard(answer: bytes) -> Heard:
    """Read one whole answer."""
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in rest)
    return Heard(status=int(first.split()[1]), headers=headers, body=body)


async def eventually(condition: Callable[[], Awaitable[bool]], seconds: float = SECONDS) -> None:
    """Return as soon as the condition holds; fail when it does not in time."""
    async with asyncio.timeout(seconds):
        while True:
            if await condition():
                return
            await asyncio.sleep(0.01)
