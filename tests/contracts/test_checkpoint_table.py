"""What the checkpoint's statements promise, of PostgreSQL and of the database of the simulation."""

import asyncio
import random
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from typing import cast

import pytest

from services.runtime import checkpoint
from services.runtime.checkpoint import Checkpoints, Fenced, Move, Moved, digest
from services.runtime.errors import Poison, Transient
from services.runtime.leases import Lane
from services.runtime.migrations import apply
from services.runtime.postgres import Pool, connect
from services.runtime.quarantine import Refusal, set_aside
from services.runtime.records import Record
from tests.simulation.database import Database as SimulatedDatabase
from tests.simulation.driver import SimulatedPool
from tests.simulation.fold import COUNT, TABLES
from tests.simulation.loop import Process, SimulatedLoop
from tests.simulation.statements import CHECKPOINT, statements
from tests.support.folding import SCHEMA, a_pool
from tests.support.stack import Database

LANE = Lane("events", 0)
OTHER = Lane("events", 1)


def record(offset: int) -> Record:
    return Record(*LANE, offset, b"k", b"good 1 k", (), 1000)


def workers(pool: Pool) -> tuple[Checkpoints, Checkpoints]:
    return Checkpoints(pool, "fold", "fold/first"), Checkpoints(pool, "fold", "fold/second")


async def begun(checkpoints: Checkpoints, lane: Lane = LANE) -> int:
    await checkpoints.add([LANE, OTHER])
    (claimed,) = await checkpoints.claim([lane])
    await checkpoints.begin(lane, claimed.epoch, 0)
    return claimed.epoch


async def count(checkpoints: Checkpoints, move: Move, ids: Sequence[str], small: str = "1") -> None:
    async with checkpoints.advancing([move]) as connection:
        await connection.execute(COUNT, list(ids), [one[0] for one in ids], [small] * len(ids))


class CheckpointContract(ABC):
    """Collected once for each database, by its subclasses."""

    @abstractmethod
    async def expire(self) -> None:
        """Let all leases run out."""

    @abstractmethod
    async def tallies(self) -> tuple[dict[str, int], list[str]]:
        """Return how many ids each key has, and of which facts were stated, in order of keys."""

    async def test_a_claim_counts_up_and_keeps_others_away(self, pool: Pool) -> None:
        first, second = workers(pool)
        epoch = await begun(first)
        assert await second.claim([LANE]) == []
        (again,) = await first.claim([LANE])
        assert (epoch, again.epoch, again.next_offset) == (1, 2, 0)
        await self.expire()
        (taken,) = await second.claim([LANE])
        assert (taken.epoch, taken.anchor, taken.halted) == (3, None, None)

    async def test_it_begins_once_and_only_under_its_epoch(self, pool: Pool) -> None:
        first, _ = workers(pool)
        epoch = await begun(first)
        assert not await first.begin(LANE, epoch, 5)
        (claimed,) = await first.claim([OTHER])
        assert not await first.begin(OTHER, claimed.epoch + 1, 5)
        assert await first.begin(OTHER, claimed.epoch, 5)

    async def test_a_slice_moves_the_checkpoint_with_its_effect(self, pool: Pool) -> None:
        first, _ = workers(pool)
        epoch = await begun(first)
        await count(first, Move(LANE, epoch, 0, record(6)), ["a1", "a2", "b1"])
        (again,) = await first.claim([LANE])
        assert (again.next_offset, again.anchor) == (7, digest(record(6)))
        await count(first, Move(LANE, again.epoch, 7, record(9)), ["a2", "a3", "c1"])
        assert await self.tallies() == ({"a": 3, "b": 1, "c": 1}, ["a", "b", "c"])

    async def test_a_stale_epoch_writes_nothing(self, pool: Pool) -> None:
        first, second = workers(pool)
        stale = await begun(first)
        await self.expire()
        (fresh,) = await second.claim([LANE])
        with pytest.raises(Fenced):
            await count(first, Move(LANE, stale, 0, record(0)), ["a1"])
        assert await self.tallies() == ({}, [])
        await count(second, Move(LANE, fresh.epoch, 0, record(0)), ["a1"])
        assert await self.tallies() == ({"a": 1}, ["a"])

    async def test_an_epoch_given_out_twice_is_its_last_owners_alone(self, pool: Pool) -> None:
        """As after a restored backup, which counts epochs back."""
        first, second = workers(pool)
        epoch = await begun(first)
        await second.look([], [], 0.0)
        assert (await second.look([(LANE, epoch)], [], 0.0)).kept == {}
        with pytest.raises(Fenced):
            await count(second, Move(LANE, epoch, 0, record(0)), ["a1"])
        assert await self.tallies() == ({}, [])

    async def test_a_checkpoint_that_moved_says_so(self, pool: Pool) -> None:
        first, _ = workers(pool)
        epoch = await begun(first)
        await count(first, Move(LANE, epoch, 0, record(4)), ["a1"])
        with pytest.raises(Moved) as moved:
            await count(first, Move(LANE, epoch, 0, record(4)), ["a2"])
        assert moved.value.next_offsets == {LANE: 5}
        assert await self.tallies() == ({"a": 1}, ["a"])

    async def test_what_the_database_refuses_is_poison_and_undone(self, pool: Pool) -> None:
        first, _ = workers(pool)
        epoch = await begun(first)
        with pytest.raises(Poison, match="refused_by_database"):
            await count(first, Move(LANE, epoch, 0, record(0)), ["a1"], small="99999")
        await count(first, Move(LANE, epoch, 0, record(0)), ["a1"])
        assert await self.tallies() == ({"a": 1}, ["a"])

    async def test_a_locked_checkpoint_is_claimed_by_nobody(self, pool: Pool) -> None:
        first, second = workers(pool)
        epoch = await begun(first)
        await self.expire()
        async with first.advancing([Move(LANE, epoch, 0, record(0))]):
            assert await second.claim([LANE, OTHER]) != []
            assert (await second.look([], [], 0.0)).owners[LANE] is None
        assert (await second.look([], [], 0.0)).owners[LANE] == "fold/first"

    async def test_looking_sees_who_lives_and_keeps_what_is_ours(self, pool: Pool) -> None:
        first, second = workers(pool)
        epoch = await begun(first)
        await second.look([], [], 0.0)
        survey = await first.look([(LANE, epoch), (OTHER, 1)], [LANE], 0.0)
        assert set(survey.workers) == {"fold/first", "fold/second"}
        assert survey.kept == {LANE: None}
        assert survey.owners == {LANE: "fold/first", OTHER: None}
        await first.leave([(LANE, epoch)])
        survey = await second.look([(LANE, epoch)], [], 0.0)
        assert (survey.workers, survey.owners[LANE]) == (("fold/second",), None)

    async def test_a_halt_is_for_whoever_comes_next(self, pool: Pool) -> None:
        first, second = workers(pool)
        epoch = await begun(first)
        await first.halt(LANE, epoch + 1, "operator", "too late")
        assert (await first.look([(LANE, epoch)], [], 0.0)).kept == {LANE: None}
        await first.halt(LANE, epoch, "operator", "by hand")
        assert (await first.look([(LANE, epoch)], [], 0.0)).kept == {LANE: "operator"}
        await first.release([(LANE, epoch)])
        (claimed,) = await second.claim([LANE])
        assert claimed.halted == "operator"

    async def test_a_record_is_set_aside_once(self, pool: Pool) -> None:
        first, _ = workers(pool)
        epoch = await begun(first)
        for start in (0, 4):
            async with first.advancing([Move(LANE, epoch, start, record(start + 3))]) as connection:
                await set_aside(connection, [Refusal(record=record(2), reason="malformed")])
        (again,) = await first.claim([LANE])
        assert again.next_offset == 8

    async def test_an_error_leaves_the_transaction_and_its_locks_behind(self, pool: Pool) -> None:
        first, second = workers(pool)
        epoch = await begun(first)
        with pytest.raises(Transient, match="given up"):
            async with first.advancing([Move(LANE, epoch, 0, record(0))]):
                raise Transient("given up")
        await self.expire()
        assert [one.next_offset for one in await second.claim([LANE])] == [0]


