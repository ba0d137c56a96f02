"""Topics that are deleted from, made anew or grow under a consumer: nothing is reset, nothing is lost."""

from collections.abc import AsyncIterator

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import NewPartitions, RecordsToDelete

from services.runtime.kafka_admin import Admin
from services.runtime.leases import Lane
from services.runtime.postgres import Pool
from tests.runtime.test_consumer import numbered, outgoing, reaches
from tests.support.eventually import eventually
from tests.support.folding import Worker, a_pool, a_schema
from tests.support.stack import Database
from tests.support.topics import SECONDS, a_topic, produce


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[Pool]:
    await a_schema(database)
    async with a_pool(database) as pool:
        yield pool


@pytest.fixture
async def admin(kafka_servers: str) -> AsyncIterator[Admin]:
    admin = Admin(kafka_servers, "tests")
    await admin.start(SECONDS)
    yield admin
    await admin.close(SECONDS)


async def halts(worker: Worker, lane: Lane, reason: str) -> None:
    await eventually(lambda: worker.metrics.halts.get(lane) == reason)


async def made_anew(servers: str, admin: Admin, topic: str) -> None:
    await admin._admin.delete_topics([topic])

    async def gone() -> bool:
        return await admin.describe([topic], SECONDS) == {}

    await eventually(gone)
    await a_topic(servers, 1, topic)


@pytest.mark.parametrize("anchored", [True, False])
@pytest.mark.parametrize("grown", [False, True])
async def test_a_topic_made_anew_halts_the_lane_however_far_it_has_grown(
    kafka_servers: str, pool: Pool, admin: Admin, anchored: bool, grown: bool
) -> None:
    topic = await a_topic(kafka_servers)
    lane = Lane(topic, 0)
    await produce(kafka_servers, lane, outgoing(numbered(0, 10)))
    async with Worker(kafka_servers, topic, pool, anchored=anchored).running():
        await reaches(pool, 10)
    await made_anew(kafka_servers, admin, topic)
    if grown:
        await produce(kafka_servers, lane, outgoing(numbered(100, 120)))
    async with Worker(kafka_servers, topic, pool, anchored=anchored).running() as worker:
        await halts(worker, lane, "topic_is_another")
    row = await pool.fetchrow("select halted, halted_detail, halted_at from checkpoint")
    assert row is not None
    assert "the checkpoint is at 10" in row["halted_detail"]
    assert row["halted_at"] is not None
    assert await pool.fetchval("select sum(ids) from tally") == 10


async def test_a_topic_made_anew_under_a_running_worker_halts_the_lane(
    kafka_servers: str, pool: Pool, admin: Admin
) -> None:
    topic = await a_topic(kafka_servers)
    lane = Lane(topic, 0)
    await produce(kafka_servers, lane, outgoing(numbered(0, 10)))
    async with Worker(kafka_servers, topic, pool).running() as worker:
        await reaches(pool, 10)
        await admin._admin.delete_topics([topic])
        await eventually(lambda: "there is no topic" in (worker.consumer.healthy() or ""))
        assert worker.consumer.lanes() == frozenset()
        await a_topic(kafka_servers, 1, topic)
        await halts(worker, lane, "topic_is_another")
        assert worker.consumer.lanes() == {lane}


async def test_a_log_that_starts_after_the_checkpoint_halts_the_lane(
    kafka_servers: str, pool: Pool, admin: Admin
) -> None:
    topic = await a_topic(kafka_servers)
    lane = Lane(topic, 0)
    await produce(kafka_servers, lane, outgoing(numbered(0, 10)))
    async with Worker(kafka_servers, topic, pool).running():
        await reaches(pool, 10)
    await produce(kafka_servers, lane, outgoing(numbered(10, 30)))
    place = TopicPartition(topic, 0)
    await admin._admin.delete_records({place: RecordsToDelete(before_offset=15)})
    async with Worker(kafka_servers, topic, pool).running() as worker:
        await halts(worker, lane, "log_starts_after")
    assert "has 15 up to 30" in await pool.fetchval("select halted_detail from checkpoint")
    assert await pool.fetchval("select sum(ids) from tally") == 10


async def test_partitions_that_are_added_are_read_from_their_beginning_without_a_restart(
    kafka_servers: str, pool: Pool, admin: Admin
) -> None:
    topic = await a_topic(kafka_servers)
    async with Worker(kafka_servers, topic, pool).running() as worker:
        await eventually(lambda: worker.consumer.lanes() == {Lane(topic, 0)})
        await admin._admin.create_partitions({topic: NewPartitions(3)})
        added = Lane(topic, 2)

        async def there() -> bool:
            return (await admin.describe([topic], SECONDS))[topic].partitions == 3

        await eventually(there)
        await produce(kafka_servers, added, outgoing(numbered(0, 5)))
        await reaches(pool, 5)
        assert worker.consumer.lanes() == {Lane(topic, number) for number in range(3)}
