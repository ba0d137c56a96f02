"""Clients that never stop asking, and hold against the server whatever it breaks: byte by byte, nothing retried."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

_ANSWER_SECONDS = 10.0


@dataclass(slots=True)
class Load:
    """What a crowd of clients has met so far."""

    statuses: Counter[int] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    connections: int = 0

    @property
    def answered(self) -> int:
        return sum(self.statuses.values())


class _Client:
    def __init__(self, port: int, paths: Sequence[str], pause: float, load: Load) -> None:
        self._port = port
        self._paths = paths
        self._pause = pause
        self._load = load

    async def ask_for_ever(self) -> None:
        while True:
            try:
                await self._use_one_connection()
            except (OSError, EOFError, TimeoutError) as error:
                self._load.failures.append(repr(error))

    async def _use_one_connection(self) -> None:
        async with asyncio.timeout(_ANSWER_SECONDS):
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._load.connections += 1
        try:
            while (
                not reader.at_eof()
            ):  # a client may see that the server has closed, and then asks anew
                for path in self._paths:
                    if not await self._ask(reader, writer, path):
                        return
                    await asyncio.sleep(self._pause)
        finally:
            writer.close()

    async def _ask(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str
    ) -> bool:
        """Ask once; tell whether the connection may be used again."""
        async with asyncio.timeout(_ANSWER_SECONDS):
            writer.write(f"GET {path} HTTP/1.1\r\nHost: t.example\r\n\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            length = int(head.partition("content-length: ")[2].partition("\r\n")[0] or 0)
            await reader.readexactly(length)
        self._load.statuses[int(head.split()[1])] += 1
        return "connection: close" not in head


@asynccontextmanager
async def under_load(
    port: int, *paths: str, clients: int = 16, pause: float = 0.0
) -> AsyncIterator[Load]:
    """Have clients ask for those paths in turn, on connections that they keep, pausing between requests."""
    load = Load()
    async with asyncio.TaskGroup() as tasks:
        asking = [
            tasks.create_task(_Client(port, paths, pause, load).ask_for_ever())
            for _ in range(clients)
        ]
        try:
            yield load
        finally:
            for one in asking:
                one.cancel()
