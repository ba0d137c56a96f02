"""What Kafka's publisher and the tests' own in memory both promise."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator

import pytest

from services.runtime.clock import Deadline, SystemClock
from services.runtime.errors import Poison, Transient
from services.runtime.kafka import MAX_RECORD_BYTES, Outgoing
from services.runtime.leases import Lane
from services.runtime.publisher import Limits, Publisher, Publishing
from tests.support.publisher import MemoryPublisher
from tests.support.topics import a_topic, read

PARTITIONS = 3
SECONDS = 20.0


def outgoing(number: int) -> Outgoing:
    return Outgoing(key=b"k%d" % number, value=b"v%d" % number, headers=(("n", b"%d" % number),))


class PublisherContract(ABC):
    """Collected once for each publisher, by its subclasses."""

    topic: str

    @abstractmethod
    async def stored(self, publisher: Publishing, count: int) -> list[tuple[int, bytes | None]]:
        """Read what lies in the topic, so many records."""

    async def test_an_acknowledged_record_is_where_the_acknowledgement_says(
        self, publisher: Publishing
    ) -> None:
        first = await publisher.publish(self.topic, 2, outgoing(0))
        second = await publisher.publish(self.topic, 2, outgoing(1))
        assert first == (Lane(self.topic, 2), 0)
        assert second == (Lane(self.topic, 2), 1)
        assert await self.stored(publisher, 2) == [(2, b"v0"), (2, b"v1")]

    async def test_records_of_one_lane_keep_the_order_of_the_calls(
        self, publisher: Publishing
    ) -> None:
        waits = [publisher.publish(self.topic, 1, outgoing(number)) for number in range(5000)]
        offsets = [(await wait).offset for wait in waits]
        assert offsets == list(range(5000))
        stored = await self.stored(publisher, 5000)
        assert [value for _, value in stored] == [b"v%d" % number for number in range(5000)]

    async def test_a_cancelled_wait_disturbs_nobody_and_withdraws_nothing(
        self, publisher: Publishing
    ) -> None:
        waits = [
            asyncio.ensure_future(publisher.publish(self.topic, 0, outgoing(number)))
            for number in range(3)
        ]
        waits[1].cancel()
        assert (await waits[0]).offset == 0
        assert (await waits[2]).offset == 2
        assert len(await self.stored(publisher, 3)) == 3

    async def test_a_record_that_no_broker_would_take_is_poison(
        self, publisher: Publishing
    ) -> None:
        with pytest.raises(Poison, match="record_too_large"):
            await publisher.publish(
                self.topic, 0, Outgoing(key=b"k", value=b"x" * (MAX_RECORD_BYTES + 1))
            )

    async def test_a_partition_that_is_not_there_is_poison(self, publisher: Publishing) -> None:
        with pytest.raises(Poison, match="no_such_partition"):
            await publisher.publish(self.topic, PARTITIONS, outgoing(0))

    async def test_partitions_are_counted_and_an_unknown_topic_is_transient(
        self, publisher: Publishing
    ) -> None:
        assert await publisher.partitions(self.topic) == PARTITIONS
        with pytest.raises(Transient):
            await publisher.partitions("nowhere")

    async def test_it_is_healthy_when_records_go_through(self, publisher: Publishing) -> None:
        await publisher.publish(self.topic, 0, outgoing(0))
        assert publisher.healthy() is None

    async def test_draining_finishes_what_was_taken_and_takes_no_more(
        self, publisher: Publishing
    ) -> None:
        await publisher.publish(self.topic, 0, outgoing(0))
        wait = publisher.publish(self.topic, 0, outgoing(1))
        await publisher.drain(Deadline.after(SystemClock(), SECONDS))
        assert (await wait).offset == 1
        with pytest.raises(Transient):
            await publisher.publish(self.topic, 0, outgoing(2))


class TestMemoryPublisher(PublisherContract):
    topic = "engagement"

    @pytest.fixture
    def publisher(self) -> MemoryPublisher:
        return MemoryPublisher({self.topic: PARTITIONS})

    async def stored(self, publisher: Publishing, count: int) -> list[tuple[int, bytes | None]]:
        assert isinstance(publisher, MemoryPublisher)
        return [
            (lane.partition, record.value)
            for lane, records in sorted(publisher.records.items())
            for record in records
        ]


class TestKafkaPublisher(PublisherContract):
    servers: str

    @pytest.fixture
    async def publisher(self, kafka_servers: str) -> AsyncIterator[Publisher]:
        self.servers = kafka_servers
        self.topic = await a_topic(kafka_servers, PARTITIONS)
        publisher = Publisher(kafka_servers, "tests", SystemClock(), Limits(publish_seconds=5.0))
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(publisher.run())
            yield publisher
            running.cancel()

    async def stored(self, publisher: Publishing, count: int) -> list[tuple[int, bytes | None]]:
        records = await read(self.servers, self.topic, count)
        return [(record.partition, record.value) for record in records]
