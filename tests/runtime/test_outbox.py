"""The relay: every row reaches Kafka in order and then goes, whatever fails in between."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from services.runtime.clock import SystemClock
from services.runtime.kafka import Outgoing
from services.runtime.leases import Lane
from services.runtime.lifecycle import Life
from services.runtime.outbox import Relay, one_batch
from services.runtime.postgres import Pool
from services.runtime.publisher import Limits, Publisher
from tests.support.eventually import eventually
from tests.support.folding import a_pool, a_schema
from tests.support.publisher import MemoryPublisher
from tests.support.stack import Database
from tests.support.topics import a_topic, read

TOPIC = "facts"


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[Pool]:
    await a_schema(database)
    async with a_pool(database) as pool:
        yield pool


@asynccontextmanager
async def running(relay: Relay) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        life = Life("tests", tasks, 5.0)
        task = tasks.create_task(relay.run(life))
        yield
        life.stop()
        task.cancel()


async def enqueue(pool: Pool, lane: int, first: int, last: int) -> None:
    await pool.execute(
        "insert into outbox (lane, key, headers, value)"
        " select $1, 'k', jsonb_build_object('n', n::text), convert_to(n::text, 'UTF8')"
        " from generate_series($2::int, $3::int) as n",
        lane,
        first,
        last - 1,
    )


async def emptied(pool: Pool) -> None:
    async def empty() -> bool:
        return bool(await pool.fetchval("select count(*) from outbox") == 0)

    await eventually(empty)


async def test_rows_go_out_in_order_with_key_and_headers_and_then_go(pool: Pool) -> None:
    publisher = MemoryPublisher({TOPIC: 2})
    await enqueue(pool, 0, 0, 1200)
    await enqueue(pool, 1, 0, 3)
    relay = Relay(pool, publisher, TOPIC, lambda: [0, 1])
    async with running(relay):
        await emptied(pool)
    values = [int(one.value or b"") for one in publisher.records[Lane(TOPIC, 0)]]
    assert values == list(range(1200))
    assert publisher.records[Lane(TOPIC, 1)][2] == Outgoing(
        key=b"k", value=b"2", headers=(("n", b"2"),)
    )
    assert relay.published == 1203


async def test_only_lanes_that_are_ours_are_relayed(pool: Pool) -> None:
    publisher = MemoryPublisher({TOPIC: 2})
    await enqueue(pool, 0, 0, 1)
    await enqueue(pool, 1, 0, 1)
    relay = Relay(pool, publisher, TOPIC, lambda: [1])
    async with running(relay):
        relay.wake(0)
        await eventually(lambda: bool(publisher.records[Lane(TOPIC, 1)]))
    assert publisher.records[Lane(TOPIC, 0)] == []
    assert await pool.fetchval("select lane from outbox") == 0


async def test_waking_saves_the_wait_for_the_next_look(pool: Pool) -> None:
    publisher = MemoryPublisher({TOPIC: 1})
    relay = Relay(pool, publisher, TOPIC, lambda: [0])
    loop = asyncio.get_running_loop()
    async with running(relay):
        await enqueue(pool, 0, 0, 1)
        await emptied(pool)
        await enqueue(pool, 0, 1, 2)
        begun = loop.time()
        relay.wake(0)
        await eventually(lambda: len(publisher.records[Lane(TOPIC, 0)]) == 2)
        assert loop.time() - begun < 0.5


async def test_a_row_stays_until_kafka_has_it(pool: Pool) -> None:
    publisher = MemoryPublisher({TOPIC: 1})
    publisher.trouble = "kafka is away"
    await enqueue(pool, 0, 0, 5)
    relay = Relay(pool, publisher, TOPIC, lambda: [0])
    async with running(relay):
        await eventually(lambda: relay.healthy() == "kafka is away")
        assert (await relay.depth())[0] == 5
        publisher.trouble = None
        await emptied(pool)
        await eventually(lambda: relay.healthy() is None)
    assert await relay.depth() == (0, None)
    assert len(publisher.records[Lane(TOPIC, 0)]) == 5


async def test_a_relay_that_dies_before_the_ack_leaves_the_rows_to_the_next(pool: Pool) -> None:
    publisher = MemoryPublisher({TOPIC: 1})
    publisher.held = True
    await enqueue(pool, 0, 0, 3)
    async with running(Relay(pool, publisher, TOPIC, lambda: [0])):
        await eventually(lambda: publisher.waiting() == 3)
    publisher.release()
    assert await pool.fetchval("select count(*) from outbox") == 3
    async with running(Relay(pool, publisher, TOPIC, lambda: [0])):
        await emptied(pool)
    values = [one.value for one in publisher.records[Lane(TOPIC, 0)]]
    assert values == [b"0", b"1", b"2"] * 2


def test_a_batch_is_what_surely_travels_together_and_never_nothing() -> None:
    small = Outgoing(key=b"k", value=b"x" * 100_000)
    huge = Outgoing(key=b"k", value=b"x" * 800_000)
    assert len(one_batch([(1, small), (2, small), (3, small)])) == 2
    assert one_batch([(1, huge), (2, small)]) == [(1, huge)]


async def test_it_relays_to_kafka(kafka_servers: str, pool: Pool) -> None:
    topic = await a_topic(kafka_servers, 3)
    await enqueue(pool, 2, 0, 700)
    publisher = Publisher(kafka_servers, "tests", SystemClock(), Limits(publish_seconds=5.0))
    async with asyncio.TaskGroup() as tasks:
        publishing = tasks.create_task(publisher.run())
        async with running(Relay(pool, publisher, topic, lambda: [0, 1, 2])):
            await emptied(pool)
        publishing.cancel()
    records = await read(kafka_servers, topic, 700)
    assert [int(one.value or b"") for one in records] == list(range(700))
    assert {one.partition for one in records} == {2}
