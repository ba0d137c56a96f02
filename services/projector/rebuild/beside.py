"""The generation beside the live one: every table of the schema once more, empty at first.

All of them, not the read models alone: a fold whose search path begins there cannot reach a live table by its name. So
its checkpoints and its quarantine are its own, and go when it is dropped; facts it states none.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from services.projector import views
from services.projector.rebuild import structure
from services.projector.rebuild.progress import Place
from services.projector.rebuild.structure import Structure
from services.projector.rebuild.tables import BESIDE, INDEXED_AT_ONCE, KEPT, LIVE, present
from services.runtime.errors import Fatal, Poison
from services.runtime.leases import Lane
from services.runtime.postgres import Connection, Pool, Queries

SQL: Final = Queries.load("services.projector.rebuild", "beside.sql")
CONSUMER: Final = "projector-rebuild"
"""The name under which the fold into the tables beside keeps its checkpoints there."""
PATH: Final = f"{BESIDE}, {LIVE}"
_SEARCH: Final = "select set_config('search_path', $1, true)"
# The tables whose indexes take longest are begun with, so that nothing is left to wait for at the end.
_LONG: Final = frozenset({"message", "personal"})
_AT_ONCE: Final = 2
_EPOCH: Final = date(1970, 1, 1)
_DAY_MILLISECONDS: Final = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is known of the generation beside."""

    begun_at: datetime
    indexed_at: datetime | None
    switched_at: datetime | None
    kept_until: datetime | None
    models: tuple[str, ...]
    """Which tables changed places; none while nothing was switched."""
    outdated: bool

    @property
    def switched(self) -> bool:
        """Tell whether what lies beside is what was live before."""
        return self.switched_at is not None


async def state(connection: Connection | Pool) -> State | None:
    """Return what is known of the generation beside; None when there is none. ``Fatal`` without its schema."""
    if not await connection.fetchval(SQL["schemas"]):
        raise Fatal(
            "the database lacks the schemas of a rebuild: run deploy/postgres/roles.sql again"
        )
    if not await connection.fetchval(SQL["there"]):
        return None
    row = await connection.fetchrow(SQL["state"])
    if row is None:
        return None
    known: dict[str, Any] = dict(row.items())
    return State(**known | {"models": tuple(known["models"] or ())})


async def make(connection: Connection) -> tuple[str, ...]:
    """Make the tables, in one transaction; returns which are read models. Raises ``Fatal`` where that cannot be."""
    async with connection.transaction():
        live = await structure.read(connection, LIVE)
        models = present(live.tables)
        if found := await structure.tied(connection, LIVE):
            raise Fatal(f"tied to tables that are to change places: {'; '.join(found)}")
        await connection.fetchval(_SEARCH, PATH)
        for statement in structure.making(live, LIVE, indexed=INDEXED_AT_ONCE):
            await connection.execute(statement)
        await connection.execute(SQL["create"])
        grants = [part.words for part in live.of("checkpoint") if part.kind == "grant"]
        for words in grants:
            await connection.execute(words.replace("checkpoint", "generation", 1))
        made = await structure.read(connection, BESIDE)
        later = {part.name for part in live.parts if part.kind == "index"}
        lacking = [
            one
            for one in structure.differences(live, made, list(live.tables))
            if one.rpartition(" ")[2] not in later
        ]
        if lacking:
            raise Fatal(f"these could not be made again: {'; '.join(lacking)}")
    return models


async def index(owner: Pool) -> list[str]:
    """Make the indexes that were left for later, and tell the planner what is in the tables; returns what was made.

    Table by table, on two connections, since one alone keeps one processor busy.
    """
    async with owner.acquire() as connection, connection.transaction():
        live, made = await both(connection)
    waiting = deque(
        sorted(live.tables.keys() - KEPT, key=lambda table: (table not in _LONG, table))
    )
    words = {table: structure.missing(live, made, "index", of=table) for table in waiting}
    async with asyncio.TaskGroup() as tasks:
        for _ in range(_AT_ONCE):
            tasks.create_task(_index(owner, waiting, words))
    await owner.execute(SQL["indexed"])
    return [one for some in words.values() for one in some]


async def _index(owner: Pool, waiting: deque[str], words: Mapping[str, Sequence[str]]) -> None:
    async with owner.acquire() as connection:
        while waiting:
            table = waiting.popleft()
            for one in words[table]:
                # Each by itself, so that it waits for nobody while it keeps somebody waiting.
                async with connection.transaction():
                    await connection.fetchval(_SEARCH, PATH)
                    await connection.execute(one)
            await connection.execute(f"vacuum (analyze) {BESIDE}.{table}")


async def match_days(connection: Connection) -> None:
    """Make the partitions that live has and the tables beside have not, such as those of days to come."""
    async with connection.transaction():
        live, made = await both(connection)
    have = {one.name for one in made.partitions}
    for one in live.partitions:
        if one.name not in have:
            with contextlib.suppress(Poison):
                async with connection.transaction():
                    await connection.fetchval(_SEARCH, PATH)
                    for words in structure.partition(live, one):
                        await connection.execute(words)


async def both(connection: Connection) -> tuple[Structure, Structure]:
    """Read what live and beside are made of, inside a transaction."""
    return await structure.read(connection, LIVE), await structure.read(connection, BESIDE)


async def drop(connection: Connection) -> bool:
    """Drop the tables beside; False when there are none."""
    async with connection.transaction():
        made = await structure.read(connection, BESIDE)
        if not made.tables:
            return False
        names = ", ".join(f"{BESIDE}.{name}" for name in made.tables)
        # Not cascading: nothing live may hang on them.
        await connection.execute(f"drop table {names}")
    return True


async def places(connection: Connection | Pool) -> list[Place]:
    """Say how far every lane is folded."""
    rows = await connection.fetch(SQL["offsets"], views.CONSUMER, CONSUMER)
    return [
        Place(
            lane=Lane(row["topic"], row["partition"]),
            live=row["live"],
            beside=row["beside"],
            halted=row["halted"],
            age=row["age"],
        )
        for row in rows
    ]


async def pass_over(connection: Connection | Pool) -> dict[Lane, int]:
    """Have lanes that stand still go on where live did, by an operator's decision; returns where that is."""
    rows = await connection.fetch(SQL["pass_over"], views.CONSUMER, CONSUMER)
    return {Lane(row["topic"], row["partition"]): row["to_offset"] for row in rows}


async def add_day(connection: Connection, day: date) -> None:
    """Make the partition of a day, unless it is there, or its hits lie in the default one already."""
    name = f"interaction_{day:%Y%m%d}"
    first, after = _least_id(day), _least_id(day + timedelta(days=1))
    bound = f"for values from ('{first}') to ('{after}')"
    with contextlib.suppress(Poison):
        async with connection.transaction():
            await connection.fetchval(_SEARCH, PATH)
            await connection.execute(
                f"create table if not exists {name} partition of interaction {bound}"
            )
            await connection.execute(
                f"alter table {name} enable row level security, force row level security"
            )


def _least_id(day: date) -> UUID:
    """Return the least id of a day, as the function of that name in the migrations does."""
    return UUID(int=(day - _EPOCH).days * _DAY_MILLISECONDS << 80)
