"""Records set aside are applied later, each once: whoever else does so, folds there, or dies in between."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from services.runtime.errors import Transient
from services.runtime.leases import Lane
from services.runtime.operator.redriving import Outcome, Redriver, State
from services.runtime.operator.resuming import Refused
from services.runtime.postgres import Pool
from services.runtime.quarantine import Refusal, set_aside
from services.runtime.records import Record
from tests.support.eventually import eventually
from tests.support.folding import Tally, a_pool, a_schema
from tests.support.stack import Database

LANE = Lane("events", 2)
FIRST = (
    "insert into checkpoint (consumer, topic, partition, next_offset) values ('tally', $1, $2, 100)"
)


class Nothing:
    """Nothing came later, but for what a test says."""

    def __init__(self, *replaced: int) -> None:
        self._replaced = frozenset(replaced)

    async def replaced(self, lane: Lane, records: Sequence[Record]) -> frozenset[int]:
        return self._replaced

    def check(self, lane: Lane, next_offset: int) -> None:
        assert next_offset == 100


class Given:
    """A lane with records in quarantine."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.fold = Tally()
        self.fold.understands_all = True

    async def aside(self, *values: bytes) -> list[int]:
        """Set records aside, from offset 10 on."""
        refused = [
            Refusal(record=Record(*LANE, 10 + n, b"k", value, (("h", b"\xff"),), 7), reason="old")
            for n, value in enumerate(values)
        ]
        async with self.pool.acquire() as connection, connection.transaction():
            await set_aside(connection, refused)
        return [one.record.offset for one in refused]

    def redriver(
        self, *, dry: bool = False, later: Nothing | None = None, fold: Tally | None = None
    ) -> Redriver[list[Record]]:
        return Redriver(self.pool, "tally", fold or self.fold, later or Nothing(), "ann", dry=dry)

    async def redrive(self, offsets: Sequence[int], *, dry: bool = False) -> Outcome:
        outcome = Outcome()
        await self.redriver(dry=dry).run(LANE, offsets, outcome)
        return outcome

    async def rows(self) -> list[tuple[int, str]]:
        rows = await self.pool.fetch("select state, reason from quarantine order by record_offset")
        return [(row["state"], row["reason"]) for row in rows]

    async def ids(self) -> int:
        return int(await self.pool.fetchval("select coalesce(sum(ids), 0) from tally"))


@pytest.fixture
async def given(database: Database) -> AsyncIterator[Given]:
    await a_schema(database)
    async with a_pool(database) as pool:
        await pool.execute(FIRST, *LANE)
        yield Given(pool)


async def test_what_can_be_folded_now_is_and_states_its_facts(given: Given) -> None:
    offsets = await given.aside(b"one", b"two", b"one")
    outcome = await given.redrive(offsets)
    assert outcome.applied == {LANE: offsets}
    assert await given.ids() == 2
    assert await given.pool.fetchval("select count(*) from outbox where lane = 2") == 2
    assert await given.rows() == [(State.APPLIED, "old")] * 3
    assert given.fold.committed_records == {LANE: 3}
    row = await given.pool.fetchrow("select * from quarantine limit 1")
    assert row is not None
    assert (row["attempts"], row["changed_by"]) == (1, "ann")
    assert row["changed_at"] >= row["first_at"]
    # Again, it changes nothing.
    assert (await given.redrive(offsets)).applied == {}
    assert await given.ids() == 2


async def test_what_is_refused_again_waits_on_with_its_new_reason(given: Given) -> None:
    offsets = await given.aside(b"one", b"sql two", b"bad three", b"four")
    given.fold.understands_all = False
    outcome = await given.redrive(offsets)
    assert outcome.applied == {LANE: [10, 13]}
    assert [one.reason for one in outcome.refused[LANE]] == [
        "refused_by_database",
        "malformed",
    ] or [one.reason for one in outcome.refused[LANE]] == ["malformed", "refused_by_database"]
    assert await given.rows() == [
        (State.APPLIED, "old"),
        (State.WAITING, "refused_by_database"),
        (State.WAITING, "malformed"),
        (State.APPLIED, "old"),
    ]
    assert await given.ids() == 2
    given.fold.understands_all = True
    assert (await given.redrive([12])).applied == {LANE: [12]}


