"""What an operator had live fold later, out of the quarantine: it is folded beside as well, each record once.

The rebuild left such a record out where it met it, as live had. Whether it does so before or after live folded it
makes no difference, since events are told apart by their ids; of compacted topics the log itself says what holds.
"""

from collections.abc import Sequence
from typing import Final

from services.projector import reading
from services.projector.app import TOPICS
from services.projector.apply import ReadModels
from services.projector.rebuild import beside
from services.runtime.errors import Poison
from services.runtime.postgres import Pool
from services.runtime.quarantine import restored
from services.runtime.records import Record

_AT_ONCE: Final = 200
SLACK: Final = 60_000_000
"""Microseconds: a row is stamped before its transaction commits, which takes seconds at the most."""
_TOPICS: Final = [plan.topic for plan in TOPICS if plan.anchored]


class Redriven:
    """Keeps up with what live folds out of the quarantine."""

    def __init__(self, owner: Pool, pool: Pool, fold: ReadModels) -> None:
        """The owner sees what live has done; the pool writes beside."""
        self._owner = owner
        self._pool = pool
        self._fold = fold
        self._since = 0
        self._done: set[tuple[str, int, int]] = set()

    async def keep_up(self) -> None:
        """Fold what live has folded out of the quarantine since the last time; Transient when that fails."""
        rows = await self._owner.fetch(beside.SQL["redriven"], _TOPICS, self._since)
        records = [restored(row) for row in rows]
        new = [one for one in records if (*one.lane, one.offset) not in self._done]
        for start in range(0, len(new), _AT_ONCE):
            part = new[start : start + _AT_ONCE]
            try:
                await self._apply(part)
            except Poison:
                await self._one_by_one(part)
            self._done.update((*one.lane, one.offset) for one in part)
        latest = max((row["changed_at"] or 0 for row in rows), default=0)
        self._since = max(self._since, latest - SLACK)

    async def _one_by_one(self, records: Sequence[Record]) -> None:
        for one in records:
            try:
                await self._apply([one])
            except Poison:
                continue  # today's rules refuse what those of then did not; the comparison shows it

    async def _apply(self, records: Sequence[Record]) -> None:
        ready = self._fold.begin()
        for one in records:
            reading.take(ready, one, accept_late=True)
        async with self._pool.acquire() as connection, connection.transaction():
            # As each slice locks its lanes, so that the two never write at once.
            await connection.fetch(beside.SQL["alone"], beside.CONSUMER)
            await self._fold.apply(connection, ready)
