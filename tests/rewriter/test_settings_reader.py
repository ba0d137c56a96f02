"""Settings and records over real Kafka; each test has a tenant of its own, for the topics are everybody's."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import aiokafka
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import CollectorRegistry

from schemas import envelope, topics
from schemas.envelope import Envelope
from schemas.identity import Tenant
from schemas.instant import Instant
from schemas.personal import MessagePersonal
from schemas.settings import Follow, PreferenceSet
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
from tests.rewriter.many_refusals import a_ref
from tests.support.clock import START, ManualClock

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


async def refusing(servers: str, tenant: Tenant, count: int) -> None:
    """Write many refusals into the log."""
    producer = aiokafka.AIOKafkaProducer(bootstrap_servers=servers, linger_ms=20)
    await producer.start()
    try:
        for number in range(count):
            event = PreferenceSet(
                ref=a_ref(number), follow=Follow.DO_NOT_ALLOW, since=Instant(START), by="ana"
            )
            around = Envelope(
                id=UUID(int=number), source="/rewriter", tenant=tenant, occurred_at=Instant(START)
            )
            one = envelope.encode(around, event, Instant(START))
            await producer.send(
                LANE.topic, one.value, one.key, partition=0, headers=list(one.headers)
            )
        await producer.flush()
    finally:
        await producer.stop()


@asynccontextmanager
async def over_kafka(
    servers: str, folder: Path, *, wait: bool = True
) -> AsyncIterator[tuple[TestClient, Settings]]:  # type: ignore[type-arg]  # of aiohttp's
    """Serve a rewriter over real Kafka while the context is open, from when it has read all settings."""
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
            if wait:
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


async def test_no_door_judges_by_half_a_log(kafka_servers: str, tmp_path: Path) -> None:
    tenant = Tenant(f"t-{secrets.token_hex(6)}")
    await make_topics(kafka_servers)
    await refusing(kafka_servers, tenant, 5_000)
    early = []
    async with over_kafka(kafka_servers, tmp_path, wait=False) as (client, settings):
        while not settings.caught_up:
            answer = await client.get(DOOR, headers=bearer("seller", tenant=tenant))
            early.append((answer.status, settings.caught_up))
        assert all(settings.refuses(tenant, a_ref(number)) for number in range(5_000))
        answer = await client.get(DOOR, headers=bearer("seller", tenant=tenant))
        assert answer.status == 200
    assert early[0] == (503, False)


async def test_the_next_mail_anywhere_sees_a_refusal(kafka_servers: str, tmp_path: Path) -> None:
    tenant = f"t-{secrets.token_hex(6)}"
    seller, sender = bearer("seller", tenant=tenant), bearer("sender", tenant=tenant)
    async with (
        over_kafka(kafka_servers, tmp_path / "here") as (here, _),
        over_kafka(kafka_servers, tmp_path / "there") as (there, _),
    ):
        put = await here.put(DOOR, headers=seller, json={"follow": "do_not_allow"})
        assert put.status == 200
        mail = await here.post("/v1/mail", headers=sender, json=a_body())
        assert (await mail.json())["reason"]["code"] == "recipient_refuses"
        async with asyncio.timeout(
            5.0
        ):  # a second, as a rule; `make bench T=preferences` measures it
            while True:
                mail = await there.post("/v1/mail:preview", headers=sender, json=a_body())
                if not (await mail.json())["followed"]:
                    break


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
