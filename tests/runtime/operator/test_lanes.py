"""Operators stop lanes and let them go on, beside a running worker; what is passed over is kept."""

from collections.abc import AsyncIterator

import pytest

from services.runtime.checkpoint import digest
from services.runtime.clock import SystemClock
from services.runtime.leases import Lane
from services.runtime.operator.lanes import Lanes
from services.runtime.operator.logs import extents, logs_or_none, places
from services.runtime.operator.resuming import Refused, Step, Way, Wish, around
from services.runtime.postgres import Pool
from tests.runtime.test_consumer import numbered, outgoing, reaches
from tests.support.eventually import eventually
from tests.support.folding import Worker, a_pool, a_schema
from tests.support.stack import Database
from tests.support.topics import a_topic, produce, read


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[Pool]:
    await a_schema(database)
    async with a_pool(database) as pool:
        yield pool


@pytest.fixture
def lanes(pool: Pool) -> Lanes:
    return Lanes(pool, "tally")


async def test_a_lane_is_stopped_and_goes_on_under_a_running_worker(
    kafka_servers: str, pool: Pool, lanes: Lanes
) -> None:
    topic = await a_topic(kafka_servers)
    lane = Lane(topic, 0)
    async with Worker(kafka_servers, topic, pool).running() as worker:
        await eventually(lambda: worker.consumer.lanes() == {lane})
        await lanes.halt(lane, "ann", "before a deployment")
        with pytest.raises(Refused, match="halted already"):
            await lanes.halt(lane, "ben")
        await eventually(lambda: worker.metrics.halts[lane] == "operator")
        await produce(kafka_servers, lane, outgoing(numbered(0, 5)))
        (stand,) = await lanes.survey(await extents(kafka_servers, [lane]))
        assert (stand.next_offset, stand.end, stand.lag, stand.halted) == (0, 5, 5, "operator")
        assert stand.detail == "by ann: before a deployment"
        assert stand.owner == worker.consumer.worker
        assert await lanes.resume(lane, Wish(Way.AS_IT_IS), None, "ann") == Step(None)
        await reaches(pool, 5)
        assert await lanes.gaps() == []


async def test_a_slice_begun_before_a_lane_was_stopped_is_not_committed_after(
    kafka_servers: str, pool: Pool, lanes: Lanes
) -> None:
    topic = await a_topic(kafka_servers)
    lane = Lane(topic, 0)
    worker = Worker(kafka_servers, topic, pool)
    async with worker.running():
        await eventually(lambda: worker.consumer.lanes() == {lane})
        # Between two looks of the worker, which does not know of it when it folds next.
        await lanes.halt(lane, "ann")
        await produce(kafka_servers, lane, outgoing(numbered(0, 5)))
        await eventually(lambda: worker.metrics.halts[lane] == "operator")
        assert await pool.fetchval("select count(*) from seen") == 0


async def test_a_flood_is_folded_after_an_upgrade_once_the_lane_is_resumed(
    kafka_servers: str, pool: Pool, lanes: Lanes
) -> None:
    topic = await a_topic(kafka_servers)
    lane = Lane(topic, 0)
    await produce(kafka_servers, lane, outgoing([b"bad %d" % number for number in range(200)]))
    async with Worker(kafka_servers, topic, pool).running() as worker:
        await eventually(lambda: worker.metrics.halts.get(lane) == "poison_flood")
        detail = await pool.fetchval("select halted_detail from checkpoint")
        assert detail == "200 of 200 records from 0 on are refused: malformed 200"
    newer = Worker(kafka_servers, topic, pool)
    newer.fold.understands_all = True
    async with newer.running():
        await eventually(lambda: newer.metrics.halts.get(lane) == "poison_flood")
        await lanes.resume(lane, Wish(Way.AS_IT_IS), None, "ann")
        await reaches(pool, 200)


async def test_what_is_skipped_is_kept_with_who_did_it_and_why(
    kafka_servers: str, pool: Pool, lanes: Lanes
) -> None:
    topic = await a_topic(kafka_servers)
    lane = Lane(topic, 0)
    flood = [b"bad %d" % number for number in range(200)]
    await produce(kafka_servers, lane, outgoing([*flood, *numbered(0, 3)]))
    async with Worker(kafka_servers, topic, pool).running() as worker:
        await eventually(lambda: worker.metrics.halts.get(lane) == "poison_flood")
        log = (await extents(kafka_servers, [lane]))[lane]
        with pytest.raises(Refused, match="--skip-to: 999"):
            await lanes.resume(lane, Wish(Way.SKIP_TO, 999), log, "ann")
        assert await lanes.gaps() == []
        await lanes.resume(lane, Wish(Way.SKIP_TO, 200), log, "ann")
        await reaches(pool, 3)
        assert await lanes.passed_over() == 200
    (gap,) = await lanes.gaps(lane)
    assert (gap.lane, gap.from_offset, gap.to_offset) == (lane, 0, 200)
    assert (gap.reason, gap.made_by) == ("poison_flood", "ann")
    assert gap.made_at > 1_700_000_000_000_000
    assert await lanes.gaps(Lane("other", 0)) == []
    # Kept for ever: not even whoever writes here may take it back.
    for statement in ("delete from gap", "update gap set to_offset = 1"):
        with pytest.raises(Exception, match="permission denied"):
            await pool.execute(statement)


