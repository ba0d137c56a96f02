"""A fold for tests of the consumer: counts each id once, and states one fact for each new id."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import TypeVar

from services.runtime.clock import SystemClock
from services.runtime.consumer import FencedConsumer, TopicPlan
from services.runtime.folder import SLICE_RECORDS, Fold
from services.runtime.kafka import Record
from services.runtime.leases import Lane
from services.runtime.lifecycle import Life
from services.runtime.migrations import apply
from services.runtime.postgres import Connection, Pool, connect
from services.runtime.quarantine import Refusal
from services.runtime.restraint import Restraint
from services.runtime.slices import Slice
from tests.support.stack import Database

D = TypeVar("D")
SCHEMA = "projector"
_TABLES = """
create table seen (id bytea primary key, small smallint);
create table tally (lane integer primary key, ids bigint not null);
grant select, insert, update on seen, tally to inkling_projector_writer;
"""
_NEW = """
with one as (
    select lane, id, small::smallint from unnest($1::integer[], $2::bytea[], $3::text[]) as one (lane, id, small)
), new as (
    insert into seen (id, small) select id, small from one
    on conflict do nothing returning id
), counted as (
    insert into tally (lane, ids) select lane, count(*) from new join one using (id) group by lane order by lane
    on conflict (lane) do update set ids = tally.ids + excluded.ids
)
insert into outbox (lane, key, headers, value)
select lane, id, '{"kind": "seen"}', id from new join one using (id)
"""


async def a_schema(database: Database) -> None:
    """Give the database the runtime's tables and those of this fold."""
    owner = database.url("projector_owner")
    await apply(owner, SCHEMA, ["services.runtime"])
    async with connect(owner, application="tests", schema=SCHEMA) as connection:
        await connection.execute(_TABLES)


def a_pool(database: Database, application: str = "tests") -> Pool:
    """Return the writer's pool, not yet open."""
    return Pool(database.url("projector_writer"), application=application, schema=SCHEMA, size=4)


class Tally:
    """Refuses values that begin with `bad`; gives PostgreSQL a number it refuses for `sql`."""

    def __init__(self) -> None:
        self.committed_records: Counter[Lane] = Counter()
        self.gate = asyncio.Event()
        self.gate.set()
        self.entered = asyncio.Event()
        self.applied: list[set[Lane]] = []
        self.understands_all = False
        """As of a newer version, for which nothing is bad."""

    def begin(self) -> list[Record]:
        return []

    def take(self, ready: list[Record], record: Record) -> Refusal | None:
        if _value(record).startswith(b"bad") and not self.understands_all:
            return Refusal(record=record, reason="malformed", detail="it says \x00 so")
        ready.append(record)
        return None

    async def apply(self, connection: Connection, ready: list[Record]) -> None:
        self.entered.set()
        await self.gate.wait()
        self.applied.append({record.lane for record in ready})
        lanes = {_value(record): record.partition for record in ready}
        ids = sorted(lanes)
        small = ["99999999" if one.startswith(b"sql") else "1" for one in ids]
        await connection.execute(_NEW, [lanes[one] for one in ids], ids, small)

    def committed(self, records: Mapping[Lane, int]) -> None:
        self.committed_records.update(records)


def _value(record: Record) -> bytes:
    return record.value or b""


class Metrics:
    """Remembers what a consumer tells about itself."""

    def __init__(self) -> None:
        self.lags: dict[Lane, int | None] = {}
        self.refused: Counter[str] = Counter()
        self.fences = 0
        self.claims: dict[Lane, float | None] = {}
        self.halts: dict[Lane, str | None] = {}

    def lag(self, lane: Lane, records: int | None) -> None:
        self.lags[lane] = records

    def committed(self, part: Slice, seconds: float, now: int) -> None:
        assert all(run.records for run in part)
        assert seconds >= 0
        assert now > 0

    def quarantined(self, lane: Lane, reason: str, records: int) -> None:
        self.refused[reason] += records

    def claimed(self, lane: Lane, read_to: float | None) -> None:
        self.claims[lane] = read_to

    def fenced(self, lane: Lane) -> None:
        self.fences += 1

    def halted(self, lane: Lane, reason: str | None) -> None:
        self.halts[lane] = reason


class Worker:
    """One running consumer with what it told."""

    def __init__(
        self,
        servers: str,
        topic: str,
        pool: Pool,
        *,
        anchored: bool = True,
        name: str = "tally",
        restraint: Restraint | None = None,
        slice_records: int = SLICE_RECORDS,
    ) -> None:
        self.fold = Tally()
        self.metrics = Metrics()
        plans = [TopicPlan(topic=topic, anchored=anchored)]
        self.consumer = FencedConsumer(
            name,
            plans,
            pool,
            servers,
            self.fold,
            SystemClock(),
            self.metrics,
            restraint=restraint,
            slice_records=slice_records,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Worker"]:
        """Run the consumer for the length of a block, and stop it as SIGTERM does."""
        async with asyncio.TaskGroup() as tasks:
            life = Life("tests", tasks, 5.0)
            running = tasks.create_task(self.consumer.run(life))
            try:
                yield self
            finally:
                life.stop()
                self.fold.gate.set()
                await asyncio.wait([running], timeout=10)


def decode(fold: Fold[D], records: Iterable[Record]) -> tuple[D, tuple[Refusal, ...]]:
    """Judge records as a consumer does, in one go: what to apply, and what is refused."""
    ready = fold.begin()
    taken = [fold.take(ready, record) for record in records]
    return ready, tuple([one for one in taken if one is not None])
