"""Endpoints and their logs for the doors: read under row-level security, written in the name of one tenant."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from schemas.instant import Instant
from services.alerts.cursor import Position
from services.alerts.store import CONSUMER, Range, Scope, reading
from services.alerts.webhooks import body
from services.runtime import checkpoint
from services.runtime.postgres import Connection, Pool, Queries, Row

_SQL: Final = Queries.load("services.alerts.webhooks", "store.sql")
_SECOND: Final = 1_000_000
_LARGEST: Final = 2**63 - 1

MAX_WEBHOOKS: Final = 50
"""Endpoints that a tenant may have: each is looked at for every fact of the tenant."""

MAX_SIGNING: Final = 5
"""Secrets that sign at once; each is a signature in the header of every call."""

MAX_REPLAYED: Final = 1000
"""Deliveries that one call replays; the answer says where to go on."""

MAX_TESTS: Final = 10
TESTS_SECONDS: Final = 60


class TooMany(Exception):
    """There are as many of them as there may be."""


class Unfit(Exception):
    """What is there is not in a state for this; the text is a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a caller says of an endpoint; in a change, None leaves it as it is."""

    url: str | None = None
    types: Sequence[str] | None = None
    names: bool | None = None
    description: str | None = None
    enabled: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An endpoint and when its secrets sign."""

    row: Row
    secrets: Sequence[Row]


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """A page of deliveries, latest first, the position to go on from if there are more, and when this was so."""

    rows: Sequence[Row]
    next: Position | None
    as_of: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which deliveries of an endpoint; None takes all."""

    within: Range
    state: str | None
    type: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """How many deliveries are due again, and from when on there are more in the range."""

    number: int
    next: int | None


class Endpoints:
    """The tables as one tenant's callers see them."""

    def __init__(self, reader: Pool, writer: Pool) -> None:
        self._reader = reader
        self._writer = writer

    async def all(self, tenant: str, now: int) -> tuple[list[Endpoint], int | None]:
        """Read a tenant's endpoints, oldest first, and when this was so."""
        async with self._read(tenant) as connection:
            as_of = await checkpoint.read_to(connection, CONSUMER)
            rows = await connection.fetch(_SQL["list"], tenant)
            return await _with_secrets(connection, tenant, rows, now), as_of

    async def find(self, tenant: str, webhook: UUID, now: int) -> Endpoint | None:
        """Read one endpoint."""
        async with self._read(tenant) as connection:
            rows = await connection.fetch(_SQL["find"], tenant, webhook)
            return next(iter(await _with_secrets(connection, tenant, rows, now)), None)

    async def create(
        self, tenant: str, webhook: UUID, draft: Draft, secret: str, now: int
    ) -> Endpoint:
        """Make an endpoint with its first secret; raises ``TooMany``."""
        said = (draft.url, draft.types, draft.names, draft.description, draft.enabled)
        async with self._writer.acquire() as connection, connection.transaction():
            await connection.execute(_SQL["turn"], tenant)
            if await connection.fetchval(_SQL["count"], tenant) >= MAX_WEBHOOKS:
                raise TooMany
            rows = await connection.fetch(_SQL["create"], webhook, tenant, *said, now)
            await connection.execute(_SQL["add_secret"], webhook, tenant, now, secret)
            return (await _with_secrets(connection, tenant, rows, now))[0]

    async def change(self, tenant: str, webhook: UUID, draft: Draft, now: int) -> Endpoint | None:
        """Change an endpoint; None when there is no such."""
        said = (draft.url, draft.types, draft.names, draft.description, draft.enabled)
        async with self._writer.acquire() as connection, connection.transaction():
            rows = await connection.fetch(_SQL["change"], tenant, webhook, *said, now)
            return next(iter(await _with_secrets(connection, tenant, rows, now)), None)

    async def delete(self, tenant: str, webhook: UUID) -> bool:
        """Delete an endpoint with all that belongs to it; False when there is no such."""
        return await self._writer.execute(_SQL["delete"], tenant, webhook) == 1

    async def rotate(
        self, tenant: str, webhook: UUID, secret: str, overlap: int, now: int
    ) -> Endpoint | None:
        """Add a secret, and let the one in use sign for the overlap still; raises ``TooMany`` secrets."""
        async with self._writer.acquire() as connection, connection.transaction():
            if await connection.fetchrow(_SQL["lock"], tenant, webhook) is None:
                return None
            known = await connection.fetchrow(_SQL["newest_secret"], webhook, now)
            if known is not None and overlap > 0 and known["signing"] >= MAX_SIGNING:
                raise TooMany
            # Two in one microsecond, or a clock that was set back, must not share their moment.
            newest = known["newest"] if known is not None else 0
            await connection.execute(_SQL["retire"], webhook, now + overlap)
            moment = max(now, newest + 1)
            await connection.execute(_SQL["add_secret"], webhook, tenant, moment, secret)
            rows = await connection.fetch(_SQL["find"], tenant, webhook)
            return (await _with_secrets(connection, tenant, rows, now))[0]

    async def test(self, tenant: str, webhook: UUID, identifier: UUID, now: int) -> Row | None:
        """Make a test delivery; raises ``TooMany`` tests, or ``Unfit`` for a disabled endpoint."""
        async with self._writer.acquire() as connection, connection.transaction():
            if not await _enabled(connection, tenant, webhook):
                return None
            since = now - TESTS_SECONDS * _SECOND
            if await connection.fetchval(_SQL["tests"], webhook, since) >= MAX_TESTS:
                raise TooMany
            said = body.test(identifier, tenant, webhook, Instant(now))
            return await connection.fetchrow(
                _SQL["add_test"], identifier, webhook, tenant, now, said
            )

    async def deliveries(
        self, tenant: str, webhook: UUID, chosen: Filter, after: Position | None, limit: int
    ) -> Log | None:
        """Read one page of an endpoint's log; None when there is no such endpoint."""
        arguments: list[object] = [
            tenant,
            webhook,
            -_LARGEST if chosen.within.begin is None else chosen.within.begin,
            _LARGEST if chosen.within.end is None else chosen.within.end,
            _LARGEST if after is None else after.occurred_at,
            _LARGEST if after is None else after.seq,
            chosen.state,
            chosen.type,
            limit + 1,
        ]
        async with self._read(tenant) as connection:
            if not await connection.fetch(_SQL["find"], tenant, webhook):
                return None
            as_of = await checkpoint.read_to(connection, CONSUMER)
            rows = await connection.fetch(_SQL["deliveries"], *arguments)
        shown, more = rows[:limit], None
        if len(rows) > limit:
            more = Position(occurred_at=shown[-1]["created_at"], seq=shown[-1]["seq"])
        return Log(rows=shown, next=more, as_of=as_of)

    async def replay(self, tenant: str, webhook: UUID, delivery: UUID, now: int) -> Replayed | None:
        """Make one delivery due again; None when there is no such, ``Unfit`` when it waits already."""
        async with self._writer.acquire() as connection, connection.transaction():
            if not await _enabled(connection, tenant, webhook):
                return None
            named = (tenant, webhook, delivery)
            if await connection.fetch(_SQL["replay_one"], *named, now):
                return Replayed(number=1, next=None)
            if await connection.fetchval(_SQL["state_of"], *named) is None:
                return None
            raise Unfit("This delivery is waiting to be delivered already.")

    async def replay_range(
        self, tenant: str, webhook: UUID, begin: int, end: int, states: Sequence[str], now: int
    ) -> Replayed | None:
        """Make the deliveries made in a half-open range due again, oldest first; None when there is no endpoint."""
        async with self._writer.acquire() as connection, connection.transaction():
            if not await _enabled(connection, tenant, webhook):
                return None
            within = (tenant, webhook, begin, end, list(states))
            rows = await connection.fetch(_SQL["replay_range"], *within, MAX_REPLAYED, now)
            following: int | None = None
            if len(rows) == MAX_REPLAYED:
                last = max(row["created_at"] for row in rows)
                following = await connection.fetchval(
                    _SQL["next_in_range"], tenant, webhook, last, end, list(states)
                )
            return Replayed(number=len(rows), next=following)

    def _read(self, tenant: str) -> AbstractAsyncContextManager[Connection]:
        return reading(self._reader, Scope(tenant=tenant, owner=None))


async def _with_secrets(
    connection: Connection, tenant: str, rows: Sequence[Row], now: int
) -> list[Endpoint]:
    names = [row["id"] for row in rows]
    secrets = await connection.fetch(_SQL["secrets"], tenant, names, now)
    return [
        Endpoint(row=row, secrets=[one for one in secrets if one["webhook_id"] == row["id"]])
        for row in rows
    ]


async def _enabled(connection: Connection, tenant: str, webhook: UUID) -> bool:
    """Hold an endpoint; False when there is no such, ``Unfit`` when it is disabled."""
    held = await connection.fetchrow(_SQL["lock"], tenant, webhook)
    if held is not None and not held["enabled"]:
        raise Unfit("This endpoint is disabled; enable it first.")
    return held is not None
