"""Has a history lie in the log: what Kafka acknowledges is noted in the ledger, what it does not is sent again."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from schemas import topics
from schemas.instant import Instant
from services.runtime.errors import Transient
from services.runtime.kafka import Outgoing, Producer
from services.runtime.leases import Lane
from tests.faults.folding.story import Ledger, Told

SECONDS = 20.0
_GIVEN_UP_SECONDS = 180.0
_BATCH = 400
_TICK_SECONDS = 0.05
_AGAIN_SECONDS = 0.1
Source = Callable[[int], list[Told]]
"""Gives so many events."""


def now() -> Instant:
    """Return this machine's time."""
    return Instant(time.time_ns() // 1000)


def outgoing(one: Told) -> Outgoing:
    """Lay an event into a record that is produced now."""
    record = one.record(now())
    return Outgoing(key=record.key, value=record.value, headers=record.headers)


class Feed:
    """Writes events to the topics of one Kafka; never loses one, and may write one twice when Kafka does not answer."""

    def __init__(self, servers: str, partitions: int, ledger: Ledger) -> None:
        self._servers = servers
        self._partitions = partitions
        self._ledger = ledger
        self._producer: Producer | None = None
        self.records = 0
        """How many were written, repeated ones too."""

    async def close(self) -> None:
        """Let go of Kafka; whoever writes again comes anew."""
        await self._stopped()

    async def put(self, events: Sequence[Told], partition: int | None = None) -> None:
        """Write events in their order, each to its own partition or all to one that they do not belong to."""
        for start in range(0, len(events), _BATCH):
            part = events[start : start + _BATCH]
            batches: dict[Lane, list[Outgoing]] = defaultdict(list)
            for one in part:
                record = outgoing(one)
                own = topics.partition_of(record.key, self._partitions)
                lane = Lane(topics.of(one.event).name, own if partition is None else partition)
                batches[lane].append(record)
            for lane, records in batches.items():
                await self.raw(lane, records)
            for one in part:
                self._ledger.acknowledge(one)

    async def raw(self, lane: Lane, records: Sequence[Outgoing]) -> int:
        """Write records until Kafka has them, and return the last one's offset."""
        deadline = time.monotonic() + _GIVEN_UP_SECONDS
        while True:
            try:
                producer = self._producer or await self._started()
                offset = await producer.send_batch(lane, records, now() // 1000, SECONDS)
            except Transient:
                await self._stopped()
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(_AGAIN_SECONDS)
            else:
                self.records += len(records)
                return offset + len(records) - 1

    async def _started(self) -> Producer:
        producer = Producer(self._servers, "tests-feed")
        self._producer = producer
        await producer.start(SECONDS)
        return producer

    async def _stopped(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.close(2.0)

    @asynccontextmanager
    async def flowing(self, source: Source, rate: float) -> AsyncIterator["Flow"]:
        """Have events flow into the log at a rate while a block runs."""
        flow = Flow(self, source, rate)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(flow.run())
            try:
                yield flow
            finally:
                flow.stop()


class Flow:
    """Events on their way."""

    def __init__(self, feed: Feed, source: Source, rate: float) -> None:
        self._feed = feed
        self._source = source
        self._rate = rate
        self._over = False
        self.written = 0

    def stop(self) -> None:
        """Write no more than is on its way."""
        self._over = True

    async def run(self) -> None:
        """Write until it is stopped; what Kafka did not take in time is made up for."""
        begun = time.monotonic()
        while not self._over:
            due = int((time.monotonic() - begun) * self._rate) - self.written
            if due > 0:
                part = self._source(min(due, _BATCH))
                await self._feed.put(part)
                self.written += len(part)
            await asyncio.sleep(_TICK_SECONDS)
