"""The consumer over real Kafka and PostgreSQL: each record once, whatever is refused or goes wrong."""

import time
from collections.abc import AsyncIterator, Sequence

import pytest

from services.runtime.checkpoint import digest
from services.runtime.consumer import PACE_SECONDS
from services.runtime.kafka import Outgoing, Producer
from services.runtime.leases import Lane
from services.runtime.postgres import Pool
from tests.support.eventually import eventually
from tests.support.folding import Worker, a_pool, a_schema
from tests.support.stack import Database
from tests.support.topics import SECONDS, a_name, a_topic, produce, read


def outgoing(values: Sequence[bytes]) -> list[Outgoing]:
    return [Outgoing(key=b"k", value=value) for value in values]


def numbered(first: int, last: int) -> list[bytes]:
    return [b"%06d" % number for number in range(first, last)]


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[Pool]:
    await a_schema(database)
    async with a_pool(database) as pool:
        yield pool


async def folded(pool: Pool) -> int:
    return int(await pool.fetchval("select coalesce(sum(ids), 0) from tally"))


async def reaches(pool: Pool, count: int) -> None:
    async def there() -> bool:
        return await folded(pool) == count

    await eventually(there)


async def at_offset(pool: Pool, offset: int) -> None:
    async def there() -> bool:
        return bool(await pool.fetchval("select sum(next_offset) from checkpoint") == offset)

    await eventually(there)


async def quarantined(pool: Pool) -> list[tuple[int, str]]:
    rows = await pool.fetch("select record_offset, reason from quarantine order by 1")
    return [(row["record_offset"], row["reason"]) for row in rows]


async def test_every_record_is_folded_once_and_the_checkpoint_is_its_proof(
    kafka_servers: str, pool: Pool
) -> None:
    topic = await a_topic(kafka_servers, 3)
    for partition in range(3):
        values = numbered(partition * 100, partition * 100 + 100)
        await produce(kafka_servers, Lane(topic, partition), outgoing(values))
    async with Worker(kafka_servers, topic, pool).running() as worker:
        await reaches(pool, 300)
        assert worker.consumer.lanes() == {Lane(topic, number) for number in range(3)}
        await eventually(lambda: worker.consumer.healthy() is None)
        await eventually(lambda: set(worker.metrics.lags.values()) == {0})
        await produce(kafka_servers, Lane(topic, 1), outgoing([b"one more"]))
        await reaches(pool, 301)
    assert worker.fold.committed_records.total() == 301
    assert await pool.fetchval("select sum(next_offset) from checkpoint") == 301
    assert await pool.fetchval("select count(*) from checkpoint where owner is not null") == 0
    assert await pool.fetchval("select count(*) from worker") == 0


async def test_a_successor_goes_on_where_the_first_stopped(kafka_servers: str, pool: Pool) -> None:
    topic = await a_topic(kafka_servers)
    lane = Lane(topic, 0)
    await produce(kafka_servers, lane, outgoing(numbered(0, 10)))
    async with Worker(kafka_servers, topic, pool).running():
        await reaches(pool, 10)
    await produce(kafka_servers, lane, outgoing(numbered(10, 20)))
    async with Worker(kafka_servers, topic, pool).running() as second:
        await reaches(pool, 20)
    assert second.fold.committed_records[lane] == 10
    assert await pool.fetchval("select epoch from checkpoint") == 2


async def test_what_cannot_be_decoded_is_set_aside_beside_its_neighbours(
    kafka_servers: str, pool: Pool
) -> None:
    topic = await a_topic(kafka_servers)
    values = [*numbered(0, 5), b"bad one", *numbered(5, 10), b"bad two"]
    await produce(kafka_servers, Lane(topic, 0), outgoing(values))
    async with Worker(kafka_servers, topic, pool).running() as worker:
        await at_offset(pool, 12)
    assert await folded(pool) == 10
    assert await quarantined(pool) == [(5, "malformed"), (11, "malformed")]
    assert worker.metrics.refused == {"malformed": 2}


async def test_what_postgres_refuses_is_found_by_halving_and_set_aside(
    kafka_servers: str, pool: Pool
) -> None:
    topic = await a_topic(kafka_servers)
    values = [*numbered(0, 40), b"sql one", *numbered(40, 50), b"bad", b"sql two"]
    await produce(kafka_servers, Lane(topic, 0), outgoing(values))
    async with Worker(kafka_servers, topic, pool).running():
        await at_offset(pool, 53)
    assert await folded(pool) == 50
    assert await quarantined(pool) == [
        (40, "refused_by_database"),
        (51, "malformed"),
        (52, "refused_by_database"),
    ]


