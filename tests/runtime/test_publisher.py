"""The publisher when Kafka is absent, freezes or takes no more: nothing hangs or fails unsaid."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from deploy.local.stack import Stack
from services.runtime.clock import Deadline, SystemClock
from services.runtime.errors import Transient
from services.runtime.kafka import Outgoing
from services.runtime.publisher import Limits, Publisher
from tests.support.clock import START, ManualClock
from tests.support.eventually import eventually
from tests.support.freezing import frozen
from tests.support.topics import a_topic, read

NOWHERE = "127.0.0.1:9"
RECORD = Outgoing(key=b"k", value=b"v")


def outgoing(number: int) -> Outgoing:
    return Outgoing(key=b"k", value=b"%06d" % number)


@asynccontextmanager
async def publishing(servers: str, limits: Limits) -> AsyncIterator[Publisher]:
    publisher = Publisher(servers, "tests", ManualClock(), limits)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(publisher.run())
        yield publisher
        running.cancel()


async def attempt(publisher: Publisher, topic: str, number: int) -> bool:
    try:
        await publisher.publish(topic, 0, outgoing(number))
    except Transient:
        return False
    return True


async def test_it_starts_without_kafka_and_fails_each_record_in_time() -> None:
    async with publishing(NOWHERE, Limits(publish_seconds=0.2)) as publisher:
        begun = time.monotonic()
        with pytest.raises(Transient):
            await publisher.publish("events", 0, RECORD)
        assert 0.1 < time.monotonic() - begun < 1.0
        with pytest.raises(Transient):
            await publisher.partitions("events")
        assert "Unable to bootstrap" in (publisher.healthy() or "")
        assert (publisher.failed, publisher.bytes_in_flight) == (1, 0)


async def test_what_would_be_too_much_under_way_is_refused_at_once() -> None:
    limits = Limits(publish_seconds=0.2, bytes_in_flight=RECORD.size() * 2)
    async with publishing(NOWHERE, limits) as publisher:
        waits = [publisher.publish("events", number, RECORD) for number in range(2)]
        with pytest.raises(Transient, match="full"):
            publisher.publish("events", 0, RECORD)
        assert publisher.oldest_seconds() < 0.2
        for wait in waits:
            with pytest.raises(Transient):
                await wait
        assert (publisher.refused, publisher.bytes_in_flight) == (1, 0)
        assert publisher.oldest_seconds() == 0.0


async def test_draining_without_kafka_ends_with_its_deadline() -> None:
    async with publishing(NOWHERE, Limits(publish_seconds=30.0)) as publisher:
        wait = publisher.publish("events", 0, RECORD)
        begun = time.monotonic()
        await publisher.drain(Deadline.after(SystemClock(), 0.2))
        with pytest.raises(Transient, match="drained"):
            await wait
        assert time.monotonic() - begun < 1.0


async def test_the_time_of_a_record_is_in_milliseconds(kafka_servers: str) -> None:
    topic = await a_topic(kafka_servers)
    async with publishing(kafka_servers, Limits(publish_seconds=5.0)) as publisher:
        await publisher.publish(topic, 0, RECORD)
    assert [one.timestamp_ms for one in await read(kafka_servers, topic, 1)] == [START // 1000]


async def test_records_larger_than_a_batch_together_travel_in_several(kafka_servers: str) -> None:
    topic = await a_topic(kafka_servers)
    large = Outgoing(key=b"k", value=b"x" * 300_000)
    async with publishing(kafka_servers, Limits(publish_seconds=10.0)) as publisher:
        waits = [publisher.publish(topic, 0, large) for _ in range(5)]
        assert [(await wait).offset for wait in waits] == [0, 1, 2, 3, 4]


async def test_a_frozen_broker_fails_records_in_time_and_is_used_again_when_it_thaws(
    kafka_servers: str, servers: Stack
) -> None:
    topic = await a_topic(kafka_servers)
    async with publishing(kafka_servers, Limits(publish_seconds=0.5)) as publisher:
        await eventually(lambda: publisher.healthy() is None)
        await publisher.publish(topic, 0, outgoing(0))
        with frozen(servers.pids()["kafka"]):
            begun = time.monotonic()
            assert not await attempt(publisher, topic, 1)
            assert not await attempt(publisher, topic, 2)
            assert time.monotonic() - begun < 2.0
            assert publisher.healthy() is not None

        async def goes_through() -> bool:
            return await attempt(publisher, topic, 3)

        await eventually(goes_through)
        assert publisher.healthy() is None
        assert publisher.incarnations >= 2


async def test_a_killed_broker_loses_nothing_that_was_acknowledged(
    kafka_servers: str, servers: Stack
) -> None:
    topic = await a_topic(kafka_servers)
    acknowledged: set[int] = set()
    async with publishing(kafka_servers, Limits(publish_seconds=1.0)) as publisher:

        async def keep(number: int) -> None:
            if await attempt(publisher, topic, number):
                acknowledged.add(number)

        async def load() -> None:
            async with asyncio.TaskGroup() as tasks:
                for number in range(6000):
                    tasks.create_task(keep(number))
                    if number % 10 == 0:
                        await asyncio.sleep(0.01)

        loading = asyncio.create_task(load())
        await eventually(lambda: len(acknowledged) > 500)
        servers.kill("kafka")
        await asyncio.to_thread(servers.broker.start)
        await loading
        await attempt(publisher, topic, 6000)
        await eventually(lambda: publisher.healthy() is None)
    assert 500 < len(acknowledged) < 6000
    stored = {int(one.value or b"") for one in await read(kafka_servers, topic, len(acknowledged))}
    assert acknowledged - stored == set()