async def resume(kafka_servers: str, lanes: Lanes, lane: Lane, wish: Wish) -> Step:
    """Look at the log as `lanes resume` does, and let the lane go on."""
    log = (await extents(kafka_servers, [lane]))[lane]
    offsets = around(await lanes.stand(lane), log, wish)
    looked = await places(kafka_servers, lane, offsets, log, SystemClock())
    return await lanes.resume(lane, wish, log, "ann", looked)


async def test_a_log_that_changed_while_its_lane_stood_still_is_not_skipped_into(
    kafka_servers: str, pool: Pool, lanes: Lanes, database: Database
) -> None:
    topic = await a_topic(kafka_servers)
    lane = Lane(topic, 0)
    await produce(kafka_servers, lane, outgoing(numbered(0, 10)))
    async with Worker(kafka_servers, topic, pool).running() as worker:
        await reaches(pool, 10)
        await lanes.halt(lane, "ann")
        await eventually(lambda: worker.metrics.halts.get(lane) == "operator")
        # As if the tail had been lost since, and others had come in its place.
        database.execute(
            "update projector.checkpoint set anchor = sha256('another'), next_offset = 8;"
            "delete from projector.seen where id >= '000004'; update projector.tally set ids = 4;"
        )
        await produce(kafka_servers, lane, outgoing(numbered(10, 12)))
        with pytest.raises(Refused, match=r"digest .* the lane is halted for log_is_another now"):
            await resume(kafka_servers, lanes, lane, Wish(Way.SKIP_TO, 9))
        (stand,) = await lanes.survey({})
        assert (stand.next_offset, stand.halted) == (8, "log_is_another")
        assert await lanes.gaps() == []
        await resume(kafka_servers, lanes, lane, Wish(Way.AT, 4))
        await reaches(pool, 12)


async def test_the_record_before_where_a_lane_goes_on_is_remembered(
    kafka_servers: str, pool: Pool, lanes: Lanes
) -> None:
    topic = await a_topic(kafka_servers)
    lane = Lane(topic, 0)
    async with Worker(kafka_servers, topic, pool).running() as worker:
        await eventually(lambda: worker.consumer.lanes() == {lane})
    await produce(kafka_servers, lane, outgoing(numbered(0, 10)))
    await lanes.halt(lane, "ann")
    assert await resume(kafka_servers, lanes, lane, Wish(Way.SKIP_TO, 6)) == Step(6, (0, 6))
    (before,) = [one for one in await read(kafka_servers, topic, 10) if one.offset == 5]
    assert (await lanes.stand(lane)).anchor == digest(before)
    async with Worker(kafka_servers, topic, pool).running():
        await reaches(pool, 4)


async def test_lanes_are_shown_while_kafka_is_away_and_while_nobody_holds_them(
    kafka_servers: str, pool: Pool, lanes: Lanes
) -> None:
    topic = await a_topic(kafka_servers, 2)
    async with Worker(kafka_servers, topic, pool).running() as worker:
        await eventually(lambda: len(worker.consumer.lanes()) == 2)
        assert await lanes.unheld() == []
    known = await lanes.known()
    assert known == await lanes.unheld() == [Lane(topic, 0), Lane(topic, 1)]
    await produce(kafka_servers, known[1], outgoing(numbered(0, 4)))
    stands = await lanes.survey(await extents(kafka_servers, known))
    assert [(one.owner, one.lag) for one in stands] == [(None, 0), (None, 4)]
    logs, trouble = await logs_or_none("127.0.0.1:1", known)
    assert "kafka" in trouble
    assert [one.lag for one in await lanes.survey(logs)] == [None, None]


@pytest.mark.parametrize("text", ["", "events", "events/", "events/x", "/1", "events/٣"])
async def test_a_lane_that_there_is_not_is_refused(lanes: Lanes, text: str) -> None:
    with pytest.raises(Refused, match="LANE: there is no lane"):
        await lanes.parse(text)
