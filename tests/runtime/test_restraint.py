"""Holding a consumer back: exactly to an offset, also where records are missing before it."""

from collections.abc import AsyncIterator

import pytest

from services.runtime.kafka import Outgoing, Record
from services.runtime.leases import Lane
from services.runtime.postgres import Pool
from services.runtime.restraint import Restraint
from tests.support.eventually import eventually
from tests.support.folding import Worker, a_pool, a_schema
from tests.support.stack import Database
from tests.support.topics import a_topic, produce

LANE = Lane("log", 0)


def records(*offsets: int) -> list[Record]:
    return [Record("log", 0, offset, b"k", b"v", (), 0) for offset in offsets]


def test_a_lane_without_a_bound_is_not_read() -> None:
    assert not Restraint().open(LANE, 0)
    assert Restraint().reached({})


def test_what_lies_at_the_bound_or_beyond_is_cut_off() -> None:
    restraint = Restraint()
    restraint.allow({LANE: 5})
    assert [one.offset for one in restraint.cut(LANE, records(3, 4))] == [3, 4]
    assert [one.offset for one in restraint.cut(LANE, records(3, 4, 5, 6))] == [3, 4]
    assert restraint.open(LANE, 3)
    assert not restraint.reached({LANE: 3})
    assert not restraint.open(LANE, 5)
    assert restraint.reached({LANE: 5})


def test_a_first_record_beyond_the_bound_says_that_nothing_is_missing() -> None:
    restraint = Restraint()
    restraint.allow({LANE: 5})
    assert list(restraint.cut(LANE, records(7))) == []
    assert restraint.reached({LANE: 3})
    restraint.allow({LANE: 8})
    assert restraint.open(LANE, 3)
    assert not restraint.reached({LANE: 3})


def test_a_position_beyond_the_bound_says_so_too() -> None:
    restraint = Restraint()
    restraint.allow({LANE: 5})
    restraint.pass_by(LANE, 4)
    assert restraint.open(LANE, 3)
    restraint.pass_by(LANE, 5)
    assert restraint.reached({LANE: 3})


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[Pool]:
    await a_schema(database)
    async with a_pool(database) as pool:
        yield pool


async def test_a_consumer_stops_exactly_at_its_bound_and_goes_on_when_that_is_raised(
    kafka_servers: str, pool: Pool
) -> None:
    topic = await a_topic(kafka_servers, 2)
    for partition in range(2):
        values = [b"%d %06d" % (partition, number) for number in range(100)]
        outgoing = [Outgoing(key=b"k", value=value) for value in values]
        await produce(kafka_servers, Lane(topic, partition), outgoing)
    restraint = Restraint()
    restraint.allow({Lane(topic, 0): 37, Lane(topic, 1): 0})
    worker = Worker(kafka_servers, topic, pool, restraint=restraint, slice_records=10)

    async def offsets() -> dict[Lane, int]:
        rows = await pool.fetch("select topic, partition, next_offset from checkpoint")
        return {Lane(row["topic"], row["partition"]): row["next_offset"] or 0 for row in rows}

    async def reached() -> bool:
        found = await offsets()
        return len(found) == 2 and restraint.reached(found)

    async with worker.running():
        await eventually(reached)
        assert await offsets() == {Lane(topic, 0): 37, Lane(topic, 1): 0}
        assert await pool.fetchval("select count(*) from seen") == 37
        restraint.allow({Lane(topic, 0): 100, Lane(topic, 1): 63})
        await eventually(reached)
        assert await offsets() == {Lane(topic, 0): 100, Lane(topic, 1): 63}
        assert await pool.fetchval("select count(*) from seen") == 163


async def test_it_rests_until_the_time_it_is_told(kafka_servers: str, pool: Pool) -> None:
    topic = await a_topic(kafka_servers)
    lane = Lane(topic, 0)
    await produce(kafka_servers, lane, [Outgoing(key=b"k", value=b"1")])
    restraint = Restraint()
    restraint.allow({lane: 1})
    restraint.rest_until = float("inf")
    worker = Worker(kafka_servers, topic, pool, restraint=restraint)
    async with worker.running():
        await eventually(lambda: worker.consumer.lanes() == {lane})
        assert await pool.fetchval("select count(*) from seen") == 0
        restraint.rest_until = 0.0
        await eventually(lambda: worker.fold.committed_records[lane] == 1)
