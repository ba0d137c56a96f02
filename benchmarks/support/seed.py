"""Fills the read models straight by SQL, with the skew of real mail: owners, templates, records, people, opens."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from hashlib import md5
from uuid import UUID

from services.runtime.postgres import Connection, Queries, connect

QUERIES = Queries.load("benchmarks.support", "seed.sql")
STEPS = ("message", "label", "recipient", "personal", "person", "interaction", "link", "template")
SECONDS = 900.0
# Indexes that come back once the rows are there.
_INDEXES = """
select i.indexrelid::regclass::text as name, pg_get_indexdef(i.indexrelid) as made
from pg_index i join pg_class c on c.oid = i.indrelid
where c.relnamespace = 'projector'::regnamespace and c.relkind = 'r' and not i.indisprimary
    and c.relname in ('message', 'recipient', 'personal', 'person')
order by c.relname
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sized:
    """A tenant with so many emails, from so many sellers and templates; the more of these, the fewer has each."""

    name: str
    emails: int
    first_seller: int = 0
    sellers: int = 100
    templates: int = 40


def named(tenant: str, number: int) -> UUID:
    """Return the id of the so manieth email of a tenant, as the statements make it."""
    return UUID(md5(f"{tenant}{number}".encode(), usedforsecurity=False).hexdigest())


async def seed(superuser_url: str, tenants: Sequence[Sized], now: int) -> None:
    """Fill a migrated, empty database with tenants of so many emails until now."""
    async with _connected(superuser_url) as one, _connected(superuser_url) as two:
        found = await one.fetch(_INDEXES)
        for row in found:
            await one.execute(f"drop index {row['name']}")
        for tenant in tenants:
            await _fill(one, tenant, now, STEPS[:1])
        await one.execute("analyze message")
        async with asyncio.TaskGroup() as tasks:
            for connection, steps in (
                (one, ("personal", "person", "label")),
                (two, STEPS[2:3] + STEPS[5:]),
            ):
                tasks.create_task(_fill_all(connection, tenants, now, steps))
        async with asyncio.TaskGroup() as tasks:
            # the one index that takes as long as all others together
            slow = [row for row in found if "word_end" in row["name"]]
            tasks.create_task(_make(one, [row["made"] for row in slow]))
            tasks.create_task(_make(two, [row["made"] for row in found if row not in slow]))
        await one.execute("alter index personal_by_word_end alter column 1 set statistics 0")
        await one.execute("vacuum analyze")


def _connected(url: str) -> AbstractAsyncContextManager[Connection]:
    return connect(url, application="benchmark-seed", schema="projector", statement_seconds=SECONDS)


async def _fill_all(
    connection: Connection, tenants: Sequence[Sized], now: int, steps: Sequence[str]
) -> None:
    for tenant in tenants:
        await _fill(connection, tenant, now, steps)


async def _fill(connection: Connection, tenant: Sized, now: int, steps: Sequence[str]) -> None:
    await connection.execute("set synchronous_commit = off")
    for step in steps:
        text = QUERIES[step]
        values = {"$1": tenant.name, "$2": tenant.emails, "$3": now}
        values |= {"$4": tenant.first_seller, "$5": tenant.sellers, "$6": tenant.templates}
        await connection.execute(text, *(value for place, value in values.items() if place in text))


async def _make(connection: Connection, statements: Sequence[str]) -> None:
    await connection.execute("set maintenance_work_mem = '512MB'")
    for statement in statements:
        await connection.execute(statement)
