"""What the rewriter's tests start from: keys, mails, and the whole service but Kafka, behind a real HTTP door.

Every answer is held against the OpenAPI document, in which objects are closed for the purpose.
"""

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import jsonschema_rs
import jwt
import orjson
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from cryptography.hazmat.primitives.asymmetric import ec
from prometheus_client import CollectorRegistry

from schemas import envelope, topics
from schemas.envelope import Received
from schemas.identity import MessageId, RecipientRef, Tenant
from schemas.settings import FollowPolicy
from schemas.token import Mode
from services.rewriter import instrument, mail
from services.rewriter.app import Parts, assemble
from services.rewriter.attachments import FileRules
from services.rewriter.config import Config
from services.rewriter.directory.directory import Directory
from services.rewriter.instrument import Prepared
from services.rewriter.mail import Mail
from services.rewriter.metrics import Metrics
from services.rewriter.settings import Settings
from services.rewriter.tracking import Keys, Terms
from services.rewriter.web import openapi
from services.runtime.access import Verifier
from services.runtime.clock import Deadline
from services.runtime.config import load
from services.runtime.kafka import Outgoing, Record
from services.runtime.objects import ObjectsConfig, ObjectStore, open_objects
from services.runtime.publisher import Acknowledged
from services.runtime.web import RequestMetrics
from tests.support.clock import START, ManualClock
from tests.support.publisher import MemoryPublisher

PARTITIONS = 8
URL = "https://t.example"
ENVIRON = {
    "INKLING_KAFKA_SERVERS": "127.0.0.1:9092",
    "INKLING_JWKS": "/nowhere/jwks.json",
    "INKLING_OBJECT_STORE": "file:///nowhere/objects",
    "INKLING_TOKEN_KEYS": "2:" + "ab" * 32 + ",1:" + "cd" * 32,
    "INKLING_REWRITER_TRACKING_URL": URL + "/",
    "INKLING_REWRITER_RECIPIENT_KEY": "ef" * 32,
}
CONFIG = load(Config, ENVIRON, "rewriter")
KEYS = Keys(tokens=CONFIG.token_keys, recipients=CONFIG.recipient_key)
TENANT = Tenant("demo")
MESSAGE = MessageId(UUID("01890a5d-ac96-774b-bcce-b302099a8057"))
TERMS = Terms(
    tenant=TENANT,
    engagement=True,
    policy=FollowPolicy.RECIPIENT,
    tracking_url=URL,
    own_urls=(URL,),
    mode=Mode.FULL,
    files=FileRules(),
)
TARGET = "https://shop.example/offer?a=1&b=%20x#top"
HTML = (
    '<html><body><p>Dear Li, <a href="https://shop.example/offer?a=1&amp;b=%20x#top">the offer</a>,'
    " <A HREF='https://shop.example/terms'>terms</A>, <a href=\"mailto:ana@demo.example\">me</a></p></body></html>"
)

_KEY = ec.generate_private_key(ec.SECP256R1())
_DOCUMENT: Any = orjson.loads(openapi())


def a_body(**changes: Any) -> dict[str, Any]:
    """Make the body of a mail to one contact; None takes a member out."""
    body = {
        "from": {"address": "ana@demo.example", "name": "Ana"},
        "to": [a_recipient(1)],
        "subject": "Your offer",
        "html": HTML,
        "text": "Dear Li",
        "owner": "ana",
    } | changes
    return {name: value for name, value in body.items() if value is not None}


def a_recipient(number: int, kind: str | None = "contact", **more: Any) -> dict[str, Any]:
    """Make a recipient of that number."""
    one = {"address": f"p{number}@customer.example", "name": f"Person {number}", **more}
    return one if kind is None else {**one, "kind": kind}


def a_mail(**changes: Any) -> Mail:
    """Read the mail that such a body is."""
    return mail.read(a_body(**changes))


