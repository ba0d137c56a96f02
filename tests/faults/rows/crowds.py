"""Thousands of sockets that drip their requests byte by byte, beside readers who ask as people's programs do."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.faults.ground import Case, Ground, Row
from tests.faults.traffic import Traffic, flowing, lasting
from tests.support.eventually import eventually

_SECONDS = 120.0
_SOCKETS = 5_000
_HEAD_SECONDS = 5.0
"""What the tracker gives a head, from its first byte on."""
_HOSTS = 25
"""From how many addresses they come: an address may have so many connections and no more."""


class _Dripping:
    """Sockets in a process of their own, and how they stand."""

    def __init__(self) -> None:
        self.open = 0
        self.closed = 0
        self.longest = 0.0

    async def listen(self, reports: asyncio.StreamReader) -> None:
        """Take note of each report."""
        while line := await reports.readline():
            told = json.loads(line)
            self.open, self.closed, self.longest = told["open"], told["closed"], told["longest"]


@asynccontextmanager
async def _dripping(port: int, count: int) -> AsyncIterator[_Dripping]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.support.drip", str(port), str(count), str(_HOSTS)),
        stdout=asyncio.subprocess.PIPE,
    )
    if process.stdout is None:
        raise RuntimeError("the sockets tell nothing")
    sockets = _Dripping()
    listening = asyncio.ensure_future(sockets.listen(process.stdout))
    try:
        yield sockets
    finally:
        process.kill()
        await process.wait()
        await listening


async def e23(ground: Ground) -> Row:
    """Five thousand sockets drip bytes: they are closed in time, and healthy clients do not notice."""
    async with ground.case("e23") as case:
        edge = case.edge()
        await edge.start("/readyz")
        calm = await _measured(case, case.traffic(edge), ground)
        async with _dripping(edge.port, ground.count(_SOCKETS, 500)) as sockets:
            await eventually(lambda: sockets.open >= ground.count(_SOCKETS, 500) * 0.9, _SECONDS)
            # Twice each, since the machine may have other work in between.
            busy = min([await _measured(case, case.traffic(edge), ground) for _ in range(2)])
            await eventually(lambda: sockets.closed >= 100, _SECONDS)
        calm = max(calm, await _measured(case, case.traffic(edge), ground))
        case.hold(sockets.longest < 2 * _HEAD_SECONDS, f"one stayed {sockets.longest:.1f} s")
        # Where p99 is some milliseconds the double of it says little.
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
