"""Facts are stated once, also by a database that was lost or restored; over real Kafka and PostgreSQL."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest
from prometheus_client import CollectorRegistry

from deploy.local.stack import Stack
from schemas import topics
from services.alerts import app as alerts
from services.alerts.apply import Inbox
from services.alerts.facts import Slice as AlertsSlice
from services.alerts.metrics import Metrics as AlertsMetrics
from services.projector import days, stated
from services.projector.app import SCHEMA, TOPICS
from services.projector.apply import ReadModels
from services.projector.fact_verbs import facts
from services.projector.metrics import Metrics
from services.projector.reseeding import Reseeding
from services.projector.staging import Slice
from services.runtime import migrations
from services.runtime.clock import Deadline
from services.runtime.consumer import FencedConsumer
from services.runtime.kafka import Consumer
from services.runtime.leases import Lane
from services.runtime.lifecycle import Life
from services.runtime.outbox import Relay
from services.runtime.postgres import Pool
from services.runtime.publisher import Publisher
from services.runtime.records import Record
from tests.faults.folding.feed import Feed, now
from tests.faults.folding.story import Ledger, Story
from tests.faults.folding.topics import fresh_topics
from tests.projector.store import TABLES, migrate
from tests.support.brokers import a_whole_stack
from tests.support.eventually import eventually
from tests.support.stack import Database, a_database

Cards = Counter[tuple[object, ...]]

# As the inbox shows them: entered, and not withdrawn.
_CARDS = """
select tenant, owner, seq, type, message_id, ref from alert where seq is not null and withdrawn_at is null
"""

PARTITIONS = 2
SECONDS = 60.0
FACTS = topics.FACTS.name


@pytest.fixture(scope="module")
def ours() -> Iterator[Stack]:
    """A Kafka and a PostgreSQL of our own, since our topics have the names that others use."""
    with a_whole_stack(PARTITIONS) as stack:
        yield stack


class Rig:
    """Topics with a history, and whatever folds it."""

    def __init__(self, servers: str) -> None:
        self.servers = servers
        self.ledger = Ledger()
        self.feed = Feed(servers, PARTITIONS, self.ledger)
        self.story = Story(11, now=now(), partitions=PARTITIONS)

    async def happen(self, events: int) -> None:
        """Have more events lie in the log."""
        if not self.feed.records:
            await self.feed.put(self.story.prepared())
        await self.feed.put(self.story.happenings(events))

    async def topic(self) -> list[Record]:
        """Read the facts topic whole."""
        reader = Consumer(self.servers, "tests")
        found: list[Record] = []
        try:
            await reader.start(SECONDS)
            lanes = [Lane(FACTS, number) for number in range(PARTITIONS)]
            ends = await reader.end_offsets(lanes, SECONDS)
            reader.assign(dict.fromkeys(lanes, 0))
            async with asyncio.timeout(SECONDS):
                while len(found) < sum(ends.values()):
                    for records in (await reader.poll(0.1, 5000)).records.values():
                        found += records
        finally:
            await reader.close(SECONDS)
        return found

    async def each_once(self) -> None:
        """Check that every fact of the history is in the topic, and none twice."""
        ids = Counter(dict(one.headers)["ce_id"] for one in await self.topic())
        assert ids
        assert set(ids.values()) == {1}
        assert len(ids) == len(self.ledger.facts())

    @asynccontextmanager
    async def projector(self, database: Database) -> AsyncIterator[Pool]:
        """Have a projector work on a database until it has caught up and published all."""
        async with (
            Pool(
                database.url("projector_writer"), application="tests", schema=SCHEMA, size=5
            ) as pool,
            asyncio.TaskGroup() as tasks,
        ):
            life = Life("tests", tasks, 10.0)
            await days.ensure(pool, life.clock)
            metrics = Metrics(CollectorRegistry())
            publisher = Publisher(self.servers, "tests", life.clock)
            relay = Relay(pool, publisher, FACTS, lambda: frozenset(range(PARTITIONS)))
            fold = ReadModels(life.clock, metrics, relay.wake)
            consumer: FencedConsumer[Slice] = FencedConsumer(
                "projector", TOPICS, pool, self.servers, fold, life.clock, metrics
            )
            publishing = tasks.create_task(publisher.run())
            await Reseeding(pool, Consumer(self.servers, "tests-facts")).run(life)
            working = [tasks.create_task(one.run(life)) for one in (consumer, relay)]

            async def done() -> bool:
                folded = await pool.fetchval("select sum(next_offset) from checkpoint")
                waiting = await pool.fetchval("select count(*) from outbox")
                return bool(folded == self.feed.records and waiting == 0)

            try:
                await eventually(done, SECONDS)
                yield pool
            finally:
                life.stop()
                await asyncio.wait(working, timeout=10)
                await publisher.drain(Deadline.after(life.clock, 5.0))
                publishing.cancel()


@pytest.fixture
async def rig(ours: Stack) -> AsyncIterator[Rig]:
    """Empty topics and a history to be told."""
    await fresh_topics(ours.kafka, PARTITIONS)
    rig = Rig(ours.kafka)
    try:
        yield rig
    finally:
        await rig.feed.close()


@contextmanager
def _copy(database: Database) -> Iterator[Database]:
    """Have what a backup of a database would be."""
    copy = f"{database.name}_backup"
    database.server.execute(f"create database {copy} template {database.name}")
    try:
        yield Database(server=database.server, name=copy)
    finally:
        database.server.execute(f"drop database {copy} with (force)")


async def _read_models(pool: Pool) -> dict[str, list[tuple[object, ...]]]:
    """Read what does not depend on the slices; a lane's figures are summed up elsewhere."""
    tables = {name: key for name, key in TABLES.items() if "lane" not in key}
    return {
        name: [
            tuple(cell for column, cell in row.items() if column != "recorded_at")
            for row in await pool.fetch(f"select * from {name} order by {key}")  # noqa: S608
        ]
        for name, key in (tables | {"first_fact": "1, 2, 3, 4, 5"}).items()
    }


