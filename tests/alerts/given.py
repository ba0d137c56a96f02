"""The doors of alerts over a real database, facts folded into it by hand, and callers with tokens of any kind."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import aiohttp
import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric import ec
from prometheus_client import CollectorRegistry

from schemas.events import Event
from schemas.identity import Tenant
from services.alerts.app import PACKAGES, SCHEMA
from services.alerts.apply import Inbox, Whose
from services.alerts.bell import Bell
from services.alerts.metrics import Metrics
from services.alerts.stream import Pace, Streams
from services.alerts.web import OPENAPI, application
from services.alerts.webhooks.doors import Doors
from services.alerts.webhooks.store import Endpoints
from services.runtime import migrations
from services.runtime.access import Verifier
from services.runtime.clock import Clock, SystemClock
from services.runtime.kafka import Record
from services.runtime.lifecycle import Life
from services.runtime.postgres import Pool
from services.runtime.quarantine import Refusal
from services.runtime.web import serve
from tests.alerts.records import DEMO, record
from tests.support.clock import START
from tests.support.folding import decode
from tests.support.stack import Database

KEY = ec.generate_private_key(ec.SECP256R1())
SECONDS = 20.0
STREAM = "/v1/alerts/stream"


class Keys:
    """The key set of these tests."""

    async def read(self) -> bytes:
        described = jwt.algorithms.ECAlgorithm.to_jwk(KEY.public_key(), as_dict=True)
        return orjson.dumps({"keys": [{**described, "kid": "test"}]})


def token(
    *,
    tenant: str = "demo",
    subject: str = "ana",
    roles: Sequence[str] = ("seller",),
    seconds: float = 3600,
) -> str:
    claims = {
        "sub": subject, "tenant": tenant, "roles": list(roles), "exp": time.time() + seconds,
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


@dataclass(frozen=True, slots=True)
class Frame:
    """One block of a stream, as it came."""

    fields: Mapping[str, str]

    @property
    def id(self) -> str:
        return self.fields["id"]

    @property
    def alert(self) -> Any:
        return orjson.loads(self.fields["data"])


class Live:
    """A stream being read."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self.answer = answer
        self._frames = self._read()

    async def _read(self) -> AsyncGenerator[Frame, None]:
        fields: dict[str, str] = {}
        async for line in self.answer.content:
            if line == b"\n":
                yield Frame(fields)
                fields = {}
                continue
            name, _, value = line.decode().rstrip("\n").partition(":")
            fields[name] = value.removeprefix(" ")

    async def frame(self) -> Frame | None:
        """Return the next block, or None at the end."""
        async with asyncio.timeout(SECONDS):
            return await anext(self._frames, None)

    async def next(self) -> Frame:
        """Return the next event, whatever else comes before."""
        while (frame := await self.frame()) is not None:
            if "data" in frame.fields:
                return frame
        raise AssertionError("the stream ended")

    async def ended(self) -> list[Frame]:
        """Read to the end."""
        frames = []
        while (frame := await self.frame()) is not None:
            frames.append(frame)
        return frames