def refuses_nobody(ref: RecipientRef) -> bool:
    """Stand for a tenant none of whose recipients refuses."""
    return False


def prepared(terms: Terms = TERMS, /, **changes: Any) -> Prepared:
    """Prepare such a mail where nobody refuses."""
    return instrument.prepare(a_mail(**changes), MESSAGE, terms, KEYS, refuses_nobody)


def a_store(folder: Path) -> ObjectStore:
    """Keep objects in a folder."""
    nobody = {"access_key": None, "secret_key": None, "endpoint": None}
    return open_objects(ObjectsConfig(store=folder.as_uri(), region="", **nobody))


class KeySet:
    """The key set of whoever signs bearer tokens here."""

    async def read(self) -> bytes:
        """Return the public key."""
        public = jwt.algorithms.ECAlgorithm.to_jwk(_KEY.public_key(), as_dict=True)
        return orjson.dumps({"keys": [{**public, "kid": "k"}]})


def bearer(
    *roles: str, tenant: str = "demo", subject: str = "ana", seconds: int = 60
) -> dict[str, str]:
    """Make the header that says who is asking."""
    claims = {
        "sub": subject,
        "tenant": tenant,
        "roles": roles,
        "exp": START // 1_000_000 + seconds,
    }
    signed = jwt.encode(claims, _KEY, algorithm="ES256", headers={"kid": "k"})
    return {"Authorization": f"Bearer {signed}"}


@dataclass(slots=True)
class Entropy:
    """Counts up instead of being random."""

    taken: int = 0

    def __call__(self, size: int) -> bytes:
        """Return the next bytes."""
        self.taken += 1
        return self.taken.to_bytes(size, "big")


