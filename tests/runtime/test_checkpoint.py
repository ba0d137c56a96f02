"""The checkpoint's fence, its leases, and what a slice may write under them."""

from collections.abc import AsyncIterator

import pytest

from services.runtime.checkpoint import Checkpoints, Fenced, Move, Moved, digest, read_to
from services.runtime.kafka import Record
from services.runtime.leases import Lane
from services.runtime.postgres import Pool
from tests.support.folding import a_pool, a_schema
from tests.support.stack import Database

LANE = Lane("events", 0)
OTHER = Lane("events", 1)


def record(offset: int, value: bytes = b"v") -> Record:
    return Record(LANE.topic, LANE.partition, offset, b"k", value, (), 1000)


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[Pool]:
    await a_schema(database)
    async with a_pool(database) as pool:
        yield pool


@pytest.fixture
async def first(pool: Pool) -> Checkpoints:
    checkpoints = Checkpoints(pool, "fold", "fold/first")
    await checkpoints.add([LANE, OTHER])
    return checkpoints


async def claim(checkpoints: Checkpoints, lane: Lane = LANE) -> int:
    (claimed,) = await checkpoints.claim([lane])
    await checkpoints.begin(lane, claimed.epoch, 0)
    return claimed.epoch


async def expire(pool: Pool) -> None:
    await pool.execute("update checkpoint set lease_until = now() - interval '1 s'")


async def write(checkpoints: Checkpoints, epoch: int, next_offset: int, at: int) -> None:
    async with checkpoints.advancing([Move(LANE, epoch, next_offset, record(at))]) as connection:
        await connection.execute(
            "insert into tally values (0, 1) on conflict (lane) do update set ids = tally.ids + 1"
        )


async def test_a_claim_says_where_to_go_on(first: Checkpoints) -> None:
    (claimed,) = await first.claim([LANE])
    assert (claimed.lane, claimed.epoch, claimed.next_offset) == (LANE, 1, None)
    assert await first.begin(LANE, 1, 7)
    assert not await first.begin(LANE, 1, 8)
    await write(first, 1, 7, 9)
    (again,) = await first.claim([LANE])
    assert (again.epoch, again.next_offset, again.anchor) == (2, 10, digest(record(9)))


async def test_a_valid_lease_keeps_others_away_until_it_runs_out(
    first: Checkpoints, pool: Pool
) -> None:
    second = Checkpoints(pool, "fold", "fold/second")
    await claim(first)
    assert await second.claim([LANE]) == []
    assert [one.lane for one in await second.claim([LANE, OTHER])] == [OTHER]
    await expire(pool)
    assert [one.lane for one in await second.claim([LANE])] == [LANE]


async def test_a_stale_worker_writes_nothing(first: Checkpoints, pool: Pool) -> None:
    stale = await claim(first)
    await expire(pool)
    second = Checkpoints(pool, "fold", "fold/second")
    fresh = await claim(second)
    with pytest.raises(Fenced):
        await write(first, stale, 0, 0)
    assert await pool.fetchval("select count(*) from tally") == 0
    await write(second, fresh, 0, 0)
    assert await pool.fetchval("select ids from tally") == 1


async def test_a_checkpoint_that_moved_says_where_it_is(first: Checkpoints) -> None:
    epoch = await claim(first)
    await write(first, epoch, 0, 4)
    with pytest.raises(Moved) as moved:
        await write(first, epoch, 0, 4)
    assert moved.value.next_offsets == {LANE: 5}


async def test_an_effect_that_fails_leaves_the_checkpoint_where_it_was(first: Checkpoints) -> None:
    epoch = await claim(first)
    with pytest.raises(ZeroDivisionError):
        async with first.advancing([Move(LANE, epoch, 0, record(0))]):
            raise ZeroDivisionError
    await write(first, epoch, 0, 0)


async def test_looking_renews_only_what_is_ours_and_sees_who_lives(
    first: Checkpoints, pool: Pool
) -> None:
    second = Checkpoints(pool, "fold", "fold/second")
    epoch = await claim(first)
    await expire(pool)
    taken = await claim(second)
    survey = await first.look([(LANE, epoch)], [], 0.0)
    assert survey.kept == {}
    assert survey.owners == {LANE: "fold/second", OTHER: None}
    assert survey.workers == ("fold/first",)
    await expire(pool)
    assert (await second.look([(LANE, taken)], [], 0.0)).kept == {LANE: None}
    assert set((await first.look([], [], 0.0)).workers) == {"fold/first", "fold/second"}
    await second.leave([(LANE, taken)])
    survey = await first.look([], [], 0.0)
    assert (survey.workers, survey.owners[LANE]) == (("fold/first",), None)


async def test_halting_is_for_whoever_comes_next(first: Checkpoints, pool: Pool) -> None:
    epoch = await claim(first)
    await first.halt(LANE, epoch, "poison_flood")
    await first.release([(LANE, epoch)])
    (claimed,) = await Checkpoints(pool, "fold", "fold/second").claim([LANE])
    assert claimed.halted == "poison_flood"


async def test_consumers_do_not_see_each_others_lanes(first: Checkpoints, pool: Pool) -> None:
    other = Checkpoints(pool, "rebuild", "rebuild/first")
    await claim(first)
    assert await other.claim([LANE]) == []
    survey = await other.look([], [], 0.0)
    assert (survey.owners, survey.workers) == ({}, ("rebuild/first",))


@pytest.mark.parametrize(
    "other",
    [
        record(3, b"w"),
        record(3)._replace(key=b"v", value=b"k"),
        record(3)._replace(key=b"kv", value=b""),
        record(3)._replace(timestamp_ms=1001),
    ],
)
def test_a_digest_tells_records_apart(other: Record) -> None:
    assert digest(other) != digest(record(3))
    assert len(digest(other)) == 16


async def _read_to(pool: Pool) -> int | None:
    async with pool.acquire() as connection:
        return await read_to(connection, "fold")


async def test_what_is_read_says_up_to_when_and_never_more_than_the_lane_that_is_furthest_behind(
    first: Checkpoints, pool: Pool
) -> None:
    epoch, other_epoch = await claim(first), await claim(first, OTHER)
    await write(first, epoch, 0, 0)
    assert await _read_to(pool) is None, "nobody has looked at the other lane yet"
    await first.look([(OTHER, other_epoch)], [OTHER], 0.0)
    assert await _read_to(pool) == 1_000_000, "the record was produced one second after the epoch"
    await first.look([(LANE, epoch), (OTHER, other_epoch)], [LANE], 0.5)
    now = await pool.fetchval("select (extract(epoch from clock_timestamp()) * 1000000)::bigint")
    found = await _read_to(pool)
    assert found is not None
    assert now - 5_000_000 < found <= now
    await first.look([(LANE, epoch)], [], 0.0)
    assert await _read_to(pool) == found, "a lane that lags is read no further"


async def test_a_record_from_the_future_says_no_more_than_now(
    first: Checkpoints, pool: Pool
) -> None:
    epoch, other_epoch = await claim(first), await claim(first, OTHER)
    await first.look([(OTHER, other_epoch)], [OTHER], 0.0)
    tomorrow = record(0)._replace(timestamp_ms=32_503_680_000_000)
    async with first.advancing([Move(LANE, epoch, 0, tomorrow)]):
        pass
    now = await pool.fetchval("select (extract(epoch from clock_timestamp()) * 1000000)::bigint")
    found = await _read_to(pool)
    assert found is not None
    assert found <= now
