"""Files on the network: readers that are slow, stall or go, and a store that fails in the middle."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer

from schemas.files import FileKind, content_key
from tests.support.eventually import eventually
from tests.tracker.given import (
    FILE_INDEX,
    MESSAGE,
    TENANT,
    Tracker,
    a_file,
    a_tracker,
    an_application,
    attachment_token,
)
from tests.tracker.wire import SECONDS, ask

SIZE = 256 * 1024 * 1024
# What a socket's buffers and the tracker's own may hold of a file that nobody reads.
BUFFERED = 64 * 1024 * 1024
KEY = content_key(TENANT, MESSAGE, FileKind.ATTACHMENT, FILE_INDEX)
GET = f"GET /a/{attachment_token()} HTTP/1.1\r\nHost: t.example\r\n\r\n".encode()


@asynccontextmanager
async def a_large_file(folder: Path, stall_seconds: float) -> AsyncIterator[tuple[Tracker, int]]:
    """Serve a quarter of a gigabyte that takes no room on the disk."""
    tracker = await a_tracker(folder, stall_seconds)
    await tracker.store(a_file(b"", size=SIZE), b"")
    with (folder / KEY).open("r+b") as content:
        content.truncate(SIZE)
    async with TestServer(an_application(tracker), access_log=None) as server:
        assert server.port is not None
        yield tracker, server.port


async def begin(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Ask for the file over a small window and read the head of the answer."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    connection.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(connection, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=connection, limit=65536)
    writer.write(GET)
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert f"Content-Length: {SIZE}".encode() in head
    return reader, writer


async def read_on(reader: asyncio.StreamReader) -> int:
    """Read until the connection ends, however it does; return how much came."""
    count = 0
    try:
        while part := await reader.read(1 << 20):
            count += len(part)
    except ConnectionError:
        pass
    return count


def sent(tracker: Tracker) -> float:
    return tracker.counted("file_bytes_total", kind="attachment")


async def test_a_whole_file_arrives(tmp_path: Path) -> None:
    async with a_large_file(tmp_path, 30) as (tracker, port), asyncio.timeout(60):
        reader, writer = await begin(port)
        count = 0
        while count < SIZE:
            count += len(await reader.read(1 << 20))
        writer.close()
        await eventually(lambda: sent(tracker) == SIZE)
        assert count == SIZE


async def test_a_slow_reader_holds_back_the_store_and_nobody_else(tmp_path: Path) -> None:
    async with a_large_file(tmp_path, 30) as (tracker, port), asyncio.timeout(SECONDS):
        slow = [await begin(port) for _ in range(10)]
        assert tracker.counted("downloads") == 10
        answer = await ask(port, f"/a/{attachment_token()}", "Range: bytes=-9")
        assert (answer.status, answer.body) == (206, b"\0" * 9)
        assert sent(tracker) < 10 * BUFFERED
        for _, writer in slow:
            writer.close()
        await eventually(lambda: tracker.counted("downloads") == 0)


async def test_when_the_reader_goes_nothing_more_is_read(tmp_path: Path) -> None:
    async with a_large_file(tmp_path, 30) as (tracker, port), asyncio.timeout(SECONDS):
        _, writer = await begin(port)
        writer.close()
        await eventually(lambda: tracker.counted("downloads") == 0)
        assert sent(tracker) < BUFFERED
        assert tracker.counted("hits_total", kind="attachment", outcome="recorded") == 1


async def test_a_reader_that_stalls_is_cut_off(tmp_path: Path) -> None:
    async with a_large_file(tmp_path, 0.2) as (tracker, port), asyncio.timeout(SECONDS):
        reader, writer = await begin(port)
        await eventually(lambda: tracker.counted("downloads") == 0)
        assert await read_on(reader) < BUFFERED
        writer.close()


@pytest.mark.parametrize("how", ["deleted", "cut"])
async def test_a_file_that_ends_before_its_end_is_not_taken_for_whole(
    tmp_path: Path, how: str
) -> None:
    async with a_large_file(tmp_path, 30) as (tracker, port), asyncio.timeout(SECONDS):
        reader, writer = await begin(port)
        if how == "deleted":
            await tracker.objects.delete(KEY)
        else:
            with (tmp_path / KEY).open("r+b") as content:
                content.truncate(300_000)
        assert await read_on(reader) < BUFFERED
        writer.close()
        assert tracker.counted("object_store_failures_total", call="content") == 1
        await eventually(lambda: tracker.counted("downloads") == 0)
