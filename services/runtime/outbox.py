"""Publishes what was written beside a change, after it: rows of `outbox`, lane by lane in order.

A row goes when Kafka has it. A crash in between publishes it again, with the same key and headers.
Inside a lane all writers hold its checkpoint's row lock, so the order of `seq` is that of commits.
"""

import asyncio
import contextlib
import itertools
import random
from collections.abc import Awaitable, Callable, Collection, Sequence

from services.runtime.errors import Poison, Transient
from services.runtime.kafka import Outgoing
from services.runtime.lifecycle import Life
from services.runtime.log import get_logger
from services.runtime.postgres import Pool, Queries, Row
from services.runtime.publisher import Publishing
from services.runtime.retry import Backoff

log = get_logger(__name__)

_BATCH_ROWS = 500
_BATCH_BYTES = 256 * 1024  # far below what the publisher closes a batch at
_POLL_SECONDS = 1.0
_RETRY = Backoff(first_seconds=0.1, ceiling_seconds=2.0)
_SQL = Queries.load("services.runtime", "outbox.sql")


class Relay:
    """Relays the lanes that this process holds to the partitions of one topic."""

    def __init__(
        self,
        pool: Pool,
        publisher: Publishing,
        topic: str,
        lanes: Callable[[], Collection[int]],
    ) -> None:
        self._pool = pool
        self._publisher = publisher
        self._topic = topic
        self._lanes = lanes
        self._woken: set[int] = set()
        self._wake = asyncio.Event()
        self._look_at = 0.0
        self._trouble: str | None = None
        self.published = 0

    def wake(self, lane: int) -> None:
        """Say that a lane has new rows, to save them the wait for the next look at the table."""
        self._woken.add(lane)
        self._wake.set()

    def healthy(self) -> str | None:
        """Return None, or why rows stay where they are."""
        return self._trouble

    async def run(self, life: Life) -> None:
        """Relay until the process is to stop; rows left then wait for whoever holds the lane next."""
        attempt = 0
        while not life.stopping.is_set():
            self._wake.clear()
            try:
                await self._look()
            except (Transient, Poison) as error:
                if self._trouble is None:
                    log.warning("relay_degraded", reason=str(error))
                self._trouble = str(error)
                self._look_at = 0.0
                await _pause(life.stopping, _RETRY.delay(attempt, random.random()))  # noqa: S311
                attempt += 1
            else:
                attempt, self._trouble = 0, None
                await _pause(self._wake, _POLL_SECONDS)

    async def depth(self) -> tuple[int, int | None]:
        """Return how many rows wait in our lanes, and the instant of the oldest."""
        row = await self._pool.fetchrow(_SQL["depth"], list(self._lanes()))
        return (row["rows"], row["oldest"]) if row is not None else (0, None)

    async def _look(self) -> None:
        """Relay the lanes that were woken; when it is time, whichever the table says have rows."""
        ours = self._lanes()
        woken, self._woken = self._woken.intersection(ours), set()
        now = asyncio.get_running_loop().time()
        if now >= self._look_at:
            woken |= {row["lane"] for row in await self._pool.fetch(_SQL["lanes"], list(ours))}
            self._look_at = now + _POLL_SECONDS
        for lane in sorted(woken):
            await self._relay(lane)

    async def _relay(self, lane: int) -> None:
        """Publish one lane until nothing waits."""
        while rows := await self._pool.fetch(_SQL["waiting"], lane, _BATCH_ROWS):
            batch = one_batch([(row["seq"], _outgoing(row)) for row in rows])
            await self._publish(lane, batch)
            if len(batch) == len(rows) < _BATCH_ROWS:
                return

    async def _publish(self, lane: int, batch: Sequence[tuple[int, Outgoing]]) -> None:
        waits = [self._publisher.publish(self._topic, lane, record) for _, record in batch]
        results = await _all(waits)
        done = [seq for (seq, _), result in zip(batch, results, strict=True) if result is None]
        if done:
            await self._pool.execute(_SQL["published"], lane, done)
            self.published += len(done)
        for result in results:
            if result is not None:
                raise result


def one_batch(rows: Sequence[tuple[int, Outgoing]]) -> list[tuple[int, Outgoing]]:
    """Return as many rows from the first on as surely travel together.

    One batch at a time is written whole or not at all, so no row overtakes another.
    """
    sizes = itertools.accumulate(record.size() for _, record in rows)
    return [row for row, size in zip(rows, sizes, strict=True) if size <= _BATCH_BYTES] or [rows[0]]


async def _all(waits: Sequence[Awaitable[object]]) -> list[Transient | Poison | None]:
    """Wait for every result and return how each failed, if it did."""
    results: list[Transient | Poison | None] = []
    for wait in waits:
        try:
            await wait
        except (Transient, Poison) as error:
            results.append(error)
        else:
            results.append(None)
    return results


def _outgoing(row: Row) -> Outgoing:
    headers = tuple((name, str(text).encode()) for name, text in row["headers"].items())
    return Outgoing(key=row["key"], value=row["value"], headers=headers)


async def _pause(event: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
