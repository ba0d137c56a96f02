"""The settings topic of a real Kafka, followed: from where reading stopped, or anew where that place is no more."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiokafka
import aiokafka.admin

from services.runtime.clock import Clock, SystemClock
from services.runtime.kafka import Outgoing
from services.runtime.leases import Lane
from services.tracker.refusals.fold import Fold, State
from services.tracker.refusals.follower import ANEW_AFTER_SECONDS, Follower
from tests.support.clock import START, ManualClock
from tests.support.eventually import eventually
from tests.support.topics import SECONDS, a_topic, produce
from tests.tracker.refusals.given import (
    OTHER,
    REF,
    SECOND,
    TENANT,
    engagement,
    preference,
    removed,
)

UNREACHABLE = "127.0.0.1:1"


@asynccontextmanager
async def following(
    servers: str, lane: Lane, fold: Fold, clock: Clock | None = None
) -> AsyncIterator[Follower]:
    """Follow a log while the context is open."""
    follower = Follower(servers, "tests", fold, clock or SystemClock(), lane)
    task = asyncio.get_running_loop().create_task(follower.run())
    try:
        yield follower
    finally:
        task.cancel()
        await asyncio.wait([task])


async def a_log(servers: str, *settings: Outgoing) -> Lane:
    """Make a topic with those settings."""
    lane = Lane(await a_topic(servers), 0)
    if settings:
        await produce(servers, lane, settings)
    return lane


async def read(servers: str, lane: Lane) -> State:
    """Read a log to its end."""
    fold = Fold()
    async with following(servers, lane, fold):
        await eventually(lambda: fold.known)
    state = fold.state()
    assert state is not None
    return state._replace(frozen=state.frozen._replace(keys=state.frozen.merged(), changes={}))


def going_on(state: State) -> Fold:
    fold = Fold()
    fold.start_from(state)
    return fold


async def test_a_setting_is_seen_within_a_second(kafka_servers: str) -> None:
    lane, fold = await a_log(kafka_servers, preference(SECOND)), Fold()
    async with following(kafka_servers, lane, fold) as follower:
        await eventually(lambda: fold.known)
        assert not fold.table.records(TENANT, (SECOND,))
        for change, recorded in ((preference(REF), False), (removed(REF), True)) * 2:
            await produce(kafka_servers, lane, [change])
            async with asyncio.timeout(1.0):
                await eventually(lambda want=recorded: fold.table.records(TENANT, (REF,)) is want)
        assert follower.contact_at is not None
        assert follower.read_seconds is not None


async def test_reading_goes_on_after_the_last_record_of_a_snapshot(kafka_servers: str) -> None:
    lane = await a_log(kafka_servers, preference(REF), engagement(False, OTHER))
    fold = going_on(await read(kafka_servers, lane))
    await produce(kafka_servers, lane, [preference(SECOND)])
    async with following(kafka_servers, lane, fold) as follower:
        await eventually(lambda: not fold.table.records(TENANT, (SECOND,)))
        assert follower.read_seconds is None
    assert fold.next_offset == 3
    assert not fold.table.records(TENANT, (REF,))
    assert not fold.table.records(OTHER, (REF,))


async def test_a_log_that_is_another_is_read_anew_and_the_old_forgotten(kafka_servers: str) -> None:
    old = await a_log(kafka_servers, preference(REF), engagement(False, OTHER))
    fold = going_on(await read(kafka_servers, old))
    new = await a_log(kafka_servers, *[preference(SECOND)] * 5)
    async with following(kafka_servers, new, fold) as follower:
        await eventually(lambda: follower.read_seconds is not None)
    assert fold.next_offset == 5
    assert fold.table.records(TENANT, (REF,))
    assert fold.table.records(OTHER, (REF,))
    assert not fold.table.records(TENANT, (SECOND,))


async def test_a_shorter_log_is_read_anew(kafka_servers: str) -> None:
    old = await a_log(kafka_servers, *[preference(REF)] * 5)
    fold = going_on(await read(kafka_servers, old))
    new = await a_log(kafka_servers)
    async with following(kafka_servers, new, fold) as follower:
        await eventually(lambda: follower.read_seconds is not None)
        assert fold.table.records(TENANT, (REF,))
        await produce(kafka_servers, new, [preference(SECOND)])
        await eventually(lambda: not fold.table.records(TENANT, (SECOND,)))


async def test_whoever_was_away_for_longer_than_tombstones_are_kept_reads_anew(
    kafka_servers: str,
) -> None:
    lane = await a_log(kafka_servers, preference(REF))
    state = await read(kafka_servers, lane)
    # as if the tombstone of this one had come and gone meanwhile
    fold = going_on(state._replace(read_at=START))
    fold.table.set(TENANT, SECOND, True)
    clock = ManualClock()
    clock.advance(ANEW_AFTER_SECONDS + 1)
    async with following(kafka_servers, lane, fold, clock) as follower:
        await eventually(lambda: follower.read_seconds is not None)
    assert fold.table.records(TENANT, (SECOND,))
    assert not fold.table.records(TENANT, (REF,))


async def test_a_topic_made_anew_while_it_is_followed_is_read_anew(kafka_servers: str) -> None:
    lane, fold = await a_log(kafka_servers, *[preference(REF)] * 5), Fold()
    async with following(kafka_servers, lane, fold):
        await eventually(lambda: fold.known)
        admin = aiokafka.admin.AIOKafkaAdminClient(bootstrap_servers=kafka_servers)
        await admin.start()
        try:
            await admin.delete_topics([lane.topic])

            async def gone() -> bool:
                (found,) = await admin.describe_topics([lane.topic])
                return not found["partitions"]

            await eventually(gone)
        finally:
            await admin.close()
        assert not fold.table.records(TENANT, (REF,))
        await a_topic(kafka_servers, name=lane.topic)
        await produce(kafka_servers, lane, [preference(SECOND)])
        await eventually(lambda: not fold.table.records(TENANT, (SECOND,)), 60.0)
        await eventually(lambda: fold.table.records(TENANT, (REF,)))


async def test_the_end_is_reached_where_no_record_stands_before_it(kafka_servers: str) -> None:
    lane, fold = await a_log(kafka_servers, preference(REF)), Fold()
    producer = aiokafka.AIOKafkaProducer(
        bootstrap_servers=kafka_servers, transactional_id=lane.topic
    )
    await producer.start()
    try:
        await producer.begin_transaction()
        await producer.send_and_wait(lane.topic, b"never", partition=0)
        await producer.abort_transaction()
    finally:
        await producer.stop()
    async with following(kafka_servers, lane, fold):
        await eventually(lambda: fold.known)
        assert fold.next_offset == 3
        assert not fold.table.records(TENANT, (REF,))


async def test_kafka_away_leaves_everything_as_it_was(kafka_servers: str) -> None:
    nothing = Fold()
    fold = going_on(await read(kafka_servers, await a_log(kafka_servers, preference(REF))))
    async with (
        following(UNREACHABLE, Lane("any", 0), nothing) as one,
        following(UNREACHABLE, Lane("any", 0), fold),
    ):
        # both have tried, and try again
        await eventually(lambda: one._attempt >= 2, SECONDS)
        assert one.contact_at is None
    assert not nothing.known
    assert fold.known
    assert not fold.table.records(TENANT, (REF,))