class TestPostgres(CheckpointContract):
    opened: Pool

    @pytest.fixture
    async def pool(self, database: Database) -> AsyncIterator[Pool]:
        owner = database.url("projector_owner")
        await apply(owner, SCHEMA, ["services.runtime"])
        async with connect(owner, application="tests", schema=SCHEMA) as connection:
            await connection.execute(TABLES)
        async with a_pool(database) as pool:
            self.opened = pool
            yield pool

    async def expire(self) -> None:
        await self.opened.execute("update checkpoint set lease_until = now() - interval '1 s'")

    async def tallies(self) -> tuple[dict[str, int], list[str]]:
        counted = await self.opened.fetch("select key, ids from tally order by key")
        stated = await self.opened.fetch("select convert_from(key, 'UTF8') as key from outbox")
        return {row["key"]: row["ids"] for row in counted}, sorted(row["key"] for row in stated)


class TestSimulated(CheckpointContract):
    @pytest.fixture
    async def pool(self) -> AsyncIterator[Pool]:
        loop = cast(SimulatedLoop, asyncio.get_running_loop())
        chance = random.Random(1)  # noqa: S311 a choice, not a secret
        self.database = SimulatedDatabase(loop, chance, statements())
        async with SimulatedPool(self.database, Process(loop, "tests"), chance) as pool:
            yield pool

    async def expire(self) -> None:
        table = self.database.tables["checkpoint"]
        for key, row in list(table.items()):
            table[key] = {**row, "lease_until": self.database.now() - 1.0}

    async def tallies(self) -> tuple[dict[str, int], list[str]]:
        tables = self.database.tables
        counted = {key[1]: row["ids"] for key, row in sorted(tables["tally"].items())}
        return counted, sorted(row["key"] for row in tables["outbox"].values())

    async def test_it_knows_every_statement_that_a_consumer_runs(self) -> None:
        asked_elsewhere = {"read_to"}
        assert CHECKPOINT.keys() | asked_elsewhere == checkpoint._SQL.statements.keys()
