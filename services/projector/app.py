"""Puts the projector together: what folds, what answers, or both."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from prometheus_client import CollectorRegistry

from schemas import topics
from services.projector import days
from services.projector.apply import ReadModels
from services.projector.config import FOLD, QUERY, Config
from services.projector.metrics import Metrics
from services.projector.query.web import application
from services.projector.reseeding import Reseeding
from services.projector.retention import Retention
from services.projector.staging import Slice
from services.projector.watch import DatabaseWatch, watch_outbox
from services.runtime.access import open_verifier
from services.runtime.clock import Deadline
from services.runtime.collectors import Readings
from services.runtime.consumer import FencedConsumer, TopicPlan
from services.runtime.group_offsets import FAREWELL_SECONDS, GroupOffsets
from services.runtime.kafka import Consumer
from services.runtime.kafka_group import Group
from services.runtime.lane_watch import LaneWatch
from services.runtime.lifecycle import Life
from services.runtime.operations import operate
from services.runtime.outbox import Relay
from services.runtime.postgres import Pool
from services.runtime.publisher import Publisher
from services.runtime.web import serve

SCHEMA: Final = "projector"
GROUP: Final = "inkling.projector"
"""The consumer group under which Kafka's own tools see how far the fold is."""
PACKAGES: Final = ("services.runtime", "services.projector")
TOPICS: Final = (
    TopicPlan(topic=topics.EVENTS.name, anchored=True),
    TopicPlan(topic=topics.PERSONAL.name, anchored=False),
    TopicPlan(topic=topics.SETTINGS.name, anchored=False),
)
# The consumer, the relay, the watches, the day partitions and their expiry, each one at a time.
_WRITER_CONNECTIONS: Final = 6
_READER_CONNECTIONS: Final = 10
# Less than a statement may take, so that a question that waits for a lock is not told to be too slow.
_READER_LOCK_SECONDS: Final = 2.0


@asynccontextmanager
async def build(config: Config, life: Life) -> AsyncIterator[None]:
    """Do what the roles say while the context is open; then end requests and finish the slice."""
    registry = CollectorRegistry()
    readings = Readings("projector", registry)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(operate(config.doors, life, registry))
        if FOLD in config.roles:
            await stack.enter_async_context(_folding(config, life, readings))
        if QUERY in config.roles:
            await stack.enter_async_context(_answering(config, life, readings))
        yield


@asynccontextmanager
async def _folding(config: Config, life: Life, readings: Readings) -> AsyncIterator[None]:
    metrics = Metrics(readings.registry)
    url, servers = config.database.writer_url, config.kafka.servers
    async with Pool(
        url, application="inkling-projector", schema=SCHEMA, size=_WRITER_CONNECTIONS
    ) as pool:
        publisher = Publisher(servers, "projector", life.clock)
        relay = Relay(pool, publisher, topics.FACTS.name, lambda: _partitions(consumer))
        readings.pool("writer", pool)
        readings.publisher(publisher)
        fold = ReadModels(life.clock, metrics, relay.wake)
        consumer: FencedConsumer[Slice] = FencedConsumer(
            "projector", TOPICS, pool, servers, fold, life.clock, metrics
        )
        group = GroupOffsets(
            Group(servers, "projector-group", GROUP), consumer, life.clock, metrics
        )
        database = DatabaseWatch(pool, PACKAGES)
        reseeding = Reseeding(pool, Consumer(servers, "projector-facts"), metrics=metrics)
        retention = Retention(pool, metrics, config.retention_days)
        life.checks.add("schema", database.problem)
        life.checks.add("facts", reseeding.problem)
        life.checks.add("consumer", consumer.healthy)
        life.checks.add("relay", relay.healthy)
        life.tasks.create_task(publisher.run(), name="publisher")
        life.tasks.create_task(group.run(life), name="group")
        watch = LaneWatch(pool, "projector", metrics)
        life.tasks.create_task(_watch(database, watch, life), name="lanes")
        working = [
            life.tasks.create_task(database.run(life), name="database"),
            life.tasks.create_task(_fold(database, reseeding, consumer, life), name="fold"),
            life.tasks.create_task(relay.run(life), name="relay"),
            life.tasks.create_task(watch_outbox(relay, metrics, life), name="outbox"),
            life.tasks.create_task(_keep_days(database, pool, life), name="days"),
            life.tasks.create_task(_expire(database, retention, life), name="retention"),
        ]
        try:
            yield
        finally:
            # They all end by themselves once the process is to stop, the consumer after its slice.
            await asyncio.wait(working, timeout=life.remaining())
            await group.farewell(min(FAREWELL_SECONDS, life.remaining()))
            await publisher.drain(Deadline.after(life.clock, life.remaining()))


async def _fold(
    database: DatabaseWatch, reseeding: Reseeding, consumer: FencedConsumer[Slice], life: Life
) -> None:
    """Fold once it is known which facts were stated: a new or an older database does not know all of them."""
    await database.verified()
    await reseeding.run(life)
    await consumer.run(life)


async def _watch(database: DatabaseWatch, watch: LaneWatch, life: Life) -> None:
    await database.verified()
    await watch.run(life)


async def _keep_days(database: DatabaseWatch, pool: Pool, life: Life) -> None:
    await database.verified()
    await days.keep(pool, life.clock, life)


async def _expire(database: DatabaseWatch, retention: Retention, life: Life) -> None:
    await database.verified()
    await retention.run(life)


def _partitions(consumer: FencedConsumer[Slice]) -> frozenset[int]:
    """Name the outbox's lanes: whoever folds a partition of the events publishes its facts."""
    return frozenset(
        lane.partition for lane in consumer.lanes() if lane.topic == topics.EVENTS.name
    )


@asynccontextmanager
async def _answering(config: Config, life: Life, readings: Readings) -> AsyncIterator[None]:
    async with (
        Pool(
            config.database.reader_url,
            application="inkling-projector-query",
            schema=SCHEMA,
            size=_READER_CONNECTIONS,
            lock_seconds=_READER_LOCK_SECONDS,
        ) as pool,
        open_verifier(config.access, life.clock) as verifier,
    ):
        database = DatabaseWatch(pool, PACKAGES)
        readings.pool("reader", pool)
        life.checks.add("query", database.problem)
        life.checks.add("access", verifier.healthy)
        life.tasks.create_task(database.run(life), name="query-database")
        app = application(
            pool=pool, verifier=verifier, registry=readings.registry, clock=life.clock
        )
        async with serve(app, config.doors.host, config.doors.port, life):
            yield
