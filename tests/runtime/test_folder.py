"""Slices of many lanes in one transaction, and the trouble of one lane that leaves the others alone."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence

import pytest

from services.runtime.checkpoint import Checkpoints, Fenced, Moved
from services.runtime.clock import SystemClock
from services.runtime.errors import Poison, Transient
from services.runtime.folder import SLICE_RECORDS, Folder, Held, Trouble
from services.runtime.kafka import Record
from services.runtime.leases import Lane
from services.runtime.postgres import Connection, Pool
from services.runtime.quarantine import Refusal
from services.runtime.slices import Run
from tests.support.eventually import eventually
from tests.support.folding import Metrics, Tally, a_pool, a_schema
from tests.support.stack import Database

LANES = [Lane("events", number) for number in range(3)]
FIRST, SECOND, THIRD = LANES


class Failing(Tally):
    """Fails in the transaction for as long as there are too many records of the lane in trouble."""

    def __init__(self) -> None:
        super().__init__()
        self.taken = 0
        self.trouble: Callable[[Sequence[Record]], bool] = lambda _: False

    def take(self, ready: list[Record], record: Record) -> Refusal | None:
        self.taken += 1
        return super().take(ready, record)

    async def apply(self, connection: Connection, ready: list[Record]) -> None:
        await super().apply(connection, ready)
        if self.trouble(ready):
            raise Transient("the statement took too long")


class Given:
    """A folder with three lanes claimed."""

    def __init__(self, pool: Pool, checkpoints: Checkpoints, held: dict[Lane, Held]) -> None:
        self.pool = pool
        self.fold = Failing()
        self.metrics = Metrics()
        self.held = held
        self.stopping = asyncio.Event()
        self._folder = Folder(checkpoints, self.fold, SystemClock(), self.metrics)

    async def takes(self, *runs: Run) -> dict[Lane, Trouble]:
        """Fold what the lanes brought; nothing is left over when one gets on."""
        troubles = await self._folder.fold(self.held, runs, self.stopping)
        stored = await self.pool.fetch("select partition, next_offset from checkpoint order by 1")
        if not troubles:
            assert [row["next_offset"] for row in stored] == [
                held.next_offset for held in self.held.values()
            ]
        return troubles

    async def ids(self) -> set[bytes]:
        """Return what is folded."""
        return {row["id"] for row in await self.pool.fetch("select id from seen")}


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[Pool]:
    await a_schema(database)
    async with a_pool(database) as pool:
        yield pool


@pytest.fixture
async def given(pool: Pool) -> Given:
    checkpoints = Checkpoints(pool, "tally", "tally/one")
    await checkpoints.add(LANES)
    claims = {claim.lane: claim.epoch for claim in await checkpoints.claim(LANES)}
    held = {lane: Held(lane=lane, epoch=claims[lane], next_offset=0) for lane in LANES}
    for lane in LANES:
        await checkpoints.begin(lane, claims[lane], 0)
    return Given(pool, checkpoints, held)


def run(lane: Lane, values: Iterable[str], first: int = 0) -> Run:
    records = [
        Record(*lane, offset, b"k", value.encode(), (), 1000)
        for offset, value in enumerate(values, first)
    ]
    return Run(lane, records)


def some(lane: Lane, size: int) -> list[str]:
    return [f"{lane.partition}-{number}" for number in range(size)]


async def test_what_many_lanes_brought_is_one_transaction(given: Given) -> None:
    assert await given.takes(*[run(lane, some(lane, 2)) for lane in LANES]) == {}
    assert given.fold.applied == [set(LANES)]
    assert given.fold.committed_records == dict.fromkeys(LANES, 2)
    assert len(await given.ids()) == 6
    assert await given.takes(run(SECOND, ["more"], 2)) == {}
    assert given.fold.applied[1:] == [{SECOND}]


async def test_a_stolen_lane_is_left_out_and_the_others_go_on(given: Given) -> None:
    await given.pool.execute("update checkpoint set epoch = epoch + 1 where partition = 1")
    troubles = await given.takes(*[run(lane, some(lane, 2)) for lane in LANES])
    assert list(troubles) == [SECOND]
    assert isinstance(troubles[SECOND], Fenced)
    assert await given.ids() == {b"0-0", b"0-1", b"2-0", b"2-1"}
    assert given.held[SECOND].next_offset == 0


async def test_a_lane_whose_checkpoint_moved_says_where_it_is(given: Given) -> None:
    await given.pool.execute("update checkpoint set next_offset = 7 where partition = 2")
    troubles = await given.takes(*[run(lane, some(lane, 2)) for lane in LANES])
    assert list(troubles) == [THIRD]
    moved = troubles[THIRD]
    assert isinstance(moved, Moved)
    assert moved.next_offsets == {THIRD: 7}
    assert await given.ids() == {b"0-0", b"0-1", b"1-0", b"1-1"}


async def test_what_postgres_refuses_is_set_aside_for_its_own_lane(given: Given) -> None:
    runs = [run(FIRST, some(FIRST, 5)), run(SECOND, ["a", "sql", "b", "bad"])]
    assert await given.takes(*runs) == {}
    assert len(await given.ids()) == 7
    rows = await given.pool.fetch("select partition, record_offset, reason from quarantine")
    assert sorted(tuple(row.values()) for row in rows) == [
        (1, 1, "refused_by_database"),
        (1, 3, "malformed"),
    ]
    assert given.metrics.refused == {"refused_by_database": 1, "malformed": 1}
    assert [sum(given.held[lane].judged) for lane in LANES] == [0, 2, 0]


@pytest.mark.parametrize("poison", ["bad", "sql"])
async def test_a_flood_takes_its_lane_out_before_anything_of_it_is_beyond_the_budget(
    given: Given, poison: str
) -> None:
    flood = [f"{poison} {number}" for number in range(150)]
    troubles = await given.takes(run(FIRST, some(FIRST, 5)), run(SECOND, flood))
    assert list(troubles) == [SECOND]
    found = troubles[SECOND]
    assert isinstance(found, Poison)
    assert found.reason == "poison_flood"
    assert len(await given.ids()) == 5
    assert await given.pool.fetchval("select count(*) from quarantine") <= 100


async def test_lanes_that_failed_are_tried_alone_and_in_smaller_slices(given: Given) -> None:
    def trouble(records: Sequence[Record]) -> bool:
        return sum(one.lane == SECOND for one in records) > SLICE_RECORDS // 4

    given.fold.trouble = trouble
    runs = [run(SECOND, some(SECOND, SLICE_RECORDS - 4)), run(THIRD, some(THIRD, 4))]
    troubles = await given.takes(*runs)
    assert set(troubles) == {SECOND, THIRD}
    assert all(isinstance(one, Transient) for one in troubles.values())
    assert await given.ids() == set()
    for lane in troubles:
        given.held[lane].attempt = 2
    given.fold.applied.clear()
    assert await given.takes(*runs) == {}
    assert given.fold.applied == [{SECOND}] * 4 + [{THIRD}]
    assert [held.attempt for held in given.held.values()] == [0, 0, 0]


async def test_a_lane_that_failed_for_long_is_not_taken_record_by_record(given: Given) -> None:
    given.held[SECOND].attempt = 40
    assert await given.takes(run(SECOND, some(SECOND, SLICE_RECORDS))) == {}
    assert 1 < len(given.fold.applied) <= 33


async def test_the_next_slice_is_decoded_while_this_one_is_in_its_transaction(given: Given) -> None:
    given.fold.gate.clear()
    async with asyncio.TaskGroup() as tasks:
        taking = tasks.create_task(given.takes(run(FIRST, some(FIRST, SLICE_RECORDS + 40))))
        await eventually(lambda: given.fold.taken == SLICE_RECORDS + 40)
        assert given.fold.committed_records.total() == 0
        given.fold.gate.set()
    assert taking.result() == {}
    assert given.fold.committed_records == {FIRST: SLICE_RECORDS + 40}


async def test_a_process_that_is_to_stop_finishes_its_slice_and_takes_no_other(
    given: Given,
) -> None:
    given.fold.gate.clear()
    async with asyncio.TaskGroup() as tasks:
        taking = tasks.create_task(given.takes(run(FIRST, some(FIRST, SLICE_RECORDS + 40))))
        await eventually(given.fold.entered.is_set)
        given.stopping.set()
        given.fold.gate.set()
    assert taking.result() == {}
    assert given.held[FIRST].next_offset == SLICE_RECORDS


async def test_a_refusal_that_cannot_be_stored_ends_the_worker(
    given: Given, database: Database
) -> None:
    database.execute("alter table projector.quarantine add check (record_offset <> 0)")
    with pytest.raises(Poison):
        await given.takes(run(FIRST, ["sql"]))
