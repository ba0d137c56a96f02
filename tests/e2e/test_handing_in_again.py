"""The rewriter is killed between each two steps of a call; repeated under its key, the call finds itself, once."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import uuid4

import aiohttp
import boto3
import pytest

from deploy.local import environment
from deploy.local.ports import Ports, free_ports
from deploy.local.processes import Program
from deploy.local.stack import Stack
from deploy.local.unprivileged import CHECKOUT
from schemas import files, identity, topics
from schemas.files import FileKind
from services.runtime.objects import ObjectsConfig
from tests.faults.edge import status_of
from tests.support.doors import Answer, Doors, eventually
from tests.support.eventually import eventually as until
from tests.support.gates import Hold, a_kafka_gate, an_object_gate
from tests.support.s3 import ACCESS_KEY, BUCKET, REGION, S3, SECRET_KEY, an_s3

NAME = "rewriter-killed"
SECONDS = 60.0
CONTENT = re.compile(r"/content$").search
METADATA = re.compile(r"/metadata\.json$").search


def a_mail(step: str) -> bytes:
    """Make a mail with a followed file, told apart by the step at which its call is stopped."""
    return (
        "From: ana@demo.example\r\nTo: li@customer.example, bo@customer.example\r\n"
        f"Subject: {step}\r\nInkling-Owner: ana\r\nInkling-Follow-Attachments: offer.pdf\r\n"
        "Inkling-Recipients: li@customer.example; kind=contact; id=c-17\r\n"
        "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        '--b\r\nContent-Type: text/html\r\n\r\n<p><a href="https://shop.example/?a=1">x</a></p>\r\n'
        "--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=offer.pdf\r\n"
        "\r\n%PDF\r\n--b--\r\n"
    ).encode()


@dataclass(kw_only=True)
class Killed:
    """A rewriter of its own beside the stack's, on the same Kafka."""

    stack: Stack
    tenant: str
    session: aiohttp.ClientSession
    servers: str
    objects: ObjectsConfig
    ports: Ports = field(default_factory=free_ports)

    async def start(self) -> None:
        told = environment.of_service(
            *("rewriter", self.ports, self.stack.credentials, self.servers),
            *(self.stack.postgres, self.stack.objects),
        )
        told |= {
            "INKLING_OBJECT_STORE": self.objects.store,
            "INKLING_OBJECT_STORE_ACCESS_KEY": self.objects.access_key or "",
            "INKLING_OBJECT_STORE_SECRET_KEY": self.objects.secret_key or "",
            "INKLING_OBJECT_STORE_ENDPOINT": self.objects.endpoint or "",
            "INKLING_OBJECT_STORE_REGION": self.objects.region,
        }
        command = [sys.executable, "-m", "services.rewriter"]
        self.stack.processes.start(
            Program(name=NAME, command=command, environment=told, folder=CHECKOUT)
        )
        await until(self._ready, SECONDS)

    async def _ready(self) -> bool:
        if not self.stack.processes.is_running(NAME):
            raise self.stack.processes.died(NAME)
        port = self.ports.private("rewriter")
        return await asyncio.to_thread(status_of, port, "/readyz") == 200

    def kill(self) -> None:
        self.stack.processes.kill(NAME)

    async def call(self, step: str) -> Answer:
        token = self.stack.token(tenant=self.tenant, subject="ana", roles=["sender"])
        headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "message/rfc822",
            "Accept": "application/json",
            "Idempotency-Key": step,
        }
        url = f"http://127.0.0.1:{self.ports.public('rewriter')}/v1/mail"
        async with self.session.post(url, data=a_mail(step), headers=headers) as answer:
            return Answer(answer.status, dict(answer.headers), await answer.read())

    async def stopped(self, step: str, hold: Hold) -> None:
        """Make a call and return once it is held; what becomes of it is nobody's business any more."""
        asked = asyncio.ensure_future(self.call(step))
        async with asyncio.timeout(SECONDS):
            done = asyncio.ensure_future(hold.reached.wait())
            await asyncio.wait([asked, done], return_when=asyncio.FIRST_COMPLETED)
        assert hold.reached.is_set(), asked.result()
        asked.add_done_callback(lambda gone: gone.exception())


