"""Lets tables live and beside change places, in one transaction in which live stands still.

Names are all that changes: each table takes its rows, indexes, grants and policies along. So live's checkpoints, which
say where both stand, hold for what comes in, and what goes out is a generation that can be followed and switched again.
Readers and workers find the new tables by their names; PostgreSQL plans anew what they had prepared.
"""

import asyncio
from collections.abc import Collection, Sequence
from typing import Final

import orjson

from services.projector.rebuild import beside, structure
from services.projector.rebuild.stillness import LOCK_NOT_AVAILABLE, LOCK_TIMEOUT, Vector
from services.projector.rebuild.structure import Structure
from services.projector.rebuild.tables import BESIDE, BETWEEN, LIVE, present
from services.runtime.clock import Deadline
from services.runtime.errors import Transient
from services.runtime.postgres import Connection

KEPT_SECONDS: Final = 24 * 3600.0
"""How long what was live is kept after a switch."""
# Less than the second after which PostgreSQL looks for deadlocks, so that no reader pays for the switch with an error.
_LOCK_MILLISECONDS: Final = 150
_PAUSE_SECONDS: Final = 0.1
# A vacuum lets go when it has been waited for that second.
_VACUUM_MILLISECONDS: Final = 2_500
_PATH: Final = "select set_config('search_path', $1, true)"


class NotAlikeError(Exception):
    """The tables beside are made otherwise than the live ones: a migration came between, so begin anew."""


class ReadersError(Exception):
    """Readers held the tables all the time; nothing was switched."""


async def shield(connection: Connection) -> tuple[Structure, Structure]:
    """Keep vacuums and makers of partitions away from all tables until the transaction ends; readers notice nothing.

    Returns what they are made of; raises ``NotAlikeError``, or Transient when somebody does not let go.
    """
    live, made = await beside.both(connection)
    if found := structure.differences(live, made, list(live.tables)):
        raise NotAlikeError("; ".join(found))
    await connection.fetchval(LOCK_TIMEOUT, f"{_VACUUM_MILLISECONDS}ms")
    await connection.execute(f"lock table {_named(live, made)} in share update exclusive mode")
    return live, made


async def lock(
    connection: Connection, live: Structure, made: Structure, deadline: Deadline
) -> None:
    """Take all tables from their readers; for a moment, and again, since a reader may need one more to finish.

    Raises ``ReadersError`` at the deadline.
    """
    while True:
        try:
            async with connection.transaction():
                await connection.fetchval(LOCK_TIMEOUT, f"{_LOCK_MILLISECONDS}ms")
                await connection.execute(
                    f"lock table {_named(live, made)} in access exclusive mode"
                )
        except Transient as error:
            if getattr(error.__cause__, "sqlstate", None) != LOCK_NOT_AVAILABLE:
                raise
            if deadline.remaining() < _PAUSE_SECONDS:
                raise ReadersError("readers held the tables all the time") from error
            await asyncio.sleep(_PAUSE_SECONDS)
        else:
            return


async def exchange(
    connection: Connection, live: Structure, made: Structure, models: Sequence[str]
) -> None:
    """Let tables change places, all of which are locked."""
    coming, going = made.family(models), live.family(models)
    for tables, here, there in (
        (going, LIVE, BETWEEN),
        (coming, BESIDE, LIVE),
        (going, BETWEEN, BESIDE),
    ):
        for table in tables:
            await connection.execute(f"alter table {here}.{table} set schema {there}")
    if set(models) != _read_models(live):
        await _bind(connection, LIVE, live)
        await _bind(connection, BESIDE, live)


async def note(
    connection: Connection, vector: Vector, models: Sequence[str], *, back: bool
) -> None:
    """Write down, in the transaction, that tables changed places, or did so again."""
    places = {f"{lane.topic}/{lane.partition}": offset for lane, offset in vector.items()}
    written = orjson.dumps(places).decode()
    if back:
        await connection.execute(beside.SQL["taken_back"], written)
    else:
        await connection.execute(beside.SQL["switched"], list(models), written, KEPT_SECONDS)


async def _bind(connection: Connection, schema: str, alike: Structure) -> None:
    """Make the policies anew, since they hold to the very table they name and not to whichever has its name now."""
    await connection.fetchval(_PATH, schema if schema == LIVE else beside.PATH)
    for part in alike.parts:
        if part.kind == "policy" and part.of in _read_models(alike):
            await connection.execute(f'drop policy "{part.name}" on {part.of}')
            await connection.execute(part.words)


def _read_models(found: Structure) -> set[str]:
    return set(present(found.tables))


def _named(live: Structure, made: Structure) -> str:
    """Name every read model, in both places; partitions are locked with what they are of."""
    tables: Collection[str] = present(live.tables)
    return ", ".join(f"{schema}.{table}" for schema in (LIVE, BESIDE) for table in tables)