async def test_a_flood_of_poison_halts_the_lane_for_every_worker_until_it_is_cleared(
    kafka_servers: str, pool: Pool, database: Database
) -> None:
    topic = await a_topic(kafka_servers, 2)
    flood = [b"bad %d" % number if number % 2 else b"%d" % number for number in range(400)]
    await produce(kafka_servers, Lane(topic, 0), outgoing(flood))
    await produce(kafka_servers, Lane(topic, 1), outgoing(numbered(0, 50)))
    async with Worker(kafka_servers, topic, pool).running() as worker:
        await eventually(lambda: worker.metrics.halts.get(Lane(topic, 0)) == "poison_flood")
        await reaches(pool, 50)
    assert await quarantined(pool) == []
    async with Worker(kafka_servers, topic, pool).running() as worker:
        await eventually(lambda: worker.metrics.halts.get(Lane(topic, 0)) == "poison_flood")
        assert worker.consumer.lanes() == {Lane(topic, 0), Lane(topic, 1)}
        database.execute("update projector.checkpoint set halted = null, next_offset = 400")
        await eventually(lambda: Lane(topic, 0) in worker.metrics.halts)
        await eventually(lambda: worker.metrics.halts[Lane(topic, 0)] is None)
        await produce(kafka_servers, Lane(topic, 0), outgoing([b"after"]))
        await reaches(pool, 51)


async def test_another_log_under_the_same_name_halts_the_lane(
    kafka_servers: str, pool: Pool, database: Database
) -> None:
    topic = await a_topic(kafka_servers)
    lane = Lane(topic, 0)
    await produce(kafka_servers, lane, outgoing(numbered(0, 10)))
    async with Worker(kafka_servers, topic, pool).running():
        await reaches(pool, 10)
    database.execute("update projector.checkpoint set anchor = sha256('another')")
    await produce(kafka_servers, lane, outgoing(numbered(10, 20)))
    async with Worker(kafka_servers, topic, pool).running() as worker:
        await eventually(lambda: worker.metrics.halts.get(lane) == "log_is_another")
    assert await folded(pool) == 10


async def test_a_topic_that_is_not_anchored_goes_on_whatever_the_anchor_says(
    kafka_servers: str, pool: Pool, database: Database
) -> None:
    topic = await a_topic(kafka_servers)
    await produce(kafka_servers, Lane(topic, 0), outgoing(numbered(0, 10)))
    async with Worker(kafka_servers, topic, pool, anchored=False).running():
        await reaches(pool, 10)
    database.execute("update projector.checkpoint set anchor = sha256('another')")
    await produce(kafka_servers, Lane(topic, 0), outgoing(numbered(10, 20)))
    async with Worker(kafka_servers, topic, pool, anchored=False).running():
        await reaches(pool, 20)


@pytest.mark.parametrize("stored", [11, 10_000])
async def test_a_checkpoint_beyond_the_end_of_the_log_halts_the_lane(
    kafka_servers: str, pool: Pool, stored: int
) -> None:
    topic = await a_topic(kafka_servers)
    lane = Lane(topic, 0)
    await produce(kafka_servers, lane, outgoing(numbered(0, 10)))
    async with Worker(kafka_servers, topic, pool).running():
        await reaches(pool, 10)
    await pool.execute("update checkpoint set next_offset = $1", stored)
    async with Worker(kafka_servers, topic, pool).running() as worker:
        await eventually(lambda: worker.metrics.halts.get(lane) == "log_truncated")


async def test_a_restored_checkpoint_under_a_running_worker_is_followed(
    kafka_servers: str, pool: Pool, database: Database
) -> None:
    topic = await a_topic(kafka_servers)
    await produce(kafka_servers, Lane(topic, 0), outgoing(numbered(0, 10)))
    async with Worker(kafka_servers, topic, pool).running():
        await reaches(pool, 10)
        (third,) = [one for one in await read(kafka_servers, topic, 10) if one.offset == 3]
        await pool.execute(
            "update checkpoint set next_offset = 4, anchor = $1 where partition = 0", digest(third)
        )
        database.execute(
            "delete from projector.seen where id >= '000004'; update projector.tally set ids = 4;"
        )
        await produce(kafka_servers, Lane(topic, 0), outgoing([b"last"]))
        await reaches(pool, 11)


async def test_a_topic_not_yet_there_is_waited_for(kafka_servers: str, pool: Pool) -> None:
    topic = a_name()
    async with Worker(kafka_servers, topic, pool).running() as worker:
        await eventually(lambda: "there is no topic" in (worker.consumer.healthy() or ""))
        await a_topic(kafka_servers, name=topic)
        await produce(kafka_servers, Lane(topic, 0), outgoing(numbered(0, 3)))
        await reaches(pool, 3)
        await eventually(lambda: worker.consumer.healthy() is None)


async def test_records_that_come_one_after_the_other_are_taken_together(
    kafka_servers: str, pool: Pool
) -> None:
    topic = await a_topic(kafka_servers)
    producer = Producer(kafka_servers, "tests")
    await producer.start(SECONDS)
    async with Worker(kafka_servers, topic, pool).running() as worker:
        await eventually(lambda: bool(worker.consumer.lanes()))
        begun = time.monotonic()
        for one in outgoing(numbered(0, 60)):
            await producer.send_batch(Lane(topic, 0), [one], 1000, SECONDS)
        await reaches(pool, 60)
        took = time.monotonic() - begun
    await producer.close(SECONDS)
    assert len(worker.fold.applied) <= took / PACE_SECONDS + 2
