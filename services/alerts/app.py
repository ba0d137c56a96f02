"""Puts the alerts service together: what folds, what wakes, what answers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from prometheus_client import CollectorRegistry

from schemas import topics
from services.alerts.apply import Inbox
from services.alerts.bell import Bell
from services.alerts.config import Config
from services.alerts.facts import Slice
from services.alerts.metrics import Metrics
from services.alerts.stream import Streams
from services.alerts.watch import DatabaseWatch
from services.alerts.web import OPENAPI, application
from services.alerts.webhooks.deliver import Courier
from services.alerts.webhooks.doors import Doors
from services.alerts.webhooks.egress import open_egress
from services.alerts.webhooks.queue import Queue
from services.alerts.webhooks.store import Endpoints
from services.runtime.access import open_verifier
from services.runtime.collectors import Readings
from services.runtime.consumer import FencedConsumer, TopicPlan
from services.runtime.group_offsets import FAREWELL_SECONDS, GroupOffsets
from services.runtime.kafka_group import Group
from services.runtime.lane_watch import LaneWatch
from services.runtime.lifecycle import Life
from services.runtime.operations import operate
from services.runtime.postgres import Pool
from services.runtime.web import serve

SCHEMA: Final = "alerts"
GROUP: Final = "inkling.alerts"
"""The consumer group under which Kafka's own tools see how far the fold is."""
PACKAGES: Final = ("services.runtime", "services.alerts")
TOPICS: Final = (
    TopicPlan(topic=topics.FACTS.name, anchored=True),
    TopicPlan(topic=topics.PERSONAL.name, anchored=False),
)
STREAMS_PER_TENANT: Final = 100
# The consumer, the bell and the watch, each one at a time.
_WRITER_CONNECTIONS: Final = 3
_READER_CONNECTIONS: Final = 10
# Claiming, recording, and the doors that change something.
_WEBHOOK_CONNECTIONS: Final = 6


@asynccontextmanager
async def build(config: Config, life: Life) -> AsyncIterator[None]:
    """Fold and answer while the context is open; then end streams and requests, and finish the slice."""
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    writer_url, reader_url = config.database.writer_url, config.database.reader_url
    async with (
        operate(config.doors, life, registry),
        open_verifier(config.access, life.clock) as verifier,
        Pool(
            writer_url, application="inkling-alerts", schema=SCHEMA, size=_WRITER_CONNECTIONS
        ) as writer,
        Pool(
            reader_url, application="inkling-alerts-doors", schema=SCHEMA, size=_READER_CONNECTIONS
        ) as reader,
        Pool(
            writer_url,
            application="inkling-alerts-webhooks",
            schema=SCHEMA,
            size=_WEBHOOK_CONNECTIONS,
        ) as sender,
        open_egress(loopback=config.webhooks.allow_loopback) as egress,
    ):
        readings = Readings("alerts", registry)
        readings.pool("writer", writer)
        readings.pool("reader", reader)
        readings.pool("webhooks", sender)
        bell = Bell(writer, STREAMS_PER_TENANT)
        streams = Streams(reader, bell, metrics, life)
        slots = config.webhooks.concurrency
        courier = Courier(Queue(sender), egress, metrics.webhooks, life.clock, slots)
        webhooks = Doors(
            Endpoints(reader, sender),
            life.clock,
            OPENAPI,
            courier.ring,
            loopback=config.webhooks.allow_loopback,
        )
        app = application(
            pool=reader, streams=streams, webhooks=webhooks, verifier=verifier, registry=registry
        )
        async with _folding(config, life, writer, metrics, bell, courier):
            doors = DatabaseWatch(reader, PACKAGES)
            life.checks.add("access", verifier.healthy)
            life.checks.add("doors", doors.problem)
            life.tasks.create_task(doors.run(life), name="doors-database")
            async with serve(app, config.doors.host, config.doors.port, life):
                yield


@asynccontextmanager
async def _folding(
    config: Config, life: Life, pool: Pool, metrics: Metrics, bell: Bell, courier: Courier
) -> AsyncIterator[None]:
    fold = Inbox(life.clock, metrics, bell.ring, courier.ring)
    consumer: FencedConsumer[Slice] = FencedConsumer(
        "alerts", TOPICS, pool, config.kafka.servers, fold, life.clock, metrics
    )
    group = GroupOffsets(
        Group(config.kafka.servers, "alerts-group", GROUP), consumer, life.clock, metrics
    )
    database = DatabaseWatch(pool, PACKAGES)
    life.checks.add("schema", database.problem)
    life.checks.add("consumer", consumer.healthy)
    life.checks.add("bell", bell.healthy)
    life.checks.add("webhooks", courier.healthy)
    life.tasks.create_task(group.run(life), name="group")
    watch = LaneWatch(pool, "alerts", metrics)
    life.tasks.create_task(_watch(database, watch, life), name="lanes")
    working = [
        life.tasks.create_task(database.run(life), name="database"),
        life.tasks.create_task(_fold(database, consumer, life), name="fold"),
        life.tasks.create_task(bell.run(life), name="bell"),
        life.tasks.create_task(_deliver(database, courier, life), name="webhooks"),
    ]
    try:
        yield
    finally:
        # They all end by themselves once the process is to stop: the consumer after its slice, the courier after
        # the calls under way.
        await asyncio.wait(working, timeout=life.remaining())
        await group.farewell(min(FAREWELL_SECONDS, life.remaining()))


async def _fold(database: DatabaseWatch, consumer: FencedConsumer[Slice], life: Life) -> None:
    await database.verified()
    await consumer.run(life)


async def _watch(database: DatabaseWatch, watch: LaneWatch, life: Life) -> None:
    await database.verified()
    await watch.run(life)


async def _deliver(database: DatabaseWatch, courier: Courier, life: Life) -> None:
    await database.verified()
    await courier.run(life)
