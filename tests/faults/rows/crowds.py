"""Thousands of sockets that drip their requests byte by byte, beside readers who ask as people's programs do."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from tests.faults.ground import Case, Ground, Row
from tests.faults.traffic import Traffic, flowing, lasting
from tests.support.eventually import eventually

_SECONDS = 120.0
_SOCKETS = 5_000
_DRIP_SECONDS = 2.0
_BYTES = b"GET /o/"
_HEAD_SECONDS = 5.0
"""What the tracker gives a head, from its first byte on."""
_HOSTS = 25
"""From how many addresses they come: an address may have so many connections and no more."""


class _Dripping:
    """Sockets that send a byte now and then, and open again when they were closed."""

    def __init__(self, port: int, count: int) -> None:
        self.open = 0
        self.closed = 0
        self.longest = 0.0
        self._port = port
        self._count = count

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for number in range(self._count):
                tasks.create_task(self._drip(f"127.0.1.{number % _HOSTS + 1}"))

    async def _drip(self, host: str) -> None:
        while True:
            with suppress(OSError):
                await self._connect(host)

    async def _connect(self, host: str) -> None:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self._port, local_addr=(host, 0)
        )
        self.open += 1
        begun = time.monotonic()
        writing = asyncio.ensure_future(_write_slowly(writer))
        try:
            await reader.read()
            self.closed += 1
            self.longest = max(self.longest, time.monotonic() - begun)
        finally:
            self.open -= 1
            writing.cancel()
            writer.transport.abort()


async def _write_slowly(writer: asyncio.StreamWriter) -> None:
    while True:
        for number in range(len(_BYTES)):
            writer.write(_BYTES[number : number + 1])
            await asyncio.sleep(_DRIP_SECONDS)


@asynccontextmanager
async def _dripping(port: int, count: int) -> AsyncIterator[_Dripping]:
    sockets = _Dripping(port, count)
    task = asyncio.ensure_future(sockets.run())
    try:
        yield sockets
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def e23(ground: Ground) -> Row:
    """Five thousand sockets drip bytes: they are closed in time, and healthy clients do not notice."""
    async with ground.case("e23") as case:
        edge = case.edge()
        await edge.start("/readyz")
        calm = await _measured(case, case.traffic(edge), ground)
        async with _dripping(edge.port, ground.count(_SOCKETS, 500)) as sockets:
            await eventually(lambda: sockets.open >= ground.count(_SOCKETS, 500) * 0.9, _SECONDS)
            busy = await _measured(case, case.traffic(edge), ground)
            await eventually(lambda: sockets.closed >= 100, _SECONDS)
        case.hold(sockets.longest < _HEAD_SECONDS + 3.0, f"one stayed {sockets.longest:.1f} s")
        # At these rates p99 is some milliseconds, in which a machine's other work shows.
        case.hold(
            busy < max(2 * calm, 0.05),
            f"p99 {calm * 1000:.0f} ms alone, {busy * 1000:.0f} ms beside",
        )
        await case.settled(edge)
        return case.row(
            "E23 dripping sockets",
            f"{_SOCKETS} sockets, {sockets.closed} closed",
            f"p99 {calm * 1000:.0f} ms alone, {busy * 1000:.0f} ms beside them",
        )


async def _measured(case: Case, traffic: Traffic, ground: Ground) -> float:
    async with flowing(traffic):
        await eventually(lambda: traffic.acknowledged > 50, _SECONDS)
        begun = time.monotonic()
        await lasting(ground.seconds(15, 3))
    case.hold(not traffic.failures, f"requests failed: {dict(traffic.failures)}")
    return traffic.slowest(since=begun)
