"""A fold for tests of the consumer: counts each id once, and states one fact for each new id."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from services.runtime.clock import SystemClock
from services.runtime.consumer import Decoded, FencedConsumer, Refusal, TopicPlan
from services.runtime.kafka import Record
from services.runtime.leases import Lane
from services.runtime.lifecycle import Life
from services.runtime.migrations import apply
from services.runtime.postgres import Connection, Pool, connect
from tests.support.stack import Database

SCHEMA = "projector"
_TABLES = """
create table seen (id bytea primary key, small smallint);
create table tally (lane integer primary key, ids bigint not null);
grant select, insert, update on seen, tally to inkling_projector_writer;
"""
_NEW = """
with new as (
    insert into seen (id, small)
    select id, small::smallint from unnest($2::bytea[], $3::text[]) as one (id, small)
    on conflict do nothing returning id
), counted as (
    insert into tally (lane, ids) select $1, count(*) from new
    on conflict (lane) do update set ids = tally.ids + excluded.ids
)
insert into outbox (lane, key, headers, value)
select $1, id, '{"kind": "seen"}', id from new
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

    def decode(self, records: Sequence[Record]) -> Decoded[list[bytes]]:
        values = [record for record in records if not _value(record).startswith(b"bad")]
        refused = [
            Refusal(record=record, reason="malformed", detail="it says \x00 so")
            for record in records
            if _value(record).startswith(b"bad")
        ]
        return Decoded(value=[_value(record) for record in values], refused=tuple(refused))

    async def apply(self, connection: Connection, lane: Lane, decoded: list[bytes]) -> None:
        self.entered.set()
        await self.gate.wait()
        ids = sorted(set(decoded))
        small = ["99999999" if one.startswith(b"sql") else "1" for one in ids]
        await connection.execute(_NEW, lane.partition, ids, small)

    def committed(self, lane: Lane, records: int) -> None:
        self.committed_records[lane] += records


def _value(record: Record) -> bytes:
    return record.value or b""


class Metrics:
    """Remembers what a consumer tells about itself."""

    def __init__(self) -> None:
        self.lags: dict[Lane, int | None] = {}
        self.refused: Counter[str] = Counter()
        self.fences = 0
        self.halts: dict[Lane, str | None] = {}

    def lag(self, lane: Lane, records: int | None) -> None:
        self.lags[lane] = records

    def committed(self, lane: Lane, records: Sequence[Record], seconds: float, now: int) -> None:
        assert len(records) > 0
        assert seconds >= 0
        assert now > 0

    def quarantined(self, lane: Lane, reason: str, records: int) -> None:
        self.refused[reason] += records

    def fenced(self, lane: Lane) -> None:
        self.fences += 1

    def halted(self, lane: Lane, reason: str | None) -> None:
        self.halts[lane] = reason


class Worker:
    """One running consumer with what it told."""

    def __init__(
        self, servers: str, topic: str, pool: Pool, *, anchored: bool = True, name: str = "tally"
    ) -> None:
        self.fold = Tally()
        self.metrics = Metrics()
        plans = [TopicPlan(topic=topic, anchored=anchored)]
        self.consumer = FencedConsumer(
            name, plans, pool, servers, self.fold, SystemClock(), self.metrics
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
