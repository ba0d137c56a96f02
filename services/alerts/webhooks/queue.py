"""The queue in PostgreSQL: what is due is claimed under a lease, called, and recorded under the same attempt.

A process that dies lets its leases run out, and somebody else makes the next attempt: at least once, one id. Time is
the caller's, so that leases and schedules of several processes agree as well as their clocks do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from schemas.identity import MessageId, Tenant
from schemas.instant import Instant
from services.alerts.webhooks import body, schedule
from services.alerts.webhooks.body import Known, Told
from services.alerts.webhooks.kinds import Disabled, Kind, Result
from services.alerts.webhooks.schedule import Next
from services.runtime.postgres import Connection, Pool, Queries, Row

_SQL: Final = Queries.load("services.alerts.webhooks", "queue.sql")
_SECOND: Final = 1_000_000
# A call and the wait for its turn; so long a delivery stands still when its process has died.
LEASE_MICROSECONDS: Final = 30 * _SECOND
# The log has what is personal before the fact; where its lane is late, a body waits so long and then goes without.
GRACE_MICROSECONDS: Final = 2 * _SECOND
# Deliveries can be looked at and replayed for so long; facts are known a little longer, since bodies need them.
KEPT_MICROSECONDS: Final = 30 * 86_400 * _SECOND
_FACTS_KEPT_MICROSECONDS: Final = 31 * 86_400 * _SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A delivery that is ours until its lease ends; `first` while it was never given up and replayed."""

    id: UUID
    webhook_id: UUID
    attempt: int
    failures: int
    first: bool
    url: str
    body: bytes
    secrets: Sequence[str]
    occurred_at: int | None
    lease_until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What one call came to, and what follows."""

    claimed: Claimed
    result: Result
    status: int | None
    seconds: float
    next: Next


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """The results that were written, and the endpoints that were disabled for them."""

    written: frozenset[UUID]
    disabled: Mapping[UUID, Disabled]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What the tables hold."""

    pending: int
    oldest: int | None
    enabled: int
    disabled: int


class Queue:
    """The queue, over a pool of the writer's role."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def hungry(self, now: int) -> list[UUID]:
        """Name the endpoints to which something is due."""
        return [row["id"] for row in await self._pool.fetch(_SQL["hungry"], now)]

    async def claim(self, wanted: Mapping[UUID, int], now: int) -> list[Claimed]:
        """Take up to so many due deliveries of each endpoint, in their order; it is committed on return."""
        lease = now + LEASE_MICROSECONDS
        asked = (list(wanted), list(wanted.values()))
        async with self._pool.acquire() as connection, connection.transaction():
            taken = await connection.fetch(
                _SQL["claim"], *asked, now, lease, now - GRACE_MICROSECONDS
            )
            if not taken:
                return []
            rows = await connection.fetch(_SQL["load"], [row["id"] for row in taken], now)
            return await _with_bodies(connection, rows, lease)

    async def record(self, settled: Sequence[Settled], now: int) -> Recorded:
        """Write results, and what they mean for their endpoints; those of an older attempt are left out."""
        good = {one.claimed.webhook_id for one in settled if one.result is Result.DELIVERED}
        bad = {one.claimed.webhook_id for one in settled} - good
        gone = {one.claimed.webhook_id for one in settled if one.result is Result.GONE}
        async with self._pool.acquire() as connection, connection.transaction():
            # Endpoints before deliveries, as when one is deleted, so that nobody waits in a circle.
            if good:
                await connection.execute(_SQL["succeed"], sorted(good))
            disabled: list[Row] = []
            if bad:
                await connection.execute(_SQL["fail"], sorted(bad), now)
                before = now - schedule.FAILING_SECONDS * _SECOND
                disabled = await connection.fetch(
                    _SQL["disable"], sorted(gone), sorted(bad), now, before
                )
            rows = await connection.fetch(_SQL["record"], *_columns(settled), now)
        return Recorded(
            written=frozenset(row["id"] for row in rows),
            disabled={row["id"]: Disabled(row["disabled_reason"]) for row in disabled},
        )

    async def give_back(self, claimed: Sequence[Claimed]) -> None:
        """Let others take deliveries that were claimed and not called."""
        ids, attempts = [one.id for one in claimed], [one.attempt for one in claimed]
        await self._pool.execute(_SQL["give_back"], ids, attempts)

    async def bury(self, now: int) -> int:
        """Give up some of what waits for endpoints that failed too long; says how many."""
        return len(await self._pool.fetch(_SQL["bury"], now))

    async def figures(self) -> Figures:
        """Look how much there is of what."""
        row = await self._pool.fetchrow(_SQL["figures"])
        if row is None:
            raise RuntimeError("a statement of counts has no row")
        return Figures(**dict(row.items()))

    async def prune(self, now: int) -> None:
        """Forget some of what is kept no longer."""
        await self._pool.execute(_SQL["prune_deliveries"], now - KEPT_MICROSECONDS)
        await self._pool.execute(_SQL["prune_facts"], now - _FACTS_KEPT_MICROSECONDS)
        await self._pool.execute(_SQL["prune_secrets"], now)


async def _with_bodies(connection: Connection, rows: Sequence[Row], lease: int) -> list[Claimed]:
    fresh = {row["id"]: _body(row) for row in rows if row["body"] is None}
    if fresh:
        await connection.execute(_SQL["write"], list(fresh), list(fresh.values()))
    return [
        Claimed(
            id=row["id"],
            webhook_id=row["webhook_id"],
            attempt=row["attempt"],
            failures=row["failures"],
            first=row["calls"] == row["failures"],
            url=row["url"],
            body=row["body"] or fresh[row["id"]],
            secrets=row["secrets"],
            occurred_at=row["occurred_at"],
            lease_until=lease,
        )
        for row in rows
    ]


def _body(row: Row) -> bytes:
    told = Told(
        fact_id=row["fact_id"],
        tenant=Tenant(row["tenant"]),
        type=Kind(row["type"]),
        message_id=MessageId(row["message_id"]),
        ref=row["ref"],
        ordinal=row["ordinal"],
        occurred_at=Instant(row["occurred_at"]),
        detail=row["detail"],
    )
    known = Known(
        owner=row["owner"],
        recipient=row["recipient"],
        subject=row["subject"],
        attachment=row["attachment"],
    )
    return body.written(told, known, names=row["names"])


def _columns(settled: Sequence[Settled]) -> list[list[object]]:
    rows: list[tuple[object, ...]] = [
        (
            one.claimed.id,
            one.claimed.attempt,
            one.next.state,
            one.next.dead_reason,
            one.next.due_at,
            one.status,
            one.result,
            round(one.seconds * 1000),
        )
        for one in settled
    ]
    return [list(column) for column in zip(*rows, strict=True)]
