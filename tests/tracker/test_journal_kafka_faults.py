"""The journal while a real broker freezes, dies or refuses: every answer in time and true, and Kafka used again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from deploy.local.stack import Stack
from services.runtime.incarnations import producers
from services.runtime.kafka import Consumer
from services.runtime.leases import Lane
from services.tracker.circuit import State
from services.tracker.entry import Where
from services.tracker.journal import Limits
from tests.support.eventually import eventually
from tests.support.freezing import frozen
from tests.support.topics import SECONDS, a_topic, read
from tests.tracker.journaling import Given, a_journal
from tests.tracker.spooling import Noting, an_entry

KAFKA_SECONDS = 0.25
PARTITIONS = 4


class Load:
    """Writes on and on, and looks at how long each answer takes."""

    def __init__(self, given: Given) -> None:
        self._given = given
        self._stopping = False
        self.waiters: list[Noting] = []
        self.slowest = 0.0

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            while not self._stopping:
                for _ in range(5):
                    self.waiters.append(self._given.write())
                    tasks.create_task(self._time(self.waiters[-1]))
                await asyncio.sleep(0.005)

    async def _time(self, waiter: Noting) -> None:
        begun = asyncio.get_running_loop().time()
        await waiter.told()
        self.slowest = max(self.slowest, asyncio.get_running_loop().time() - begun)

    def stop(self) -> None:
        self._stopping = True

    def values(self, where: Where) -> set[bytes]:
        return {
            an_entry(number).value
            for number, waiter in enumerate(self.waiters)
            if waiter.where is where
        }


@asynccontextmanager
async def under_load(given: Given) -> AsyncIterator[Load]:
    load = Load(given)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(load.run())
        yield load
        load.stop()


async def used_again(given: Given) -> None:
    """Wait until many events more are acknowledged, of a replay that Kafka acknowledges as well."""
    before = given.journal.acknowledged

    def acknowledged() -> bool:
        given.journal.replayed()
        return given.journal.acknowledged > before + 200

    await eventually(acknowledged)


async def in_kafka(servers: str, topic: str) -> set[bytes]:
    """Return all that is in the topic."""
    consumer = Consumer(servers, "tests")
    try:
        await consumer.start(SECONDS)
        lanes = [Lane(topic, number) for number in range(await consumer.partitions(topic, SECONDS))]
        count = sum((await consumer.end_offsets(lanes, SECONDS)).values())
    finally:
        await consumer.close(SECONDS)
    return {one.value or b"" for one in await read(servers, topic, count)}


async def the_books_are_true(servers: str, topic: str, given: Given, load: Load) -> None:
    assert load.values(Where.NOWHERE) == set()
    assert load.values(Where.KAFKA) - await in_kafka(servers, topic) == set()
    assert load.values(Where.SPOOL) == set(given.spool.values())
    journal = given.journal
    assert journal.acknowledged == len(load.values(Where.KAFKA))
    assert sum(journal.handed.values()) == len(given.spool.taken)
    assert journal.bytes_in_flight == 0


async def test_a_frozen_broker_delays_nobody_for_longer_than_it_may(
    kafka_servers: str, servers: Stack
) -> None:
    topic = await a_topic(kafka_servers, PARTITIONS)
    build = producers(kafka_servers, "tests")
    async with a_journal(build, Limits(kafka_seconds=KAFKA_SECONDS), topic=topic) as given:
        async with under_load(given) as load:
            await eventually(lambda: given.journal.acknowledged > 200)
            with frozen(servers.pids()["kafka"]):
                await eventually(lambda: given.journal.state is State.OPEN)
                await eventually(lambda: len(given.spool.taken) > 300)
            await used_again(given)
        assert load.slowest < 4 * KAFKA_SECONDS
        assert given.journal.incarnations >= 2
        await the_books_are_true(kafka_servers, topic, given, load)


async def test_a_killed_broker_costs_no_event(kafka_servers: str, servers: Stack) -> None:
    topic = await a_topic(kafka_servers, PARTITIONS)
    build = producers(kafka_servers, "tests")
    async with a_journal(build, Limits(kafka_seconds=KAFKA_SECONDS), topic=topic) as given:
        async with under_load(given) as load:
            await eventually(lambda: given.journal.acknowledged > 200)
            servers.kill("kafka")
            await eventually(lambda: given.journal.state is State.OPEN)
            await asyncio.to_thread(servers.broker.start)
            await used_again(given)
        await the_books_are_true(kafka_servers, topic, given, load)


async def test_a_batch_that_the_broker_finds_too_large_stops_a_partition_only_for_a_moment(
    kafka_servers: str,
) -> None:
    # Zstandard makes little of many like events, so what is refused is one of noise.
    topic = await a_topic(kafka_servers, 1, config={"max.message.bytes": "2000"})
    build = producers(kafka_servers, "tests")
    async with a_journal(build, Limits(kafka_seconds=5.0), topic=topic) as given:
        assert await given.written() is Where.KAFKA
        refused = Noting()
        noise = an_entry(10_000)._replace(value=_noise(5000))
        given.journal.write(noise, refused)
        assert await refused.told() is Where.NOWHERE
        await given.lets_through()
        assert await given.written() is Where.KAFKA
        pair = [Noting(), Noting()]
        for waiter in pair:
            given.journal.write(noise, waiter)
        assert [await waiter.told() for waiter in pair] == [Where.SPOOL] * 2
        await given.lets_through()
        assert await given.written() is Where.KAFKA
        assert (given.journal.openings, given.journal.incarnations) == (2, 3)


def _noise(size: int) -> bytes:
    state, parts = 1, bytearray()
    while len(parts) < size:
        state = state * 6364136223846793005 + 1442695040888963407 & 0xFFFFFFFFFFFFFFFF
        parts += state.to_bytes(8, "big")
    return bytes(parts)