async def test_a_dry_run_tells_and_changes_nothing(given: Given) -> None:
    offsets = await given.aside(b"one", b"bad two")
    given.fold.understands_all = False
    outcome = await given.redrive(offsets, dry=True)
    assert outcome.applied == {LANE: [10]}
    assert [one.reason for one in outcome.refused[LANE]] == ["malformed"]
    assert await given.rows() == [(State.WAITING, "old")] * 2
    assert await given.ids() == 0
    assert await given.redriver(dry=True).give_up(LANE, offsets) == 2
    assert await given.rows() == [(State.WAITING, "old")] * 2
    assert given.fold.committed_records == {}


async def test_what_a_later_record_replaced_is_given_up_instead(given: Given) -> None:
    offsets = await given.aside(b"one", b"two")
    outcome = Outcome()
    await given.redriver(later=Nothing(10)).run(LANE, offsets, outcome)
    assert (outcome.superseded, outcome.applied) == ({LANE: [10]}, {LANE: [11]})
    assert [state for state, _ in await given.rows()] == [State.GIVEN_UP, State.APPLIED]


async def test_two_operators_at_the_same_time_apply_each_once(
    given: Given, database: Database
) -> None:
    offsets = await given.aside(*(b"%d" % number for number in range(500)))
    async with a_pool(database) as own:
        other = Given(own)
        first, second = await asyncio.gather(given.redrive(offsets), other.redrive(offsets))
    assert first.total("applied") + second.total("applied") == 500
    assert await given.ids() == 500
    assert await given.pool.fetchval("select count(*) from outbox") == 500
    assert await given.pool.fetchval("select sum(attempts) from quarantine") == 500


async def test_it_waits_for_the_worker_that_folds_the_lane_and_the_worker_for_it(
    given: Given, database: Database
) -> None:
    offsets = await given.aside(b"one")
    async with a_pool(database) as own, own.acquire() as worker:
        async with worker.transaction():
            await worker.fetch("select from checkpoint where topic = $1 for update", LANE.topic)
            running = asyncio.create_task(given.redrive(offsets))
            waits = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
            await eventually(lambda: database.execute(waits).strip().endswith("1"))
            assert not running.done()
        assert (await running).applied == {LANE: [10]}


async def test_a_run_that_is_cut_off_leaves_each_record_applied_or_waiting(
    given: Given, database: Database
) -> None:
    offsets = await given.aside(*(b"%d" % number for number in range(300)))
    dying = Tally()
    dying.gate.clear()
    running = asyncio.create_task(given.redriver(fold=dying).run(LANE, offsets, Outcome()))
    await eventually(dying.entered.is_set)
    database.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where state = 'idle in transaction'"
    )
    dying.gate.set()
    with pytest.raises(Transient):
        await running
    assert await given.rows() == [(State.WAITING, "old")] * 300
    assert (await given.redrive(offsets)).total("applied") == 300
    assert await given.ids() == 300


async def test_what_is_given_up_stays_and_is_not_re_driven(given: Given) -> None:
    offsets = await given.aside(b"one", b"two")
    assert await given.redriver().give_up(LANE, [10]) == 1
    assert await given.redriver().give_up(LANE, offsets) == 1
    assert (await given.redrive(offsets)).applied == {}
    assert await given.rows() == [(State.GIVEN_UP, "old")] * 2


async def test_a_lane_that_was_never_folded_is_refused(given: Given) -> None:
    await given.aside(b"one")
    await given.pool.execute("update checkpoint set next_offset = null")
    with pytest.raises(Refused, match="nothing was ever folded"):
        await given.redrive([10])
