"""Compares live with what is beside: counts and checksums by tenant, and the rows that are not the same.

A checksum is the sum of the hashes of the rows, so that their order does not matter. Roll-ups are added up over their
lanes first, as whoever reads them does: on which lane something was counted depends on how the log was cut into slices.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from services.projector.rebuild.structure import Structure
from services.projector.rebuild.tables import (
    BESIDE,
    LIVE,
    NOT_COMPARED,
    READ_MODELS,
)
from services.runtime.postgres import Connection

_COUNTS: Final = """
select tenant, count(*)::bigint as rows, sum(hashtextextended(one::text, 0))::text as checksum
from ({rows}) one
group by tenant
"""
_DIFFERING: Final = """
from (select * from ({live}) one where tenant = any($1)) live
full join (select * from ({beside}) one where tenant = any($1)) beside using ({key})
where live::text is distinct from beside::text
"""
_KINDS: Final = """
select count(*) filter (where beside.tenant is null) as gone,
       count(*) filter (where live.tenant is null) as new,
       count(*) filter (where live.tenant is not null and beside.tenant is not null) as changed
"""
_SAMPLE: Final = "select to_jsonb(live)::text as live, to_jsonb(beside)::text as beside "
_LATEST: Final = "(array_agg({column} order by named_at desc, coalesce(version, '') desc, coalesce(name, '') desc))[1]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A row that is not the same: its key, and the columns with what they say, live and beside."""

    key: Mapping[str, Any]
    columns: Mapping[str, tuple[Any, Any]]
    """Empty where one of the two has no such row."""
    only: str | None
    """``live`` or ``beside``, when the other has no such row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What was found of one read model; `gone` are rows that a switch would take away, `new` those it would bring."""

    table: str
    live_rows: int
    beside_rows: int
    tenants: tuple[str, ...]
    """Those of which the two do not say the same."""
    gone: int = 0
    new: int = 0
    changed: int = 0
    sample: tuple[Difference, ...] = ()

    @property
    def same(self) -> bool:
        """Tell whether nothing would change."""
        return not self.tenants


async def compare(
    connection: Connection,
    structure: Structure,
    tables: Sequence[str],
    first_slot: int,
    sample: int,
) -> list[Compared]:
    """Compare some read models as one snapshot of the writer's connection sees them.

    Slots of views before the first one given may be forgotten on one side and are left out.
    """
    found = []
    for table in tables:
        columns = [part.name for part in structure.of(table) if part.kind == "column"]
        live = rows_of(table, columns, LIVE, first_slot)
        beside = rows_of(table, columns, BESIDE, first_slot)
        found.append(await _compare(connection, table, live, beside, sample))
    return found


async def _compare(
    connection: Connection, table: str, live: str, beside: str, sample: int
) -> Compared:
    one = await _counts(connection, live)
    other = await _counts(connection, beside)
    tenants = tuple(
        sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
    )
    found = Compared(
        table=table,
        live_rows=sum(rows for rows, _ in one.values()),
        beside_rows=sum(rows for rows, _ in other.values()),
        tenants=tenants,
    )
    if found.same:
        return found
    key = READ_MODELS[table]
    differing = _DIFFERING.format(live=live, beside=beside, key=", ".join(key))
    kinds = await connection.fetchrow(_KINDS + differing, list(tenants))
    ordered = f"{_SAMPLE}{differing} order by {', '.join(key)} limit $2"
    rows = await connection.fetch(ordered, list(tenants), sample)
    return Compared(
        table=table,
        live_rows=found.live_rows,
        beside_rows=found.beside_rows,
        tenants=tenants,
        sample=tuple(_difference(table, row["live"], row["beside"]) for row in rows),
        **({} if kinds is None else dict(kinds.items())),
    )


async def _counts(connection: Connection, rows: str) -> dict[str, tuple[int, str]]:
    found = await connection.fetch(_COUNTS.format(rows=rows))
    return {row["tenant"]: (row["rows"], row["checksum"]) for row in found}


def rows_of(table: str, columns: Sequence[str], schema: str, first_slot: int) -> str:
    """Say in SQL what a reader sees of a table; a roll-up that has nothing to say is as good as none."""
    shown = [name for name in columns if name not in NOT_COMPARED.get(table, ())]
    where = f" where slot >= {first_slot:d}" if table == "view_slot" else ""
    if "lane" not in columns:
        return f"select {', '.join(shown)} from {schema}.{table}{where}"  # noqa: S608 names of ours
    key = READ_MODELS[table]
    added = [name for name in shown if name not in (*key, "lane")]
    sums = [name for name in added if _folded(name).startswith("sum")]
    told = ", ".join([*key, *(f"{_folded(name)} as {name}" for name in added)])
    something = " or ".join(f"sum({name}) <> 0" for name in sums)
    return f"select {told} from {schema}.{table} group by {', '.join(key)} having {something}"  # noqa: S608 names of ours


def _folded(column: str) -> str:
    """Say how the lanes' values of a column become one."""
    bare = column.removeprefix("human_")
    if column in ("name", "version"):
        return _LATEST.format(column=column)
    if bare.startswith("first_"):
        return f"min({column})"
    if bare.startswith("last_") or column == "named_at":
        return f"max({column})"
    return f"sum({column})"


def _difference(table: str, live: str | None, beside: str | None) -> Difference:
    one: dict[str, Any] = orjson.loads(live) if live else {}
    other: dict[str, Any] = orjson.loads(beside) if beside else {}
    shown = one or other
    columns = {
        name: (_shown(one[name]), _shown(other[name]))
        for name in one.keys() & other.keys()
        if one[name] != other[name]
    }
    only = None if one and other else "live" if one else "beside"
    key = {name: shown[name] for name in READ_MODELS[table]}
    return Difference(key=key, columns=dict(sorted(columns.items())), only=only)


def _shown(value: object) -> object:
    """Keep back what may name people or content: figures and flags are told, texts are not."""
    return value if value is None or isinstance(value, int) else "…"
