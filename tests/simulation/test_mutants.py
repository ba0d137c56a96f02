"""The simulation can fail: with a part of the fence, the order or the dedupe left out it finds a seed that shows it."""

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import pytest

from services.runtime import checkpoint, consumer, folder
from services.runtime.checkpoint import Checkpoints, Fenced, Move, Moved, digest
from services.runtime.consumer import FencedConsumer
from services.runtime.errors import Transient
from services.runtime.folder import Held
from services.runtime.kafka import Record
from services.runtime.postgres import Connection
from services.runtime.slices import Slice
from tests.simulation.database import Result, Statement, Steps, Transaction
from tests.simulation.faults import Fault
from tests.simulation.statements import CHECKPOINT, _is_free, _keys, refuse
from tests.simulation.world import Outcome, World

SEEDS = 80


def found(
    changed: Mapping[str, Statement] | None = None,
    consumer: type[FencedConsumer[list[Record]]] = FencedConsumer,
) -> str:
    """Return what the first failing seed breaks."""
    for seed in range(SEEDS):
        outcome = World(seed, None, changed, consumer).run()
        if outcome.broken:
            return outcome.broken[0]
    return ""


def test_what_is_counted_twice_is_found() -> None:
    def count_all(transaction: Transaction, arguments: Sequence[Any]) -> Steps:
        refuse(arguments[2])
        for one, key in sorted(zip(*arguments[:2], strict=True)):
            yield ("tally", key)
            before = transaction.get(("tally", key)) or {"ids": 0}
            transaction.put(("tally", key), {"ids": before["ids"] + 1})
            transaction.put(("seen", one), {"key": key})
            transaction.put(("outbox", 0, key, 0), {"key": key})
        return Result()

    assert "counted" in found({"count": count_all})


def test_a_fact_stated_twice_is_found() -> None:
    def count(transaction: Transaction, arguments: Sequence[Any]) -> Steps:
        refuse(arguments[2])
        for one, key in sorted(zip(*arguments[:2], strict=True)):
            yield ("seen", one)
            if transaction.get(("seen", one)) is None:
                transaction.put(("seen", one), {"key": key})
                yield ("tally", key)
                before = transaction.get(("tally", key)) or {"ids": 0}
                transaction.put(("tally", key), {"ids": before["ids"] + 1})
                transaction.put(("outbox", one, key, 0), {"key": key})
        return Result()

    assert "facts were stated" in found({"count": count})


def test_a_fence_left_out_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def of_any_epoch(transaction: Transaction, arguments: Sequence[Any]) -> Steps:
        consumer, topics, partitions, _, *others = arguments
        rows = [transaction.get(key) for key in _keys(consumer, topics, partitions)]
        epochs = [row["epoch"] if row else 0 for row in rows]
        result = yield from CHECKPOINT["advance"](
            transaction, (consumer, topics, partitions, epochs, *others)
        )
        return result

    def no_fence(moves: Sequence[Move], rows: Sequence[Any], worker: str) -> None:
        """Let everybody write."""

    monkeypatch.setattr(checkpoint, "_compare", no_fence)
    assert found({"advance": of_any_epoch})


def test_a_checkpoint_that_nobody_compares_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    compare = checkpoint._compare

    def fenced_only(moves: Sequence[Move], rows: Sequence[Any], worker: str) -> None:
        with contextlib.suppress(Moved):
            compare(moves, rows, worker)

    monkeypatch.setattr(checkpoint, "_compare", fenced_only)
    assert found()


class _Trusting(folder.Folder[list[Record]]):
    """Takes a slice of unknown outcome for committed."""

    async def _commit(self, held: Mapping[Any, Held], part: Slice, decoded: Any) -> None:
        with contextlib.suppress(Transient):
            await super()._commit(held, part, decoded)
            return
        for lane, records in part:
            held[lane].moved_past(records[-1])


class _BlindlyMoving(Checkpoints):
    """Writes wherever the checkpoint is."""

    @contextlib.asynccontextmanager
    async def advancing(self, moves: Sequence[Move]) -> AsyncIterator[Connection]:
        async with self._pool.acquire() as connection, connection.transaction():
            lanes = [move.lane for move in moves]
            topics, partitions = [one.topic for one in lanes], [one.partition for one in lanes]
            rows = await connection.fetch(
                checkpoint._SQL["lock"], self._consumer, topics, partitions
            )
            if [row["epoch"] for row in rows] != [move.epoch for move in sorted(moves)]:
                raise Fenced(lanes)
            yield connection
            await connection.execute(
                checkpoint._SQL["advance"],
                self._consumer,
                topics,
                partitions,
                [move.epoch for move in moves],
                [move.last.offset + 1 for move in moves],
                [digest(move.last) for move in moves],
                [float(move.last.timestamp_ms) for move in moves],
            )


class _CommittingFirst(Checkpoints):
    """Commits the offset, and then what is counted, as whoever commits to Kafka before the database does."""

    @contextlib.asynccontextmanager
    async def advancing(self, moves: Sequence[Move]) -> AsyncIterator[Connection]:
        async with super().advancing(moves):
            pass
        async with self._pool.acquire() as connection, connection.transaction():
            yield connection


def test_an_offset_that_is_committed_before_its_effect_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(consumer, "Checkpoints", _CommittingFirst)
    broken = found()
    assert "which is not in" in broken, broken


def test_an_unknown_outcome_taken_for_success_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer, "Folder", _Trusting)
    monkeypatch.setattr(consumer, "Checkpoints", _BlindlyMoving)
    assert "which is not in" in found()


def test_leases_that_never_run_out_are_found() -> None:
    def claim(transaction: Transaction, arguments: Sequence[Any]) -> Steps:
        name, worker, topics, partitions = arguments
        free = [
            key
            for key in _keys(name, topics, partitions)
            if (row := transaction.get(key)) is not None
            and _is_free({**row, "lease_until": float("inf")}, worker, 0.0)
        ]
        result = yield from CHECKPOINT["claim"](
            transaction, (name, worker, [key[2] for key in free], [key[3] for key in free])
        )
        return result

    assert "is nobody's" in found({"claim": claim})


class _Careless(FencedConsumer[list[Record]]):
    """Reads on from where its reader stands, whatever befell it."""

    def _assign(self, consumer: Any, now: float) -> bool:
        self._stale = self._stale and not getattr(consumer, "_positions", None)
        return super()._assign(consumer, now)


def test_reading_on_after_a_failed_poll_is_found() -> None:
    assert found(consumer=_Careless)


class _OnceAnchored(FencedConsumer[list[Record]]):
    """Compares the log with what was folded after a claim only."""

    async def _is_ours(self, held: Held, first: Record) -> bool:
        mine = await super()._is_ours(held, first)
        held.anchor = None
        return mine


def test_a_log_compared_after_a_claim_only_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def moved_past(held: Held, last: Record) -> None:
        held.next_offset = last.offset + 1

    assert not any(regrown(seed).broken for seed in range(SEEDS // 4))
    monkeypatch.setattr(Held, "moved_past", moved_past)
    assert any("was lost" in "".join(regrown(seed, _OnceAnchored).broken) for seed in range(SEEDS))


def regrown(seed: int, consumer: type[FencedConsumer[list[Record]]] = FencedConsumer) -> Outcome:
    """Run a seed in which Kafka is away for a while, and nothing else befalls; its log has another end then."""
    fault = Fault(at=5.0 + seed % 7, kind="regrowth", who=seed, seconds=0.0)
    return World(seed, [fault], consumer=consumer).run()
