"""A bad network between a client and a server of this machine: it cuts, swallows, delays, and loses answers.

Kafka has to advertise the proxy's port to those who come through it, or they would go round; see `brokers`.
"""

import asyncio
import struct
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

_PRODUCE = 0


class Proxy:
    """Forwards one port of 127.0.0.1 to another, as badly as it is told."""

    def __init__(self, port: int, target: int) -> None:
        self.port = port
        self.target = target
        """May be changed; new connections go there."""
        self.delay_seconds = 0.0
        """How much later each piece of either direction arrives."""
        self.answers_to_lose = 0
        """How many answers to Kafka's produce requests are still to be lost, each with its connection."""
        self.answers_lost = 0
        self.connections = 0
        """How many were taken so far."""
        self.refusing = False
        """Whether new connections are reset at once, as if nobody were there."""
        self._speaking = asyncio.Event()
        self._speaking.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        self.cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """Reset every connection there is; new ones are served."""
        for writer in list(self._writers):
            writer.transport.abort()

    def silence(self) -> None:
        """Swallow everything both ways from now on: sockets stay, and new ones are taken."""
        self._speaking.clear()

    def speak(self) -> None:
        """Forward again, first what was held back meanwhile."""
        self._speaking.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        self._writers.add(writer)
        try:
            if self.refusing:
                return
            await self._speaking.wait()
            there, back = await asyncio.open_connection("127.0.0.1", self.target)
            self._writers.add(back)
            try:
                await self._join(reader, writer, there, back)
            finally:
                self._writers.discard(back)
                back.transport.abort()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._writers.discard(writer)
            self._tasks.discard(task)
            writer.transport.abort()

    async def _join(
        self,
        client: asyncio.StreamReader,
        to_client: asyncio.StreamWriter,
        server: asyncio.StreamReader,
        to_server: asyncio.StreamWriter,
    ) -> None:
        asked: deque[int] = deque()
        ways = [
            asyncio.ensure_future(self._requests(client, to_server, asked)),
            asyncio.ensure_future(self._answers(server, to_client, asked)),
        ]
        try:
            # As soon as one side is done with it the other is told by a closed connection.
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _requests(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: deque[int]
    ) -> None:
        # Kafka answers a connection's requests in their order.
        with suppress(asyncio.IncompleteReadError):
            while True:
                frame = await _frame(reader)
                asked.append(struct.unpack_from(">h", frame, 4)[0])
                await self._forward(frame, writer)

    async def _answers(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: deque[int]
    ) -> None:
        with suppress(asyncio.IncompleteReadError):
            while True:
                frame = await _frame(reader)
                kind = asked.popleft()
                if kind == _PRODUCE and self.answers_to_lose:
                    # The broker has appended the batch, for it has answered.
                    self.answers_to_lose -= 1
                    self.answers_lost += 1
                    return
                await self._forward(frame, writer)

    async def _forward(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        if self.delay_seconds:
            await asyncio.sleep(self.delay_seconds)
        await self._speaking.wait()
        writer.write(data)
        await writer.drain()


async def _frame(reader: asyncio.StreamReader) -> bytes:
    """Read one of Kafka's requests or answers: four bytes of length, and so many bytes."""
    head = await reader.readexactly(4)
    return head + await reader.readexactly(int.from_bytes(head, "big"))


@asynccontextmanager
async def proxying(target: int, port: int = 0) -> AsyncIterator[Proxy]:
    """Have a proxy to that port, on a port of its own choice or on a given one."""
    proxy = Proxy(port, target)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.close()
