"""Makes a database remember every fact that the facts topic has, so that none is stated a second time.

A fact is remembered in the transaction that states it and published afterwards. So a published fact that is not
remembered says that the database is new, or older than the topic, and in each partition what is remembered lies before
what is not. What is read once more changes nothing: killed anywhere, the next run finds its place by looking.
"""

import asyncio
import contextlib
import random
from collections.abc import Sequence
from typing import Final

from schemas import topics
from services.projector import stated
from services.projector.metrics import Metrics
from services.projector.stated import Stated
from services.runtime.errors import Transient
from services.runtime.leases import Lane
from services.runtime.lifecycle import Life
from services.runtime.log import get_logger
from services.runtime.postgres import Pool, Queries
from services.runtime.reader import Reader
from services.runtime.records import Record
from services.runtime.retry import Backoff

log = get_logger(__name__)

_SQL: Final = Queries.load("services.projector", "projections/reseed.sql")
_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.5
_IDLE_POLLS: Final = 40
_AT_ONCE: Final = 2000
# Copies that a relay published twice lie between those that wait.
_MARGIN: Final = 1000
_PROGRESS_RECORDS: Final = 200_000
_RETRY: Final = Backoff(first_seconds=0.1, ceiling_seconds=5.0)


class Reseeding:
    """Reads the facts topic into ``first_fact`` before anything is folded."""

    def __init__(
        self,
        pool: Pool,
        reader: Reader,
        topic: str = topics.FACTS.name,
        metrics: Metrics | None = None,
    ) -> None:
        self._pool = pool
        self._metrics = metrics
        self._reader = reader
        self._topic = topic
        self._stopping = asyncio.Event()
        self._remaining = 0
        self._trouble: str | None = "facts: not compared with the topic yet"

    def problem(self) -> str | None:
        """Return None, or why nothing is folded yet."""
        return self._trouble

    async def run(self, life: Life) -> int:
        """Remember what is missing, trying until it is done or the process is to stop; returns how many were."""
        attempt = 0
        self._stopping = life.stopping
        try:
            while not life.stopping.is_set():
                try:
                    added = await self.once(whole=False)
                except Transient as error:
                    if attempt == 0:
                        log.warning("facts_not_compared", reason=str(error))
                    self._trouble = str(error)
                    if self._metrics is not None:
                        self._metrics.reseed_failures.inc()
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(_RETRY.delay(attempt, random.random())):  # noqa: S311
                            await life.stopping.wait()
                    attempt += 1
                else:
                    self._trouble = None
                    return added
        finally:
            await self._reader.close(_SECONDS)
        return 0

    async def once(self, *, whole: bool) -> int:
        """Remember what is missing, looking at the whole topic or from the first fact that is; returns how many were.

        Transient when Kafka or PostgreSQL does not answer, or the topic is not there.
        """
        name = self._topic
        await self._reader.close(_SECONDS)
        await self._reader.start(_SECONDS)
        found = await self._reader.topics([name], _SECONDS)
        if name not in found:
            raise Transient(f"kafka: there is no topic {name}")
        lanes = [Lane(name, number) for number in range(found[name].partitions)]
        begins = await self._reader.beginning_offsets(lanes, _SECONDS)
        ends = await self._reader.end_offsets(lanes, _SECONDS)
        starts = {
            lane: begins[lane] if whole else await self._place(lane, begins[lane], ends[lane])
            for lane in lanes
        }
        self._remaining = sum(ends[lane] - start for lane, start in starts.items())
        self._tell(0)
        added = 0
        for lane, start in starts.items():
            if start < ends[lane]:
                added += await self._read(lane, start, ends[lane])
        return added

    def _tell(self, passed: int) -> None:
        """Tell how many records are still to be read, when some more were."""
        self._remaining -= passed
        if self._metrics is not None:
            self._metrics.reseed_remaining.set(self._remaining)

    async def _place(self, lane: Lane, begin: int, end: int) -> int:
        """Say from where on a lane has facts that are not remembered, or that wait although they are published."""
        waiting = int(await self._pool.fetchval(_SQL["waiting"], lane.partition))
        if begin == end:
            return end
        missing = end if await self._remembered(lane, end - 1, end) else None
        if missing is None:
            known, missing = begin - 1, end - 1
            while missing - known > 1:
                middle = (known + missing) // 2
                if await self._remembered(lane, middle, end):
                    known = middle
                else:
                    missing = middle
        elif not waiting:
            return end
        return max(begin, missing - 2 * waiting - _MARGIN)

    async def _remembered(self, lane: Lane, offset: int, end: int) -> bool:
        """Tell whether the first fact from an offset on is remembered; what is no fact is not."""
        self._reader.assign({lane: offset})
        records, _ = await self._poll(lane, end)
        one = stated.read(records[0]) if records else None
        return one is not None and await self._known([one]) == 1

    async def _read(self, lane: Lane, start: int, end: int) -> int:
        """Remember all facts of a lane between two offsets; returns how many were not remembered."""
        log.info("facts_reseeding", lane=str(lane), offset=start, end=end)
        self._reader.assign({lane: start})
        place, told, added, foreign, idle = start, start, 0, 0, 0
        while place < end and not self._stopping.is_set():
            before = place
            records, place = await self._poll(lane, end)
            idle = 0 if place > before else idle + 1
            self._tell(min(place, end) - min(before, end))
            if idle > _IDLE_POLLS:
                raise Transient(f"kafka: {lane} brings nothing from {place} on, and ends at {end}")
            facts = [one for one in map(stated.read, records) if one is not None]
            foreign += len(records) - len(facts)
            added += await self._remember(lane, facts)
            if place - told >= _PROGRESS_RECORDS:
                told = place
                percent = 100 * (place - start) // (end - start)
                log.info("facts_reseed_progress", lane=str(lane), percent=percent, added=added)
        log.info("facts_reseeded", lane=str(lane), added=added, foreign=foreign)
        return added

    async def _poll(self, lane: Lane, end: int) -> tuple[list[Record], int]:
        """Return the next records of the only lane assigned, before an end, and where to go on."""
        polled = await self._reader.poll(_POLL_SECONDS, _AT_ONCE)
        if lane in polled.unreadable:
            raise Transient(f"kafka: {lane}: {polled.unreadable[lane]}")
        records = polled.records.get(lane, [])
        place = records[-1].offset + 1 if records else await self._reader.position(lane, _SECONDS)
        return [one for one in records if one.offset < end], place

    async def _known(self, facts: Sequence[Stated]) -> int:
        return len(await self._pool.fetch(_SQL["known"], *_columns(facts)[:5]))

    async def _remember(self, lane: Lane, facts: Sequence[Stated]) -> int:
        if not facts:
            return 0
        async with self._pool.acquire() as connection, connection.transaction():
            added = await connection.execute(_SQL["remember"], *_columns(facts))
            ids = [str(one.fact_id) for one in facts]
            await connection.execute(_SQL["published"], lane.partition, ids)
        return added


def _columns(facts: Sequence[Stated]) -> list[list[object]]:
    rows = [
        (one.tenant, one.message_id, one.ref, one.type, one.ordinal, one.event_id, one.occurred_at)
        for one in facts
    ]
    return [list(column) for column in zip(*rows, strict=True)]
