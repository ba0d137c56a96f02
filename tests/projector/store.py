"""The projector's own database for a test: migrated, folded into, and read back whole."""

import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

from prometheus_client import CollectorRegistry

from services.projector.app import PACKAGES
from services.projector.apply import ReadModels
from services.projector.metrics import Metrics
from services.runtime import migrations
from services.runtime.kafka import Record
from services.runtime.postgres import Pool
from services.runtime.quarantine import Refusal
from tests.support.clock import ManualClock
from tests.support.folding import decode
from tests.support.stack import Database

# In the order in which a reader would look; with the columns that name a row.
TABLES = {
    "message": "tenant, message_id",
    "recipient": "tenant, message_id, ref",
    "link": "tenant, message_id, link_index",
    "attachment": "tenant, message_id, attachment_index",
    "viewer": "tenant, message_id, attachment_index, ref",
    "template": "tenant, template_id, lane",
    "tenant_day": "tenant, day, owner, lane",
    "hour_of_week": "tenant, owner, hour, lane",
    "interaction": "event_id",
    "correspondence": "event_id",
    "label": "tenant, name, value, message_id",
    "personal": "message_id",
    "person": "message_id, ref",
    "tenant_setting": "tenant",
}
Tables = dict[str, list[dict[str, object]]]


class _Lost(Exception):
    """The connection, just before its commit."""


class Store:
    """A migrated database and a fold that writes into it, without a consumer before it."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.registry = CollectorRegistry()
        self.woken: list[int] = []
        self.fold = ReadModels(ManualClock(), Metrics(self.registry), self.woken.append)

    async def apply(self, records: Sequence[Record]) -> tuple[Refusal, ...]:
        """Fold one slice in a transaction of its own; returns what was refused."""
        ready, refused = decode(self.fold, records)
        async with self.pool.acquire() as connection, connection.transaction():
            await self.fold.apply(connection, ready)
        self.fold.committed(Counter(one.lane for one in records))
        return refused

    async def fail(self, records: Sequence[Record]) -> None:
        """Fold one slice in a transaction that is rolled back at the last moment."""
        ready, _ = decode(self.fold, records)
        with contextlib.suppress(_Lost):
            async with self.pool.acquire() as connection, connection.transaction():
                await self.fold.apply(connection, ready)
                raise _Lost

    async def tables(self) -> Tables:
        """Read the read models; not the time of recording, which is the first folded copy's."""
        return {name: await self.rows(name, key) for name, key in TABLES.items()}

    async def rows(self, table: str, order: str) -> list[dict[str, object]]:
        """Read one table, in an order."""
        rows = await self.pool.fetch(f"select * from {table} order by {order}")  # noqa: S608
        return [{name: cell for name, cell in row.items() if name != "recorded_at"} for row in rows]

    async def row(self, table: str, where: str = "true") -> dict[str, object]:
        """Read the only row of a table that meets a condition."""
        (row,) = await self.pool.fetch(f"select * from {table} where {where}")  # noqa: S608
        return dict(row.items())

    async def empty(self) -> None:
        """Delete everything."""
        for name in (*TABLES, "view_slot", "first_fact", "outbox"):
            await self.pool.execute(f"delete from {name}")  # noqa: S608


async def migrate(database: Database) -> None:
    """Bring a fresh database up to date."""
    await migrations.apply(database.url("projector_owner"), "projector", PACKAGES)


@asynccontextmanager
async def open_store(database: Database) -> AsyncIterator[Store]:
    """Give a store in a fresh database."""
    await migrate(database)
    url = database.url("projector_writer")
    async with Pool(url, application="test", schema="projector", size=2) as pool:
        yield Store(pool)


def named(rows: Iterable[dict[str, object]], *columns: str) -> list[tuple[object, ...]]:
    """Cut rows down to some columns."""
    return [tuple(row[column] for column in columns) for row in rows]
