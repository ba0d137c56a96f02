"""What Kafka's reader promises, and with it whatever stands in for it."""

import asyncio
import random
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from typing import cast

import pytest

from services.runtime.kafka import Consumer, Outgoing
from services.runtime.leases import Lane
from services.runtime.reader import Reader
from services.runtime.records import Polled, Record
from tests.simulation.broker import Broker, SimulatedReader
from tests.simulation.loop import Process, SimulatedLoop
from tests.support.eventually import eventually
from tests.support.topics import SECONDS, a_topic, produce

PARTITIONS = 3


def numbered(first: int, last: int) -> list[Outgoing]:
    return [Outgoing(key=b"k", value=b"%d" % number) for number in range(first, last)]


class ReaderContract(ABC):
    """Collected once for each reader, by its subclasses."""

    topic: str

    @abstractmethod
    async def write(self, lane: Lane, records: Sequence[Outgoing]) -> None:
        """Append records to a lane."""

    @property
    def lanes(self) -> list[Lane]:
        return [Lane(self.topic, number) for number in range(PARTITIONS)]

    async def read(self, reader: Reader, count: int, room: int = 100) -> list[Record]:
        """Poll until so many records are there."""
        found: list[Record] = []

        async def enough() -> bool:
            polled = await reader.poll(0.1, room)
            assert not polled.unreadable
            assert all(len(records) <= room for records in polled.records.values())
            for records in polled.records.values():
                found.extend(records)
            return len(found) >= count

        await eventually(enough)
        return found

    async def unreadable(self, reader: Reader) -> dict[Lane, str]:
        """Poll until a lane is called unreadable."""
        told: list[Polled] = []

        async def there() -> bool:
            told.append(await reader.poll(0.1, 100))
            return bool(told[-1].unreadable)

        await eventually(there)
        assert not told[-1].unreadable.keys() & told[-1].records.keys()
        return told[-1].unreadable

    async def test_it_knows_the_topics_that_there_are(self, reader: Reader) -> None:
        found = await reader.topics([self.topic, "nowhere"], SECONDS)
        assert {name: topic.partitions for name, topic in found.items()} == {self.topic: PARTITIONS}

    async def test_it_tells_where_lanes_begin_and_end(self, reader: Reader) -> None:
        first, second, _ = self.lanes
        await self.write(first, numbered(0, 3))
        assert await reader.beginning_offsets(self.lanes, SECONDS) == dict.fromkeys(self.lanes, 0)
        assert await reader.end_offsets([first, second], SECONDS) == {first: 3, second: 0}

    async def test_records_come_in_order_from_where_it_was_told_to_read(
        self, reader: Reader
    ) -> None:
        first, second, _ = self.lanes
        await self.write(first, numbered(0, 20))
        await self.write(second, numbered(0, 5))
        reader.assign({first: 7, second: 0})
        found = await self.read(reader, 18, 4)
        for lane, expected in ((first, range(7, 20)), (second, range(5))):
            mine = [one for one in found if one.lane == lane]
            assert [one.offset for one in mine] == list(expected)
            assert [one.value for one in mine] == [b"%d" % number for number in expected]
        assert reader.end_offset(first) == 20

    async def test_assigning_anew_forgets_what_was_fetched_and_what_was_assigned(
        self, reader: Reader
    ) -> None:
        first, second, _ = self.lanes
        await self.write(first, numbered(0, 10))
        await self.write(second, numbered(0, 10))
        reader.assign({first: 0, second: 0})
        await self.read(reader, 1, 2)
        reader.assign({second: 3})
        assert [(one.lane, one.offset) for one in await self.read(reader, 7)] == [
            (second, number) for number in range(3, 10)
        ]

    async def test_a_poll_of_nothing_brings_nothing(self, reader: Reader) -> None:
        reader.assign({})
        assert await reader.poll(0.05, 10) == Polled()
        reader.assign({self.lanes[0]: 0})
        assert await reader.poll(0.05, 10) == Polled()
        await self.write(self.lanes[0], numbered(0, 1))
        assert len(await self.read(reader, 1)) == 1

    async def test_beyond_the_end_is_unreadable_and_its_neighbour_is_not(
        self, reader: Reader
    ) -> None:
        first, second, _ = self.lanes
        await self.write(first, numbered(0, 5))
        reader.assign({first: 9, second: 0})
        assert await self.unreadable(reader) == {first: "offset_out_of_range"}
        await self.write(second, numbered(0, 5))
        reader.assign({first: 0, second: 0})
        assert len(await self.read(reader, 10)) == 10

    async def test_closed_twice_is_closed(self, reader: Reader) -> None:
        await reader.close(SECONDS)
        await reader.close(SECONDS)


class TestKafka(ReaderContract):
    servers: str

    @pytest.fixture
    async def reader(self, kafka_servers: str) -> AsyncIterator[Reader]:
        self.servers = kafka_servers
        self.topic = await a_topic(kafka_servers, PARTITIONS)
        reader = Consumer(kafka_servers, "tests")
        await reader.start(SECONDS)
        yield reader
        await reader.close(SECONDS)

    async def write(self, lane: Lane, records: Sequence[Outgoing]) -> None:
        await produce(self.servers, lane, records)


class TestSimulated(ReaderContract):
    topic = "events"

    @pytest.fixture
    async def reader(self) -> AsyncIterator[Reader]:
        loop = cast(SimulatedLoop, asyncio.get_running_loop())
        chance = random.Random(1)  # noqa: S311 a choice, not a secret
        self.broker = Broker(loop, chance, self.lanes)
        reader = SimulatedReader(self.broker, Process(loop, "tests"))
        await reader.start(SECONDS)
        yield reader
        await reader.close(SECONDS)

    async def write(self, lane: Lane, records: Sequence[Outgoing]) -> None:
        for one in records:
            self.broker.append(lane, one.value or b"")
