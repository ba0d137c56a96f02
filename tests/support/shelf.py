"""Migrated databases that go from one test to the next: making one costs half a second, emptying one a twentieth."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from deploy.local.postgres import Postgres, StatementFailedError
from services.runtime import migrations
from tests.support.stack import Database, a_database

_EMPTY = Path(__file__).with_name("empty.sql").read_text("utf-8")
# The planner is told other things of an index made with its table than of one that was emptied: all have been emptied.
_ALL = """
select format('truncate %s', string_agg(oid::regclass::text, ', ')) from pg_class
where relnamespace = :'schema'::regnamespace and relkind = 'r' and relname <> 'schema_version' \\gexec
"""


class Shelf:
    """Databases that are as they were migrated whenever a test gets one; who left more than rows in one had it last."""

    def __init__(self, migrated: Database, schema: str) -> None:
        self._migrated = migrated
        self._schema = schema
        self._free: list[tuple[Database, str, ExitStack]] = []

    @contextmanager
    def database(self) -> Iterator[Database]:
        """Have one for the length of a block."""
        database, was, kept = self._free.pop() if self._free else self._made()
        yield database
        with suppress(StatementFailedError):
            if self._emptied(database) == was:
                self._free.append((database, was, kept))
                return
        kept.close()

    def close(self) -> None:
        """Drop them."""
        while self._free:
            self._free.pop()[2].close()

    def _made(self) -> tuple[Database, str, ExitStack]:
        kept = ExitStack()
        server, template = self._migrated.server, self._migrated.name
        database = kept.enter_context(a_database(server, template))
        return database, self._emptied(database), kept

    def _emptied(self, database: Database) -> str:
        """Delete all rows; returns what is left."""
        return database.server.execute(_EMPTY, database.name, schema=self._schema)


@contextmanager
def a_shelf(server: Postgres, schema: str, packages: Sequence[str]) -> Iterator[Shelf]:
    """Have a service's migrated databases for the length of a block."""
    with a_database(server) as migrated:
        asyncio.run(migrations.apply(migrated.url(f"{schema}_owner"), schema, packages))
        server.execute(_ALL, migrated.name, schema=schema)
        shelf = Shelf(migrated, schema)
        try:
            yield shelf
        finally:
            shelf.close()
