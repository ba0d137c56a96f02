"""A query API over a real database, rows put there by hand, and callers with tokens of any kind."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import jwt
import orjson
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from cryptography.hazmat.primitives.asymmetric import ec
from prometheus_client import CollectorRegistry

from services.projector.app import PACKAGES, SCHEMA
from services.projector.apply import ReadModels
from services.projector.metrics import Metrics
from services.projector.query.web import application
from services.runtime import migrations
from services.runtime.access import Verifier
from services.runtime.kafka import Record
from services.runtime.postgres import Pool
from tests.support.clock import START, ManualClock
from tests.support.folding import decode
from tests.support.stack import Database

KEY = ec.generate_private_key(ec.SECP256R1())
DAY = 86_400_000_000
REF = "00112233aabbccdd"


class Keys:
    """The key set of these tests."""

    async def read(self) -> bytes:
        described = jwt.algorithms.ECAlgorithm.to_jwk(KEY.public_key(), as_dict=True)
        return orjson.dumps({"keys": [{**described, "kid": "test"}]})


def token(*, tenant: str = "demo", subject: str = "ana", roles: Sequence[str] = ("seller",)) -> str:
    claims = {
        "sub": subject, "tenant": tenant, "roles": list(roles), "exp": START // 1_000_000 + 3600,
    }  # fmt: skip
    return jwt.encode(claims, KEY, algorithm="ES256", headers={"kid": "test"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What the door answered."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


@dataclass(slots=True)
class Hand:
    """Puts rows there, as the fold's role."""

    writer: Pool
    counted: int = field(default=0, kw_only=True)

    async def insert(self, table: str, **columns: object) -> None:
        places = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
        statement = f"insert into {table} ({', '.join(columns)}) values ({places})"  # noqa: S608 - names of our own
        await self.writer.execute(statement, *columns.values())

    async def message(self, **columns: object) -> UUID:
        """Put a followed mail of ana's there, prepared a minute after the one before."""
        self.counted += 1
        row: dict[str, object] = {
            "tenant": "demo", "message_id": UUID(int=self.counted), "owner": "ana",
            "prepared_at": START - DAY + self.counted * 60_000_000, "followed": True,
            "renditions": "recipient", "labels": {},
        } | columns  # fmt: skip
        await self.insert("message", **row)
        identifier = row["message_id"]
        assert isinstance(identifier, UUID)
        return identifier

    async def recipient(self, message_id: UUID, **columns: object) -> None:
        row: dict[str, object] = {
            "tenant": "demo", "message_id": message_id, "ref": REF, "position": 0,
            "kind": "contact", "field": "to", "followed": True,
        } | columns  # fmt: skip
        await self.insert("recipient", **row)
        await self.writer.execute(
            "update message set recipient_count = recipient_count + 1 where message_id = $1",
            message_id,
        )

    async def personal(self, message_id: UUID, tenant: str = "demo", **body: Any) -> None:
        whole = {
            "message_id": str(message_id),
            "subject": "Your offer",
            "sender": {"address": "ana@demo.example"},
            "recipients": [
                {"ref": REF, "address": "li@customer.example", "name": "Li", "id": "c-17"}
            ],
            "links": [{"index": 0, "url": "https://shop.example/a", "text": "Offer"}],
            "attachments": [{"index": 0, "name": "offer.pdf"}],
        } | body
        await self.insert(
            "personal", tenant=tenant, message_id=message_id, subject=whole["subject"], body=whole
        )
        for one in whole["recipients"]:
            await self.insert(
                "person", tenant=tenant, message_id=message_id, ref=one["ref"], id=one["id"]
            )

    async def hit(self, message_id: UUID, kind: int, at: int, **columns: object) -> UUID:
        self.counted += 1
        identifier = UUID(int=(at // 1000) << 80 | 7 << 76 | 1 << 63 | self.counted)
        row: dict[str, object] = {
            "event_id": identifier, "tenant": "demo", "message_id": message_id, "ref": REF,
            "kind": kind, "item": 0 if kind > 1 else None, "occurred_at": at, "recorded_at": at + 5,
            "agent": "person", "rule": "nothing_against_it", "human": True, "method": "GET",
            "edge": "edge-1", "user_agent": "Thunderbird", "network": "192.0.2.0/24",
        } | columns  # fmt: skip
        await self.insert("interaction", **row)
        return identifier

    async def letter(self, message_id: UUID, type: str, at: int, **columns: object) -> UUID:
        self.counted += 1
        identifier = UUID(int=5 << 76 | 1 << 63 | self.counted)
        row: dict[str, object] = {
            "event_id": identifier, "tenant": "demo", "message_id": message_id, "ref": REF,
            "type": type, "occurred_at": at, "human": type == "reply", "rule": "in_reply_to",
        } | columns  # fmt: skip
        await self.insert("correspondence", **row)
        return identifier

    async def engagement(self, on: bool, tenant: str = "demo") -> None:
        """Switch a tenant's engagement on or off."""
        await self.writer.execute("delete from tenant_setting where tenant = $1", tenant)
        await self.insert("tenant_setting", tenant=tenant, engagement=on)

    async def template(self, **columns: object) -> None:
        row: dict[str, object] = {"tenant": "demo", "template_id": "intro", "lane": 0} | columns
        await self.insert("template", **row)


@dataclass(slots=True)
class Given(Hand):
    """The door, and the hand that puts rows behind it."""

    database: Database
    client: TestClient[web.Request, web.Application]
    clock: ManualClock
    registry: CollectorRegistry

    async def ask(self, path: str, headers: Mapping[str, str] | None = None, **who: Any) -> Answer:
        """Ask as somebody: `tenant`, `subject`, `roles`; else as the seller ana of demo."""
        sent = {"Authorization": f"Bearer {token(**who)}"} | dict(headers or {})
        async with self.client.get(path, headers=sent) as answer:
            return Answer(answer.status, await answer.read(), dict(answer.headers))

    async def get(self, path: str, **who: Any) -> Any:
        """Ask for what must be there."""
        answer = await self.ask(path, **who)
        assert answer.status == 200, (path, answer.status, answer.body)
        return answer.json

    async def walk(self, path: str, limit: int, **who: Any) -> list[Any]:
        """Read every page of a list."""
        rows: list[Any] = []
        cursor = ""
        while True:
            mark = "&" if "?" in path else "?"
            page = await self.get(f"{path}{mark}limit={limit}{cursor}", **who)
            assert len(page["data"]) <= limit
            rows += page["data"]
            if page["next"] is None:
                return rows
            cursor = f"&cursor={page['next']}"

    async def fold(self, records: Sequence[Record]) -> None:
        """Fold records as the projector does, in one slice."""
        fold = ReadModels(self.clock, Metrics(CollectorRegistry()), lambda _: None)
        ready, refused = decode(fold, records)
        assert refused == ()
        async with self.writer.acquire() as connection, connection.transaction():
            await fold.apply(connection, ready)


@asynccontextmanager
async def open_door(
    database: Database,
    *,
    statement_seconds: float = 5.0,
    lock_seconds: float = 5.0,
    wait_seconds: float = 5.0,
) -> AsyncIterator[Given]:
    """Migrate a fresh database and serve the query API over it."""
    await migrations.apply(database.url("projector_owner"), SCHEMA, PACKAGES)
    clock, registry = ManualClock(), CollectorRegistry()
    verifier = Verifier(Keys(), None, None, clock)
    reader_url, writer_url = database.url("projector_reader"), database.url("projector_writer")
    async with (
        Pool(
            reader_url,
            application="test-query",
            schema=SCHEMA,
            size=2,
            statement_seconds=statement_seconds,
            lock_seconds=lock_seconds,
            wait_seconds=wait_seconds,
        ) as reader,
        Pool(writer_url, application="test-hand", schema=SCHEMA, size=1) as writer,
        TestClient(
            TestServer(application(pool=reader, verifier=verifier, registry=registry, clock=clock))
        ) as client,
    ):
        yield Given(writer, database, client, clock, registry)


@asynccontextmanager
async def locked(database: Database) -> AsyncIterator[None]:
    """Hold the table of messages, so that whoever reads it waits."""
    url = database.url("projector_owner")
    async with (
        Pool(url, application="test-lock", schema="projector", size=1) as owner,
        owner.acquire() as connection,
        connection.transaction(),
    ):
        await connection.execute("lock table message in access exclusive mode")
        yield
