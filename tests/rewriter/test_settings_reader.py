"""Settings and records over real Kafka; each test has a tenant of its own, for the topics are everybody's."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiokafka
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import CollectorRegistry

from schemas import topics
from schemas.identity import Tenant
from schemas.personal import MessagePersonal
from services.rewriter.app import Parts, assemble
from services.rewriter.metrics import Metrics
from services.rewriter.settings import Settings
from services.rewriter.settings_reader import LANE, SettingsReader
from services.runtime.access import Verifier
from services.runtime.clock import Deadline, SystemClock
from services.runtime.kafka import Consumer, Outgoing, Record
from services.runtime.leases import Lane
from services.runtime.publisher import Limits, Publisher
from services.runtime.web import RequestMetrics
from services.topics import ensure, wanted
from tests.rewriter.given import (
    CONFIG,
    PARTITIONS,
    Entropy,
    KeySet,
    a_body,
    a_store,
    bearer,
    received,
    until,
)
from tests.support.clock import ManualClock

DOOR = "/v1/preferences/p1%40customer.example"


async def make_topics(servers: str) -> None:
    """Create the topics where they are not there, and return when the broker shows them."""
    async with asyncio.timeout(20.0):
        while True:
            if not await ensure(servers, wanted(PARTITIONS, 1), create=True):
                return
            await asyncio.sleep(0.05)


@asynccontextmanager
async def reading(servers: str, settings: Settings) -> AsyncIterator[None]:
    """Follow the log while the context is open."""
    reader = SettingsReader(servers, "tests", settings)
    task = asyncio.get_running_loop().create_task(reader.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


@asynccontextmanager
async def over_kafka(servers: str, folder: Path) -> AsyncIterator[tuple[TestClient, Settings]]:  # type: ignore[type-arg]  # of aiohttp's
    """Serve a rewriter over real Kafka while the context is open."""
    await make_topics(servers)
    clock, settings, registry = ManualClock(), Settings(), CollectorRegistry()
    publisher = Publisher(servers, "tests", SystemClock(), Limits(publish_seconds=10.0))
    running = asyncio.get_running_loop().create_task(publisher.run())
    parts = Parts(
        publisher=publisher,
        objects=a_store(folder),
        settings=settings,
        verifier=Verifier(KeySet(), None, None, clock),
        clock=clock,
        entropy=Entropy(),
        metrics=Metrics(registry),
        requests=RequestMetrics("rewriter", registry),
    )
    try:
        async with (
            reading(servers, settings),
            TestClient(TestServer(assemble(CONFIG, parts))) as client,
        ):
            await until(lambda: settings.caught_up, 20.0)
            yield client, settings
    finally:
        await publisher.drain(Deadline.after(SystemClock(), 5.0))
        running.cancel()
        await asyncio.wait([running])


async def lying_in(servers: str, topic: str, partition: int, key: bytes) -> list[Record]:
    """Read what lies in a partition under a key."""
    consumer, lane = Consumer(servers, "tests"), Lane(topic, partition)
    found: list[Record] = []
    try:
        await consumer.start(10.0)
        await consumer.partitions(topic, 10.0)
        next_offset = (await consumer.beginning_offsets([lane], 10.0))[lane]
        end = (await consumer.end_offsets([lane], 10.0))[lane]
        consumer.assign({lane: next_offset})
        async with asyncio.timeout(20.0):
            while next_offset < end:
                for one in (await consumer.poll(0.5, 2000)).records.get(lane, []):
                    next_offset = one.offset + 1
                    found.append(one)
    finally:
        await consumer.close(2.0)
    return [one for one in found if one.key == key]


async def test_a_setting_is_read_back_and_outlives_the_process(
    kafka_servers: str, tmp_path: Path
) -> None:
    tenant = f"t-{secrets.token_hex(6)}"
    seller, admin = bearer("seller", tenant=tenant), bearer("admin", tenant=tenant)
    async with over_kafka(kafka_servers, tmp_path) as (client, settings):
        put = await client.put(DOOR, headers=seller, json={"follow": "do_not_allow"})
        assert (put.status, (await put.json())["follow"]) == (200, "do_not_allow")
        change = {"policy": "strict", "own_networks": ["192.0.2.0/24"]}
        put = await client.put("/v1/tenant", headers=admin, json=change)
        told = await put.json()
        assert (put.status, told["policy"], told["by"]) == (200, "strict", "ana")
        before = settings.next_offset
    async with over_kafka(kafka_servers, tmp_path) as (client, settings):
        assert settings.next_offset >= before
        assert await (await client.get("/v1/tenant", headers=admin)).json() == told
        assert (await (await client.get(DOOR, headers=seller)).json())["follow"] == "do_not_allow"


async def test_another_process_follows_within_a_moment(kafka_servers: str, tmp_path: Path) -> None:
    tenant = f"t-{secrets.token_hex(6)}"
    async with over_kafka(kafka_servers, tmp_path) as (client, _):
        other = Settings()
        async with reading(kafka_servers, other):
            await until(lambda: other.caught_up, 20.0)
            body = {"engagement": False}
            headers = bearer("admin", tenant=tenant)
            assert (await client.put("/v1/tenant", headers=headers, json=body)).status == 200
            await until(lambda: other.tenant(Tenant(tenant)) is not None, 5.0)


async def test_both_records_lie_in_kafka_when_the_mail_is_answered(
    kafka_servers: str, tmp_path: Path
) -> None:
    headers = bearer("sender", tenant=f"t-{secrets.token_hex(6)}")
    async with over_kafka(kafka_servers, tmp_path) as (client, _):
        answer = await client.post("/v1/mail", headers=headers, json=a_body())
        assert answer.status == 201
        key = (await answer.json())["message_id"].encode()
        number = topics.partition_of(key, PARTITIONS)
        for topic in (topics.PERSONAL.name, topics.EVENTS.name):
            (one,) = await lying_in(kafka_servers, topic, number, key)
            assert one.key is not None
            found = received(Outgoing(key=one.key, value=one.value, headers=one.headers))
            if topic == topics.PERSONAL.name:
                assert isinstance(found.event, MessagePersonal)
                assert found.event.recipients[0].address == "p1@customer.example"


async def test_a_place_that_is_not_there_is_read_again_from_the_beginning(
    kafka_servers: str,
) -> None:
    await make_topics(kafka_servers)
    settings = Settings()
    settings.next_offset = 1_000_000_000
    async with reading(kafka_servers, settings):
        await until(lambda: settings.next_offset < 1_000_000_000 and settings.caught_up, 20.0)
    assert settings.refused == 0


async def test_the_end_is_reached_where_no_record_stands_before_it(kafka_servers: str) -> None:
    await make_topics(kafka_servers)
    producer = aiokafka.AIOKafkaProducer(
        bootstrap_servers=kafka_servers, transactional_id="settings-never"
    )
    await producer.start()
    try:
        await producer.begin_transaction()
        await producer.send_and_wait(LANE.topic, b"never", key=b"never", partition=LANE.partition)
        await producer.abort_transaction()
    finally:
        await producer.stop()
    settings = Settings()
    async with reading(kafka_servers, settings):
        await until(lambda: settings.caught_up, 20.0)


async def test_kafka_away_is_waited_for() -> None:
    settings = Settings()
    async with reading("127.0.0.1:1", settings):
        await asyncio.sleep(0)
        assert settings.healthy() is not None
    assert LANE.partition == 0
