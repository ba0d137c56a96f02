"""Applies records of the quarantine later, by the same fold, each exactly once.

A row's new state commits with the record's effect, under the lock that the lane's worker takes for a slice. So a
re-driven record is one more slice of its lane, whether a worker folds there at the same time, another operator does
the same, or this process is killed anywhere.
"""

from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, Generic, NamedTuple, TypeVar

from services.runtime.errors import Poison
from services.runtime.folder import Fold
from services.runtime.leases import Lane
from services.runtime.operator.resuming import Refused
from services.runtime.operator.superseding import Later
from services.runtime.postgres import Connection, Pool, Queries
from services.runtime.quarantine import Refusal, restored, storable
from services.runtime.records import Record

_SQL: Final = Queries.load("services.runtime.operator", "quarantine.sql")
AT_ONCE: Final = 200

D = TypeVar("D")


class State(IntEnum):
    """What became of a row."""

    WAITING = 0
    APPLIED = 1
    GIVEN_UP = 2


class Became(NamedTuple):
    """What a row becomes; no reason leaves it as it was."""

    offset: int
    state: State
    reason: str | None = None
    detail: str | None = None


@dataclass(slots=True)
class Outcome:
    """What became of the records of one run, by lane."""

    applied: dict[Lane, list[int]] = field(default_factory=dict)
    refused: dict[Lane, list[Became]] = field(default_factory=dict)
    superseded: dict[Lane, list[int]] = field(default_factory=dict)

    def total(self, kind: str) -> int:
        """Return how many there are of a kind."""
        return sum(map(len, getattr(self, kind).values()))


class _Undo(Exception):
    """Ends the transaction of a dry run."""


class Redriver(Generic[D]):
    """Re-drives the records of one consumer."""

    def __init__(
        self, pool: Pool, consumer: str, fold: Fold[D], later: Later, by: str, *, dry: bool = False
    ) -> None:
        """`later` knows which records of a compacted topic another one has replaced; `dry` undoes everything."""
        self._pool = pool
        self._consumer = consumer
        self._fold = fold
        self._later = later
        self._by = storable(by)
        self._dry = dry

    async def run(self, lane: Lane, offsets: Sequence[int], outcome: Outcome) -> None:
        """Re-drive those of a lane's rows that still wait, and note what became of each."""
        replaced = await self._later.replaced(lane, await self._records(lane, offsets))
        for part in _parts(sorted(offsets), AT_ONCE):
            await self._part(lane, part, replaced, outcome)

    async def give_up(self, lane: Lane, offsets: Sequence[int]) -> int:
        """Leave rows that still wait for good, where they can be seen; returns how many."""
        async with self._transaction() as connection:
            rows = await connection.fetch(_SQL["take"], *lane, list(offsets))
            became = [Became(row["record_offset"], State.GIVEN_UP) for row in rows]
            await self._settle(connection, lane, became, tried=0)
        return len(became)

    async def _records(self, lane: Lane, offsets: Sequence[int]) -> list[Record]:
        rows = [await self._pool.fetchrow(_SQL["row"], *lane, offset) for offset in offsets]
        return [restored(row) for row in rows if row is not None]

    async def _part(
        self, lane: Lane, offsets: Sequence[int], replaced: Collection[int], outcome: Outcome
    ) -> None:
        try:
            became, applied = await self._try(lane, offsets, replaced)
        except Poison as poison:
            if len(offsets) > 1:
                for half in (offsets[: len(offsets) // 2], offsets[len(offsets) // 2 :]):
                    await self._part(lane, half, replaced, outcome)
                return
            became, applied = await self._mark(lane, offsets[0], poison), 0
        if applied and not self._dry:
            self._fold.committed({lane: applied})
        for one in became:
            match one.state:
                case State.APPLIED:
                    outcome.applied.setdefault(lane, []).append(one.offset)
                case State.GIVEN_UP:
                    outcome.superseded.setdefault(lane, []).append(one.offset)
                case State.WAITING:
                    outcome.refused.setdefault(lane, []).append(one)

    async def _try(
        self, lane: Lane, offsets: Sequence[int], replaced: Collection[int]
    ) -> tuple[list[Became], int]:
        """Apply what the fold takes, in one transaction with what became of the rows."""
        ready = self._fold.begin()
        became: list[Became] = []
        applied = 0
        async with self._transaction() as connection:
            folded = await connection.fetchval(_SQL["lane"], self._consumer, *lane)
            if folded is None:
                raise Refused("LANE", f"nothing was ever folded of {lane}")
            self._later.check(lane, folded)
            for row in await connection.fetch(_SQL["take"], *lane, list(offsets)):
                record = restored(row)
                if record.offset in replaced:
                    detail = "a later record of its key says otherwise"
                    became.append(Became(record.offset, State.GIVEN_UP, detail=detail))
                    continue
                refusal = self._fold.take(ready, record)
                became.append(_became(record.offset, refusal))
                applied += refusal is None
            if applied:
                await self._fold.apply(connection, ready)
            await self._settle(connection, lane, became)
        return became, applied

    async def _mark(self, lane: Lane, offset: int, poison: Poison) -> list[Became]:
        """Note why PostgreSQL refuses a record, unless somebody settled it meanwhile."""
        async with self._transaction() as connection:
            if not await connection.fetch(_SQL["take"], *lane, [offset]):
                return []
            became = [Became(offset, State.WAITING, poison.reason, poison.detail)]
            await self._settle(connection, lane, became)
        return became

    async def _settle(
        self, connection: Connection, lane: Lane, became: Sequence[Became], tried: int = 1
    ) -> None:
        if became:
            columns = [list(column) for column in zip(*map(_row, became), strict=True)]
            await connection.execute(_SQL["settle"], *lane, *columns, tried, self._by)

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Connection]:
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                yield connection
                if self._dry:
                    raise _Undo
        except _Undo:
            pass


def _became(offset: int, refusal: Refusal | None) -> Became:
    if refusal is None:
        return Became(offset, State.APPLIED)
    return Became(offset, State.WAITING, refusal.reason, refusal.detail)


def _row(one: Became) -> tuple[int, int, str | None, str | None]:
    reason = None if one.reason is None else storable(one.reason)
    return one.offset, int(one.state), reason, None if one.detail is None else storable(one.detail)


def _parts(offsets: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for start in range(0, len(offsets), size):
        yield offsets[start : start + size]
