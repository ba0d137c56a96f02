"""What the journal promises while Kafka does its work, over a log in memory and over Kafka itself."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator

import pytest

from schemas import topics
from schemas.instant import Instant, text
from services.runtime.clock import Deadline, SystemClock
from services.runtime.incarnations import producers
from services.runtime.kafka import Headers
from services.tracker.entry import RECORDED_TIME, Where
from services.tracker.journal import DRAIN_SECONDS, Limits
from tests.support.clock import START
from tests.support.topics import a_topic, read
from tests.tracker.journaling import Given, a_journal
from tests.tracker.producing import MemoryLog
from tests.tracker.spooling import an_entry

PARTITIONS = 4
Stored = tuple[int, bytes, bytes, Headers]


class JournalContract(ABC):
    """Collected once for each log, by its subclasses."""

    @abstractmethod
    async def stored(self, count: int) -> list[Stored]:
        """Read what lies in the log, so many records."""

    async def test_what_is_said_to_be_in_kafka_is_there_under_its_key_with_its_headers(
        self, given: Given
    ) -> None:
        waiters = [given.write() for _ in range(50)]
        assert [await waiter.told() for waiter in waiters] == [Where.KAFKA] * 50
        recorded = (RECORDED_TIME, text(Instant(START)).encode())
        expected = [
            (
                topics.partition_of(entry.key, PARTITIONS),
                entry.key,
                entry.value,
                (*entry.headers, recorded),
            )
            for entry in map(an_entry, range(50))
        ]
        assert sorted(await self.stored(50)) == sorted(expected)
        assert given.spool.taken == []

    async def test_events_of_one_message_keep_their_order(self, given: Given) -> None:
        waiters = [given.write() for _ in range(3000)]
        for waiter in waiters:
            assert await waiter.told() is Where.KAFKA
        seen: dict[int, list[int]] = {}
        for partition, _key, value, _headers in await self.stored(3000):
            seen.setdefault(partition, []).append(int(value[5:-1]))
        assert len(seen) == PARTITIONS
        assert all(numbers == sorted(numbers) for numbers in seen.values())

    async def test_its_figures_balance(self, given: Given) -> None:
        waiters = [given.write() for _ in range(40)]
        unfiltered = given.write(filtered=False)
        assert given.journal.bytes_in_flight > 0
        assert given.journal.under_way == 40
        for waiter in waiters:
            await waiter.told()
        assert await unfiltered.told() is Where.SPOOL
        journal = given.journal
        assert (journal.acknowledged, sum(journal.handed.values())) == (40, 1)
        assert (journal.under_way, journal.bytes_in_flight, journal.oldest_seconds()) == (0, 0, 0.0)
        assert sum(count for _, count in given.observed) == 40
        assert len(given.observed) == journal.batches
        assert all(0 <= seconds < 5 for seconds, _ in given.observed)

    async def test_more_than_one_batch_holds_travels_in_several(self, given: Given) -> None:
        waiters = [given.write(size=300_000) for _ in range(20)]
        assert [await waiter.told() for waiter in waiters] == [Where.KAFKA] * 20
        assert len(await self.stored(20)) == 20

    async def test_what_no_broker_would_take_is_refused_and_disturbs_nobody(
        self, given: Given
    ) -> None:
        before, large, after = given.write(), given.write(size=950_000), given.write()
        assert await large.told() is Where.NOWHERE
        assert await before.told() is await after.told() is Where.KAFKA
        assert (given.journal.refused, given.journal.openings) == (1, 0)

    async def test_draining_finishes_what_was_taken_and_sends_the_rest_to_the_spool(
        self, given: Given
    ) -> None:
        waiters = [given.write() for _ in range(10)]
        draining = asyncio.ensure_future(
            given.journal.drain(Deadline.after(SystemClock(), DRAIN_SECONDS))
        )
        await asyncio.sleep(0)
        late = given.write()
        await draining
        assert [await waiter.told() for waiter in waiters] == [Where.KAFKA] * 10
        assert await late.told() is Where.SPOOL


class TestJournalInMemory(JournalContract):
    @pytest.fixture
    async def given(self) -> AsyncIterator[Given]:
        self.log = MemoryLog(PARTITIONS)
        self.log.batch_records = 3
        async with a_journal(self.log.build) as given:
            yield given

    async def stored(self, count: int) -> list[Stored]:
        return [
            (lane.partition, one.key, one.value or b"", one.headers)
            for lane, records in sorted(self.log.records.items())
            for one in records
        ]

    async def test_time_is_told_to_the_broker_in_milliseconds(self, given: Given) -> None:
        await given.written()
        assert self.log.timestamps == {START // 1000}


class TestJournalOverKafka(JournalContract):
    @pytest.fixture
    async def given(self, kafka_servers: str) -> AsyncIterator[Given]:
        self.servers = kafka_servers
        self.topic = await a_topic(kafka_servers, PARTITIONS)
        build = producers(kafka_servers, "tests")
        async with a_journal(build, Limits(kafka_seconds=5.0), topic=self.topic) as given:
            yield given

    async def stored(self, count: int) -> list[Stored]:
        return [
            (one.partition, one.key or b"", one.value or b"", one.headers)
            for one in await read(self.servers, self.topic, count)
        ]
