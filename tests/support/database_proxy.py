"""A bad network between a client and PostgreSQL, on which is heard what they say: `BEGIN`, `COMMIT`, and answers."""

import asyncio
import struct
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

from tests.support.proxy import Proxy

_SECURED = 80_877_103
"""What a client sends that would like TLS; one byte answers it."""


class Said(NamedTuple):
    """One message of the protocol: on which connection, whether the client said it, its letter and its content."""

    connection: int
    by_client: bool
    letter: bytes
    content: bytes

    @property
    def statement(self) -> str:
        """The text of a statement that is run or prepared; empty for anything else."""
        if self.by_client and self.letter == b"Q":
            return self.content.rstrip(b"\0").decode(errors="replace")
        if self.by_client and self.letter == b"P":
            return self.content.split(b"\0")[1].decode(errors="replace")
        return ""

    @property
    def committed(self) -> bool:
        """Whether the server says that a transaction is in."""
        return not self.by_client and self.letter == b"C" and self.content == b"COMMIT\0"


Listener = Callable[[Said], Awaitable[None]]


class DatabaseProxy(Proxy):
    """Forwards PostgreSQL's protocol, without TLS; `listener` hears each message before it is handed on."""

    def __init__(self, port: int, target: int) -> None:
        super().__init__(port, target)
        self.listener: Listener | None = None
        """Whoever raises `ConnectionAbortedError` has the message and its connection be lost."""

    async def _requests(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: deque[int]
    ) -> None:
        connection = id(asked)
        with suppress(asyncio.IncompleteReadError, ConnectionAbortedError):
            while True:
                head = await reader.readexactly(4)
                frame = head + await reader.readexactly(int.from_bytes(head, "big") - 4)
                wish = struct.unpack_from(">i", frame, 4)[0]
                if wish == _SECURED:
                    asked.append(wish)
                await self._forward(frame, writer)
                if wish != _SECURED:
                    break
            while True:
                await self._forward(await self._message(reader, connection, True), writer)

    async def _answers(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: deque[int]
    ) -> None:
        connection = id(asked)
        with suppress(asyncio.IncompleteReadError, ConnectionAbortedError):
            while True:
                letter = await reader.readexactly(1)
                if asked:
                    asked.popleft()
                    await self._forward(letter, writer)
                    continue
                rest = await self._message(reader, connection, False, letter)
                await self._forward(rest, writer)

    async def _message(
        self, reader: asyncio.StreamReader, connection: int, by_client: bool, letter: bytes = b""
    ) -> bytes:
        letter = letter or await reader.readexactly(1)
        head = await reader.readexactly(4)
        content = await reader.readexactly(int.from_bytes(head, "big") - 4)
        if self.listener is not None:
            await self.listener(Said(connection, by_client, letter, content))
        return letter + head + content


@asynccontextmanager
async def database_proxying(target: int) -> AsyncIterator[DatabaseProxy]:
    """Have a proxy to PostgreSQL's port, on a port of its own choice."""
    proxy = DatabaseProxy(0, target)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.close()