async def test_a_lost_database_is_filled_again_without_a_fact_being_stated_twice(
    ours: Stack, rig: Rig
) -> None:
    await rig.happen(400)
    with a_database(ours.postgres) as database:
        await migrate(database)
        async with rig.projector(database) as pool:
            before = await _read_models(pool)
    await rig.each_once()
    with a_database(ours.postgres) as database:
        await migrate(database)
        async with rig.projector(database) as pool:
            after = await _read_models(pool)
        for name, rows in before.items():
            assert after[name] == rows, name
        await rig.each_once()
        await rig.happen(200)
        async with rig.projector(database):
            await rig.each_once()


@asynccontextmanager
async def _alerts(rig: Rig, database: Database) -> AsyncIterator[Callable[[], Awaitable[Cards]]]:
    """Have the alerts service's fold run; what is given reads its inbox once it has all that the facts topic has."""
    await migrations.apply(database.url("alerts_owner"), alerts.SCHEMA, alerts.PACKAGES)
    url = database.url("alerts_writer")
    async with (
        Pool(url, application="tests-alerts", schema=alerts.SCHEMA, size=3) as pool,
        asyncio.TaskGroup() as tasks,
    ):
        life = Life("alerts", tasks, 10.0)
        metrics = AlertsMetrics(CollectorRegistry())
        fold = Inbox(life.clock, metrics, lambda _: None, lambda _: None)
        consumer: FencedConsumer[AlertsSlice] = FencedConsumer(
            "alerts", alerts.TOPICS, pool, rig.servers, fold, life.clock, metrics
        )
        working = tasks.create_task(consumer.run(life))

        async def cards() -> Cards:
            facts = len(await rig.topic())
            read = "select sum(next_offset) from checkpoint where topic = $1"

            async def all_in() -> bool:
                return bool(await pool.fetchval(read, FACTS) == facts)

            await eventually(all_in, SECONDS)
            rows = await pool.fetch(_CARDS)
            return Counter(tuple(row.values()) for row in rows)

        try:
            yield cards
        finally:
            life.stop()
            await asyncio.wait([working], timeout=10)


async def test_nobody_is_told_twice_when_the_projectors_database_is_lost(
    ours: Stack, rig: Rig
) -> None:
    await rig.happen(200)
    with a_database(ours.postgres) as inboxes:
        async with _alerts(rig, inboxes) as cards:
            with a_database(ours.postgres) as database:
                await migrate(database)
                async with rig.projector(database):
                    before = await cards()
            assert before
            assert set(before.values()) == {1}
            with a_database(ours.postgres) as database:
                await migrate(database)
                async with rig.projector(database):
                    assert await cards() == before
                await rig.happen(100)
                async with rig.projector(database):
                    after = await cards()
            assert before.keys() < after.keys(), "what is new is told"
            told = Counter((one[0], *one[3:]) for one in after)
            assert set(told.values()) == {1}