@dataclass(slots=True)
class Given:
    """The doors, and the hand that folds facts behind them."""

    database: Database
    writer: Pool
    reader: Pool
    bell: Bell
    life: Life
    registry: CollectorRegistry
    client: aiohttp.ClientSession
    fold: Inbox
    rung: list[UUID] = field(default_factory=list)
    """The endpoints of which it was said that there is something to deliver."""
    refused: list[Refusal] = field(default_factory=list)

    async def fold_in(self, records: Sequence[Record], fold: Inbox | None = None) -> None:
        """Fold one slice in a transaction of its own."""
        one = fold or self.fold
        ready, refused = decode(one, records)
        async with self.writer.acquire() as connection, connection.transaction():
            await one.apply(connection, ready)
        one.committed(Counter(each.lane for each in records))
        self.refused += refused

    async def say(self, *events: Event, tenant: Tenant = DEMO, at: int = START) -> None:
        """Fold each event as a slice of its own."""
        for event in events:
            await self.fold_in([record(event, tenant=tenant, at=at)])

    async def say_elsewhere(self, *events: Event) -> None:
        """Fold them as another process would, of which this one hears nothing."""
        fold = Inbox(SystemClock(), Metrics(CollectorRegistry()), _unheard, _unheard)
        for event in events:
            await self.fold_in([record(event)], fold)

    def bearer(self, **who: Any) -> dict[str, str]:
        """Return the header that says who asks."""
        return {"Authorization": f"Bearer {token(**who)}"}

    async def ask(
        self,
        path: str,
        headers: Mapping[str, str] | None = None,
        *,
        method: str = "GET",
        json: object = None,
        **who: Any,
    ) -> Answer:
        """Ask as somebody: `tenant`, `subject`, `roles`; else as the seller ana of demo."""
        sent = self.bearer(**who) | dict(headers or {})
        async with self.client.request(method, path, headers=sent, json=json) as answer:
            return Answer(answer.status, await answer.read(), dict(answer.headers))

    async def inbox(self, query: str = "", **who: Any) -> list[Any]:
        """Read the first page of an inbox."""
        answer = await self.ask(f"/v1/alerts{query}", **who)
        assert answer.status == 200, answer
        rows: list[Any] = answer.json["data"]
        return rows

    @asynccontextmanager
    async def stream(self, last: str | None = None, **who: Any) -> AsyncIterator[Live]:
        """Open a stream; it is open when the block begins."""
        sent = self.bearer(**who)
        if last is not None:
            sent["Last-Event-ID"] = last
        async with self.client.get(STREAM, headers=sent) as answer:
            assert answer.status == 200, await answer.read()
            yield Live(answer)

    def metric(self, name: str, **labels: str) -> float:
        """Read a figure."""
        return self.registry.get_sample_value(f"inkling_alerts_{name}", labels) or 0.0


@contextmanager
def away(database: Database, *roles: str) -> Iterator[None]:
    """Let nobody connect to a database for the length of a block, and cut those roles off."""
    database.server.execute(f"alter database {database.name} allow_connections false")
    for role in roles:
        database.server.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"  # noqa: S608 - names of our own
            f" where datname = '{database.name}' and usename = 'inkling_{role}'"
        )
    try:
        yield
    finally:
        database.server.execute(f"alter database {database.name} allow_connections true")


@asynccontextmanager
async def open_doors(
    database: Database,
    *,
    pace: Pace | None = None,
    streams: int = 5,
    time: Clock | None = None,
    loopback: bool = True,
) -> AsyncIterator[Given]:
    """Migrate a fresh database and serve the doors over it; `time` is that of facts and webhooks."""
    await migrations.apply(database.url("alerts_owner"), SCHEMA, PACKAGES)
    registry = CollectorRegistry()
    metrics, clock = Metrics(registry), SystemClock()
    writer_url, reader_url = database.url("alerts_writer"), database.url("alerts_reader")
    async with (
        asyncio.TaskGroup() as tasks,
        Pool(writer_url, application="test-hand", schema=SCHEMA, size=3) as writer,
        Pool(reader_url, application="test-doors", schema=SCHEMA, size=3) as reader,
    ):
        life = Life("alerts", tasks, 5)
        bell = Bell(writer, streams)
        rung: list[UUID] = []
        endpoints = Endpoints(reader, writer)
        now = time or clock
        door = application(
            pool=reader,
            streams=Streams(reader, bell, metrics, life, pace),
            webhooks=Doors(endpoints, now, OPENAPI, rung.extend, loopback=loopback),
            verifier=Verifier(Keys(), None, None, clock),
            registry=registry,
        )
        running = tasks.create_task(bell.run(life))
        async with (
            serve(door, "127.0.0.1", 0, life) as port,
            aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client,
        ):
            fold = Inbox(now, metrics, bell.ring, rung.extend)
            yield Given(database, writer, reader, bell, life, registry, client, fold, rung)
            life.stop()
            await running


def _unheard(whose: Collection[Whose] | Collection[UUID]) -> None:
    """Tell nobody."""
