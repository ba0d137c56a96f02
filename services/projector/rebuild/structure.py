"""What the tables of a schema are made of: read from PostgreSQL's catalogue, and made again in another schema.

The catalogue and not the migrations, because indexes and generated columns then call the functions of the live schema,
which stay where they are when tables change places, and because every name is that of the live one.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from services.projector.rebuild.tables import LIVE
from services.runtime.postgres import Connection, Queries

_SQL: Final = Queries.load("services.projector.rebuild", "structure.sql")
_PATH: Final = "select set_config('search_path', $1, true)"


class Part(NamedTuple):
    """A column, a constraint, an index, a policy, a grant or the like, and the words that make it."""

    of: str
    kind: str
    name: str
    words: str


class Partition(NamedTuple):
    """A partition, and for which values."""

    name: str
    parent: str
    bound: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """The tables of one schema; what a table is partitioned by, if it is."""

    tables: dict[str, str | None]
    partitions: tuple[Partition, ...]
    parts: tuple[Part, ...]

    def of(self, table: str) -> tuple[Part, ...]:
        """Return the parts of one table."""
        return tuple(part for part in self.parts if part.of == table)

    def family(self, tables: Collection[str]) -> tuple[str, ...]:
        """Return tables with their partitions."""
        return (*tables, *(one.name for one in self.partitions if one.parent in tables))


async def read(connection: Connection, schema: str) -> Structure:
    """Read a schema's structure, inside a transaction of the caller's, whose search path it changes.

    Names are written as seen from there, and functions as seen from the live schema, which is where they are.
    """
    await connection.fetchval(_PATH, schema if schema == LIVE else f"{schema}, {LIVE}")
    tables = await connection.fetch(_SQL["tables"], schema)
    partitions = await connection.fetch(_SQL["partitions"], schema)
    parts = await connection.fetch(_SQL["parts"], schema)
    return Structure(
        tables={row["name"]: row["partition_key"] for row in tables},
        partitions=tuple(Partition(*row) for row in partitions),
        parts=tuple(Part(*row) for row in parts),
    )


async def tied(connection: Connection, schema: str) -> list[str]:
    """Name what is tied to the tables themselves, so that it would not follow when others take their places."""
    return [row["what"] for row in await connection.fetch(_SQL["tied"], schema)]


def making(live: Structure, schema: str, *, indexed: Collection[str]) -> Iterator[str]:
    """Say how to make the tables again, when the search path is the new schema and then the live one.

    Indexes only where it is wanted; constraints have theirs anyway.
    """
    for table, key in live.tables.items():
        alike = f"(like {schema}.{table} including all excluding indexes excluding statistics)"
        yield f"create table {table} {alike}" + (f" partition by {key}" if key else "")
    # Once all are there: a policy holds to the table that its words mean at that moment.
    for table in live.tables:
        yield from _words(live.of(table), "constraint", "option", "security", "policy", "grant")
        if table in indexed:
            yield from _words(live.of(table), "index")
    for one in live.partitions:
        yield from partition(live, one)


def partition(live: Structure, one: Partition) -> Iterator[str]:
    """Say how to make a partition again."""
    yield f"create table {one.name} partition of {one.parent} {one.bound}"
    yield from _words(live.of(one.name), "option", "security", "policy", "grant")


def missing(live: Structure, beside: Structure, kind: str, *, of: str) -> list[str]:
    """Say how to make the parts of a kind that a table beside does not have yet."""
    have = set(beside.parts)
    return [part.words for part in live.of(of) if part.kind == kind and part not in have]


def differences(live: Structure, beside: Structure, tables: Collection[str]) -> list[str]:
    """Name what is not the same in some tables, partitions apart."""
    one = {part for table in tables for part in live.of(table)}
    other = {part for table in tables for part in beside.of(table)}
    return sorted({f"{part.of}: {part.kind} {part.name}" for part in one ^ other})


def _words(parts: Collection[Part], *kinds: str) -> Iterator[str]:
    for kind in kinds:
        yield from (part.words for part in parts if part.kind == kind)