class Log:
    """A log in memory whose settings are read back, unless it is `deaf`."""

    def __init__(self, settings: Settings) -> None:
        self.memory = MemoryPublisher(
            {
                topics.EVENTS.name: PARTITIONS,
                topics.PERSONAL.name: PARTITIONS,
                topics.SETTINGS.name: 1,
            }
        )
        self.deaf = False
        self._settings = settings
        self._reading: set[asyncio.Task[None]] = set()

    def publish(
        self, topic: str, partition: int, record: Outgoing
    ) -> "asyncio.Future[Acknowledged]":
        """Write the record, and read it back if it is a setting."""
        written = self.memory.publish(topic, partition, record)
        if topic == topics.SETTINGS.name and not self.deaf:
            task = asyncio.get_running_loop().create_task(self._read_back())
            self._reading.add(task)
            task.add_done_callback(self._reading.discard)
        return written

    async def partitions(self, topic: str) -> int:
        """Return the topic's partition count."""
        return await self.memory.partitions(topic)

    def healthy(self) -> str | None:
        """Return what was made to be wrong."""
        return self.memory.healthy()

    async def drain(self, deadline: Deadline) -> None:
        """Take no more."""
        await self.memory.drain(deadline)

    async def _read_back(self) -> None:
        records = self.memory.published(topics.SETTINGS.name)
        begin = self._settings.next_offset
        await self._settings.apply(
            [as_record(one, offset) for offset, one in enumerate(records)][begin:]
        )


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Return when the condition holds; TimeoutError when it does not in time."""
    async with asyncio.timeout(seconds):
        while True:
            if condition():
                return
            await asyncio.sleep(0.001)


def as_record(one: Outgoing, offset: int) -> Record:
    """Place an outgoing setting into the topic."""
    return Record(topics.SETTINGS.name, 0, offset, one.key, one.value, one.headers, START // 1000)


def received(one: Outgoing) -> Received:
    """Read a published record as any reader would."""
    return envelope.decode(one.key, one.value, one.headers)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a door answered."""

    status: int
    headers: Mapping[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        """Return the body as a JSON value."""
        return orjson.loads(self.raw)


@dataclass(slots=True, kw_only=True)
class Rewriter:
    """The rewriter over a log in memory, and a client of it."""

    settings: Settings
    log: Log
    clock: ManualClock
    registry: CollectorRegistry
    client: "TestClient[web.Request, web.Application]"
    folder: Path
    entropy: Entropy = field(default_factory=Entropy)

    async def call(
        self,
        method: str,
        path: str,
        *roles: str,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> Answer:
        """Call a door, and hold the answer against the document."""
        sent = {**(bearer(*roles) if roles else {}), **(headers or {})}
        if "json" in more:
            sent = {"Content-Type": "application/json", **sent}
            more["data"] = orjson.dumps(more.pop("json"))
        if "data" in more:
            more["data"] = io.BytesIO(more["data"])  # aiohttp warns of large bodies in bytes
        request = self.client.request(method, path, headers=sent, **more)
        async with request as answer:
            found = Answer(answer.status, dict(answer.headers), await answer.read())
        hold_to_the_document(method, path, found)
        return found

    async def post(self, body: Mapping[str, Any], **headers: str) -> Answer:
        """Hand a mail in."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.call("POST", "/v1/mail", "sender", json=body, headers=named)

    def published(self, topic: topics.Topic) -> list[Received]:
        """Read everything in a topic."""
        return [received(one) for one in self.log.memory.published(topic.name)]

    def counted(self, name: str, **labels: str) -> float | None:
        """Return the value of one of the rewriter's metrics."""
        return self.registry.get_sample_value(f"inkling_rewriter_{name}", labels)


@asynccontextmanager
async def a_rewriter(
    caught_up: bool = True, directory: Directory | None = None
) -> AsyncIterator[Rewriter]:
    """Serve a rewriter while the context is open."""
    clock, registry, settings, entropy = ManualClock(), CollectorRegistry(), Settings(), Entropy()
    settings.caught_up = caught_up
    log = Log(settings)
    with TemporaryDirectory() as folder:
        parts = Parts(
            publisher=log,
            objects=a_store(Path(folder)),
            settings=settings,
            verifier=Verifier(KeySet(), None, None, clock),
            clock=clock,
            entropy=entropy,
            metrics=Metrics(registry),
            requests=RequestMetrics("rewriter", registry),
            directory=directory,
        )
        async with TestClient(TestServer(assemble(CONFIG, parts))) as client:
            yield Rewriter(
                folder=Path(folder),
                settings=settings,
                log=log,
                clock=clock,
                registry=registry,
                client=client,
                entropy=entropy,
            )


def hold_to_the_document(method: str, path: str, answer: Answer) -> None:
    """Assert that the OpenAPI document has this answer at this door."""
    template = _template(path)
    described = _DOCUMENT["paths"].get(template.partition("?")[0], {}).get(method.lower())
    if described is None:
        return
    response = described["responses"][str(answer.status)]
    if "$ref" in response:
        response = _DOCUMENT["components"]["responses"][response["$ref"].rpartition("/")[2]]
    if "content" not in response:
        assert answer.raw == b""
        return
    media = answer.headers["Content-Type"].partition(";")[0]
    described = response["content"][media]["schema"]
    if not media.endswith("json"):
        return
    closed = _closed(described)
    schema = {**closed, "components": _closed(_DOCUMENT["components"])}
    jsonschema_rs.Draft202012Validator(schema, validate_formats=True).validate(answer.json)


def _template(path: str) -> str:
    if path.startswith("/v1/preferences/"):
        return "/v1/preferences/{address}"
    if path.startswith("/v1/mail/"):
        return "/v1/mail/{id}/attachments/{index}"
    return path


def _closed(part: Any) -> Any:
    if isinstance(part, list):
        return [_closed(one) for one in part]
    if not isinstance(part, dict):
        return part
    inner = {name: _closed(one) for name, one in part.items()}
    if part.get("type") == "object" and "properties" in part:
        inner.setdefault("additionalProperties", False)
    return inner