async def test_a_database_restored_to_an_earlier_state_states_only_what_is_new(
    ours: Stack, rig: Rig
) -> None:
    await rig.happen(100)
    with a_database(ours.postgres) as database:
        await migrate(database)
        async with rig.projector(database):
            await rig.each_once()
        with _copy(database) as backup:
            await rig.happen(300)
            async with rig.projector(database) as pool:
                wanted = await _read_models(pool)
            async with rig.projector(backup) as pool:
                assert await _read_models(pool) == wanted
    await rig.each_once()


@asynccontextmanager
async def _reseeding(rig: Rig, database: Database) -> AsyncIterator[tuple[Pool, Reseeding]]:
    reader = Consumer(rig.servers, "tests")
    url = database.url("projector_writer")
    async with Pool(url, application="tests", schema=SCHEMA, size=2) as pool:
        try:
            yield pool, Reseeding(pool, reader)
        finally:
            await reader.close(SECONDS)


async def test_what_is_missing_is_found_wherever_a_killed_run_left_off(
    ours: Stack, rig: Rig
) -> None:
    await rig.happen(400)
    with a_database(ours.postgres) as database:
        await migrate(database)
        async with rig.projector(database):
            pass
        async with _reseeding(rig, database) as (pool, reseeding):
            every = "select * from first_fact order by 1, 2, 3, 4, 5"
            whole = [tuple(row) for row in await pool.fetch(every)]
            assert await reseeding.once(whole=False) == 0
            lane = [one for one in await rig.topic() if one.partition == 0]
            for left in (0, 1, len(lane) // 2, len(lane) - 1):
                await pool.execute("delete from first_fact")
                assert await reseeding.once(whole=True) == len(whole)
                gone = [dict(one.headers)["ce_id"].decode() for one in lane[left:]]
                await pool.execute(
                    "delete from first_fact where (tenant, message_id, ref, type, ordinal) in"
                    " (select tenant, message_id, ref, type, ordinal from unnest($1::text[],"
                    " $2::uuid[], $3::text[], $4::text[], $5::integer[])"
                    " as fact (tenant, message_id, ref, type, ordinal))",
                    *_places(lane[left:]),
                )
                assert await reseeding.once(whole=False) == len(gone)
                assert [tuple(row) for row in await pool.fetch(every)] == whole


def _places(records: list[Record]) -> list[list[object]]:
    rows = [one for one in map(stated.read, records) if one is not None]
    return [
        [one.tenant for one in rows],
        [one.message_id for one in rows],
        [one.ref for one in rows],
        [one.type for one in rows],
        [one.ordinal for one in rows],
    ]


async def test_a_fact_that_was_published_and_left_in_the_outbox_is_not_published_again(
    ours: Stack, rig: Rig
) -> None:
    await rig.happen(100)
    with a_database(ours.postgres) as database:
        await migrate(database)
        async with rig.projector(database) as pool:
            for one in await rig.topic():
                headers = {name: text.decode() for name, text in one.headers}
                await pool.execute(
                    "insert into outbox (lane, key, headers, value) values ($1, $2, $3, $4)",
                    *(one.partition + PARTITIONS, one.key, headers, one.value),
                )
        async with _reseeding(rig, database) as (pool, reseeding):
            await pool.execute("update outbox set lane = lane - $1::integer", PARTITIONS)
            assert await reseeding.once(whole=False) == 0
            assert await pool.fetchval("select count(*) from outbox") == 0


async def test_the_verb_fills_holes_that_lie_between(ours: Stack, rig: Rig) -> None:
    await rig.happen(100)
    with a_database(ours.postgres) as database:
        await migrate(database)
        async with rig.projector(database) as pool:
            first = "(select min(occurred_at) from first_fact)"
            holes = await pool.execute(f"delete from first_fact where occurred_at = {first}")  # noqa: S608
        environ = {
            "INKLING_KAFKA_SERVERS": rig.servers,
            "INKLING_PROJECTOR_DATABASE_URL": database.url("projector_writer"),
            "INKLING_PROJECTOR_READER_DATABASE_URL": database.url("projector_reader"),
        }
        assert holes > 0
        assert await asyncio.to_thread(facts, environ, ["reseed"]) == 0
        async with _reseeding(rig, database) as (pool, reseeding):
            assert await reseeding.once(whole=True) == 0
