"""What the simulated projector folds: each id once, counted by key, with a fact stated at each key's first.

A record's value says what it is: `good <id> <key>`; `bad …` cannot be read; `sql …` the database refuses; `later …`
cannot be read either, until the programme is mended.
"""

from collections.abc import Mapping
from typing import Final

from services.runtime.kafka import Record
from services.runtime.leases import Lane
from services.runtime.postgres import Connection
from services.runtime.quarantine import Refusal
from services.runtime.slices import Slice

TABLES: Final = """
create table seen (id text primary key, key text not null);
create table tally (key text primary key, ids bigint not null);
grant select, insert, update on seen, tally to inkling_projector_writer;
"""
COUNT: Final = """
with one as (
    select id, key from unnest($1::text[], $2::text[], $3::text[]) as one (id, key, small)
    where small::smallint > 0 order by id
), fresh as (
    insert into seen (id, key) select id, key from one on conflict do nothing returning key
), more as (
    select key, count(*) as ids from fresh group by key order by key
), counted as (
    insert into tally (key, ids) select key, ids from more
    on conflict (key) do update set ids = tally.ids + excluded.ids
    returning key, ids
)
insert into outbox (lane, key, value)
select 0, key::bytea, null from counted join more using (key, ids)
"""


class Mended:
    """Whether the programme can read what is called `later`."""

    def __init__(self) -> None:
        self.yes = False


class Counting:
    """The fold of one worker."""

    def __init__(self, mended: Mended) -> None:
        self._mended = mended

    def begin(self) -> list[Record]:
        return []

    def take(self, ready: list[Record], record: Record) -> Refusal | None:
        kind = what(record)[0]
        if kind == "bad" or (kind == "later" and not self._mended.yes):
            return Refusal(record=record, reason="malformed")
        ready.append(record)
        return None

    async def apply(self, connection: Connection, ready: list[Record]) -> None:
        told = {each[1]: each for each in map(what, ready)}
        small = ["99999" if kind == "sql" else "1" for kind, _, _ in told.values()]
        await connection.execute(COUNT, list(told), [key for _, _, key in told.values()], small)

    def committed(self, records: Mapping[Lane, int]) -> None:
        """Nobody counts along."""


class Silent:
    """Metrics that nobody reads."""

    def lag(self, lane: Lane, records: int | None) -> None: ...

    def committed(self, part: Slice, seconds: float, now: int) -> None: ...

    def quarantined(self, lane: Lane, reason: str, records: int) -> None: ...

    def claimed(self, lane: Lane, read_to: float | None) -> None: ...

    def fenced(self, lane: Lane) -> None: ...

    def halted(self, lane: Lane, reason: str | None) -> None: ...


def what(record: Record) -> tuple[str, str, str]:
    """Return a record's kind, id and key."""
    kind, one, key = (record.value or b"bad ? ?").decode().split()
    return kind, one, key
