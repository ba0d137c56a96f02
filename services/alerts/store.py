"""Reads the inbox: always in one read-only transaction that sees the scope's rows and no others."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from services.alerts.cards import AlertType, Card, contact
from services.alerts.cursor import Position
from services.runtime import checkpoint
from services.runtime.postgres import Connection, Pool, Queries, Row

_SQL: Final = Queries.load("services.alerts", "store.sql")
# The pool's statements end by themselves; this bounds several of them and the wait for a connection.
_DEADLINE_SECONDS: Final = 5.0
_LARGEST: Final = 2**63 - 1
# The name under which the fold keeps its checkpoints.
CONSUMER: Final = "alerts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The alerts of one tenant; those of one owner, or with none everybody's."""

    tenant: str
    owner: str | None

    def settings(self) -> Mapping[str, str]:
        """Return what row-level security reads in the transaction; an empty owner is a manager's."""
        return {"app.tenant": self.tenant, "app.owner": self.owner or ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """A half-open range of the time at which it happened; an open end is None."""

    begin: int | None
    end: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbered:
    """A card with its number; `known` tells whether anything personal is there, `age` its microseconds in the inbox."""

    seq: int
    card: Card
    known: bool
    age: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Cards, latest first, the position to go on from if there are more, and when this was so."""

    cards: Sequence[Card]
    next: Position | None
    as_of: int | None


@asynccontextmanager
async def reading(pool: Pool, scope: Scope) -> AsyncIterator[Connection]:
    """Open one transaction in a scope; raises ``TimeoutError`` when its block takes too long."""
    async with (
        asyncio.timeout(_DEADLINE_SECONDS),
        pool.acquire() as connection,
        connection.transaction(scope.settings(), readonly=True),
    ):
        yield connection


async def inbox(
    pool: Pool, scope: Scope, within: Range, after: Position | None, limit: int
) -> Page:
    """Read one page of an inbox."""
    arguments: list[object] = [
        scope.tenant,
        -_LARGEST if within.begin is None else within.begin,
        _LARGEST if within.end is None else within.end,
        _LARGEST if after is None else after.occurred_at,
        _LARGEST if after is None else after.seq,
        limit + 1,
    ]
    async with reading(pool, scope) as connection:
        as_of = await checkpoint.read_to(connection, CONSUMER)
        if scope.owner is None:
            rows = await connection.fetch(_SQL["inbox_of_tenant"], *arguments)
        else:
            rows = await connection.fetch(_SQL["inbox_of_owner"], *arguments, scope.owner)
    shown = rows[:limit]
    more = None
    if len(rows) > limit:
        more = Position(occurred_at=shown[-1]["occurred_at"], seq=shown[-1]["seq"])
    return Page(cards=[_card(row) for row in shown], next=more, as_of=as_of)


async def after(pool: Pool, scope: Scope, seq: int, limit: int) -> list[Numbered]:
    """Read the alerts of a scope that came after a number, in their order."""
    async with reading(pool, scope) as connection:
        if scope.owner is None:
            rows = await connection.fetch(_SQL["after_in_tenant"], scope.tenant, seq, limit)
        else:
            arguments = (scope.tenant, seq, limit, scope.owner)
            rows = await connection.fetch(_SQL["after_of_owner"], *arguments)
    return [
        Numbered(seq=row["seq"], card=_card(row), known=row["known"], age=row["age"])
        for row in rows
    ]


async def last(pool: Pool, scope: Scope) -> int:
    """Read the last number given in the scope's tenant; 0 before the first."""
    async with reading(pool, scope) as connection:
        found: int | None = await connection.fetchval(_SQL["last"], scope.tenant)
    return found or 0


async def news(pool: Pool, heard: Mapping[str, int]) -> list[tuple[str, str, int]]:
    """Read whose alerts came after what each tenant was heard of: tenant, owner, number.

    It looks across tenants, so it takes the writer's pool; it tells who, never what.
    """
    async with asyncio.timeout(_DEADLINE_SECONDS):
        rows = await pool.fetch(_SQL["news"], list(heard), list(heard.values()))
    return [(row["tenant"], row["owner"], row["seq"]) for row in rows]


def _card(row: Row) -> Card:
    return Card(
        id=row["fact_id"],
        type=AlertType(row["type"]),
        message_id=row["message_id"],
        owner=row["owner"],
        contact=contact(row["ref"], row["recipient"]),
        subject=row["subject"],
        occurred_at=row["occurred_at"],
        created_at=row["created_at"],
    )