@asynccontextmanager
async def a_bucket() -> AsyncIterator[S3]:
    server = an_s3()
    held = await asyncio.to_thread(server.__enter__)
    try:
        yield held
    finally:
        await asyncio.to_thread(server.__exit__, None, None, None)


def of_message(tenant: str, step: str) -> str:
    key = identity.message_of_key(identity.tenant(tenant), step, a_mail(step))
    return str(key)


@pytest.fixture
def tenant() -> str:
    return f"t-{uuid4().hex[:10]}"


async def test_a_call_killed_at_any_step_and_repeated_is_one_message_with_the_same_bytes(
    stack: Stack, session: aiohttp.ClientSession, tenant: str
) -> None:
    steps: list[str] = []

    def named(step: str, found: Callable[[str], object]) -> Callable[[str], bool]:
        steps.append(step)
        return lambda text: of_message(tenant, step) in text and bool(found(text))

    async with (
        a_bucket() as server,
        an_object_gate(server, tenant) as (objects, config),
        a_kafka_gate(stack.ports.public("kafka")) as kafka,
    ):
        killed = Killed(
            stack=stack, tenant=tenant, session=session, servers=kafka.servers, objects=config
        )
        try:
            await killed.start()
            # Read and decided, nothing stored; content there; metadata asked for; metadata there.
            for step, pattern, before in (
                ("decided", CONTENT, True),
                ("content-stored", CONTENT, False),
                ("metadata-asked", METADATA, True),
                ("metadata-stored", METADATA, False),
            ):
                objects.holds.append(Hold(named(step, pattern), before))
                await killed.stopped(step, objects.holds[-1])
            # The records are in the log, and nobody is told so.
            steps.append("recorded")
            kafka.holds.append(Hold(lambda frame: topics.EVENTS.name in frame, before=False))
            await killed.stopped("recorded", kafka.holds[-1])
            killed.kill()
            # The record that names people may be in the log without the other.
            kafka.holds = [Hold(lambda frame: topics.EVENTS.name in frame, before=True)]
            objects.holds.clear()
            await killed.start()
            steps.append("half-recorded")
            await killed.stopped("half-recorded", kafka.holds[0])
            killed.kill()
            kafka.holds.clear()
            await killed.start()
            # Answered, and the answer lost.
            steps.append("answered")
            first = {step: await killed.call(step) for step in steps}
            for step in steps:
                again = await killed.call(step)
                assert (again.status, again.json["message_id"]) == (201, of_message(tenant, step))
                assert again.body == first[step].body, step
        finally:
            stack.processes.stop([NAME], 0.0)
        stored = await asyncio.to_thread(_stored, server, tenant)
    assert sorted(stored) == sorted(
        f"{tenant}/{one}" for step in steps for one in _objects(tenant, step)
    )
    doors = Doors(stack, session, tenant)
    found = await eventually(
        lambda: doors.call("projector", "/v1/messages?limit=100"),
        lambda answer: answer.status == 200 and len(answer.json["data"]) >= len(steps),
    )
    rows = {row["id"]: row for row in found.json["data"]}
    assert sorted(rows) == sorted(of_message(tenant, step) for step in steps)
    assert {row["subject"] for row in rows.values()} == set(steps)
    assert len(found.json["data"]) == len(steps)


def _objects(tenant: str, step: str) -> list[str]:
    message = identity.message_of_key(identity.tenant(tenant), step, a_mail(step))
    place = (identity.tenant(tenant), message, FileKind.ATTACHMENT, 0)
    return [files.content_key(*place), files.metadata_key(*place)]


def _stored(server: S3, prefix: str) -> list[str]:
    client = boto3.client(
        "s3",
        endpoint_url=server.endpoint,
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
    )
    try:
        found = client.list_objects_v2(Bucket=BUCKET, Prefix=prefix)
        return [one["Key"] for one in found.get("Contents", ())]
    finally:
        client.close()
