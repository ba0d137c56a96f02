"""The process itself: facts on real Kafka in, inbox and stream out, over its own doors."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import orjson
import pytest

from schemas.events import Event
from schemas.identity import Tenant
from schemas.topics import DEFAULT_PARTITIONS, partition_of
from services import topics
from services.alerts.app import PACKAGES, SCHEMA
from services.runtime import migrations
from services.runtime.kafka import Outgoing
from services.runtime.leases import Lane
from tests.alerts.given import SECONDS, STREAM, Keys, Live, token
from tests.alerts.records import message, opened, personal, record, registered
from tests.support.eventually import eventually
from tests.support.stack import Database
from tests.support.topics import produce


@dataclass(slots=True)
class Running:
    """A process of the service with its doors."""

    process: Process
    client: aiohttp.ClientSession
    private: str
    kafka: str
    tenant: Tenant

    def bearer(self, **who: Any) -> dict[str, str]:
        return {"Authorization": f"Bearer {token(tenant=self.tenant, **who)}"}

    async def say(self, *events: Event) -> None:
        """Produce facts, each to its lane, once for each time it is named."""
        for event in events:
            one = record(event, tenant=self.tenant)
            assert one.key is not None
            lane = Lane(one.topic, partition_of(one.key, DEFAULT_PARTITIONS))
            outgoing = Outgoing(key=one.key, value=one.value, headers=one.headers)
            await produce(self.kafka, lane, [outgoing])

    async def inbox(self, **who: Any) -> list[str]:
        async with self.client.get("/v1/alerts", headers=self.bearer(**who)) as answer:
            assert answer.status == 200
            return [one["message_id"] for one in (await answer.json())["data"]]

    @asynccontextmanager
    async def stream(self, **headers: str) -> AsyncIterator[Live]:
        async with self.client.get(STREAM, headers=self.bearer() | headers) as answer:
            assert answer.status == 200
            yield Live(answer)


async def _listening(process: Process) -> str:
    assert process.stdout is not None
    async for line in process.stdout:
        told = orjson.loads(line)
        if told["event"] == "listening":
            return f"http://{told['host']}:{told['port']}"
    raise AssertionError("the process ended before it listened")


@asynccontextmanager
async def a_process(
    database: Database, kafka: str, keys: Path, tenant: Tenant
) -> AsyncIterator[Running]:
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONUNBUFFERED": "1",
        "INKLING_KAFKA_SERVERS": kafka,
        "INKLING_JWKS": str(keys),
        "INKLING_ALERTS_PORT": "0",
        "INKLING_ALERTS_PRIVATE_PORT": "0",
        "INKLING_ALERTS_DATABASE_URL": database.url("alerts_writer"),
        "INKLING_ALERTS_READER_DATABASE_URL": database.url("alerts_reader"),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.alerts", stdout=PIPE, stderr=PIPE, env=environ
    )
    try:
        async with asyncio.timeout(SECONDS):
            private = await _listening(process)
            public = await _listening(process)
        async with aiohttp.ClientSession(public) as client:
            running = Running(process, client, private, kafka, tenant)

            async def ready() -> bool:
                async with client.get(f"{private}/readyz") as answer:
                    return answer.status == 200

            await eventually(ready, 30)
            yield running
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.fixture
async def keys(tmp_path: Path) -> Path:
    path = tmp_path / "jwks.json"
    path.write_bytes(await Keys().read())
    return path


@pytest.fixture
async def tenant(database: Database, kafka_servers: str) -> Tenant:
    """A tenant that nobody else on this Kafka has, with topics and schema ready."""
    specs = topics.wanted(DEFAULT_PARTITIONS, 1)
    assert await topics.ensure(kafka_servers, specs, create=True) == []
    await migrations.apply(database.url("alerts_owner"), SCHEMA, PACKAGES)
    return Tenant(f"t-{uuid4().hex[:12]}")


def _names(tenant: Tenant, numbers: Sequence[int]) -> list[str]:
    return [str(message(number, tenant)) for number in numbers]


async def test_facts_become_alerts_in_inbox_and_stream_each_once(
    database: Database, kafka_servers: str, keys: Path, tenant: Tenant
) -> None:
    def fact(number: int) -> Event:
        return opened(number, tenant=tenant)

    async with a_process(database, kafka_servers, keys, tenant) as running:
        async with running.stream() as live:
            for number in range(1, 5):
                await running.say(
                    personal(number, tenant=tenant), registered(number, tenant=tenant)
                )
            await running.say(fact(1), fact(1), fact(2))
            seen = [await live.next() for _ in range(2)]
            assert sorted(one.alert["message_id"] for one in seen) == sorted(_names(tenant, [1, 2]))
            assert {one.alert["subject"] for one in seen} == {"Your offer"}
        assert sorted(await running.inbox()) == sorted(_names(tenant, [1, 2]))
        assert await running.inbox(subject="ben") == []
        async with running.client.get(f"{running.private}/metrics") as answer:
            figures = await answer.text()
        assert 'inkling_alerts_alerts_total{type="message.first_opened"}' in figures
        last = seen[-1].id
        running.process.kill()
    async with a_process(database, kafka_servers, keys, tenant) as running:
        # A lease of the dead process has to run out before its lane goes on.
        await running.say(fact(2), fact(3), fact(1), fact(4))
        async with running.stream(**{"Last-Event-ID": last}) as live:
            missed = [(await live.next()).alert["message_id"] for _ in range(2)]
            assert sorted(missed) == sorted(_names(tenant, [3, 4]))
            running.process.terminate()
            farewell = (await live.ended())[-1]
        assert int(farewell.fields["retry"]) >= 1000
        async with asyncio.timeout(SECONDS):
            assert await running.process.wait() == 0
    # The facts of other tests are in the same topic.
    counted = f"select count(*), count(distinct seq) from alerts.alert where tenant = '{tenant}'"  # noqa: S608
    assert database.execute(counted).strip() == "4|4"


async def test_an_unknown_verb_is_refused() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.alerts", "dance", stdout=PIPE, stderr=PIPE
    )
    _, told = await process.communicate()
    assert (process.returncode, told.decode().strip()) == (
        2,
        "usage: python -m services.alerts [migrate | lanes | quarantine]",
    )
