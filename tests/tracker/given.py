"""What the tracker's tests start from: keys, a claim, tokens for it, a journal in memory."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256, shake_128
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
from aiohttp import web
from prometheus_client import CollectorRegistry

from schemas import codec, instant, token
from schemas.files import FileKind, StoredFile, content_key, metadata_key
from schemas.identity import MessageId, RecipientRef, Tenant
from schemas.token import Claim, KeyRing, Purpose
from services.runtime.kafka import Outgoing
from services.runtime.objects import ObjectsConfig, ObjectStore, open_objects
from services.tracker.answers import Answer
from services.tracker.books import Books
from services.tracker.clients import Network
from services.tracker.doors import Doors
from services.tracker.files.file_doors import FileDoors
from services.tracker.files.sending import Sender
from services.tracker.files.shelf import Shelf
from services.tracker.front.web import public_application
from services.tracker.hits import Hit
from services.tracker.metrics import Metrics
from services.tracker.mint import Mint
from services.tracker.refusals.table import Verdict
from tests.support.clock import ManualClock
from tests.support.journal import MemoryJournal, recorded

RING = KeyRing(signing=2, keys={2: b"\x02" * 32, 1: b"\x01" * 32})
RETIRED = KeyRing(signing=3, keys={3: b"\x03" * 32})
STRANGER = KeyRing(signing=2, keys={2: b"\xff" * 32})
TENANT = Tenant("demo")
MESSAGE = MessageId(UUID("01890a5d-ac96-774b-bcce-b302099a8057"))
REFS = (RecipientRef("00112233445566ff"),)
EDGE = "edge-7"
TARGET = "https://example.com/offer?a=1&b=%2F#top"
PARTITIONS = 8
FILE_INDEX = 2
STORED_AT = instant.parse("2025-12-24T09:30:00.5Z")
NOWHERE = ObjectsConfig(
    store="s3://nowhere", endpoint="http://127.0.0.1:1", access_key="id", secret_key="secret"
)


def open_token(ring: KeyRing = RING, mode: int = 0) -> str:
    """Mint the token of a pixel."""
    claim = Claim(tenant=TENANT, message_id=MESSAGE, refs=REFS, mode=mode)
    return token.mint(ring, Purpose.OPEN, claim)


def click_token(url: str = TARGET, ring: KeyRing = RING, mode: int = 0) -> str:
    """Mint the token of the mail's fourth link."""
    claim = Claim(tenant=TENANT, message_id=MESSAGE, refs=REFS, mode=mode, index=3, url=url)
    return token.mint(ring, Purpose.CLICK, claim)


def attachment_token(ring: KeyRing = RING, mode: int = 0) -> str:
    """Mint the token of the mail's third file."""
    claim = Claim(tenant=TENANT, message_id=MESSAGE, refs=REFS, mode=mode, index=FILE_INDEX)
    return token.mint(ring, Purpose.ATTACHMENT, claim)


def picture_token(ring: KeyRing = RING) -> str:
    """Mint the token of the mail's third picture."""
    claim = Claim(tenant=TENANT, message_id=MESSAGE, refs=REFS, index=FILE_INDEX)
    return token.mint(ring, Purpose.PICTURE, claim)


@dataclass(slots=True)
class Entropy:
    """Looks random and is the same each time."""

    taken: int = 0

    def __call__(self, size: int) -> bytes:
        self.taken += 1
        return shake_128(self.taken.to_bytes(8, "big")).digest(size)


@dataclass(slots=True)
class Refusing:
    """Who refuses, as a test says."""

    known: bool = True
    verdict: Verdict | None = None

    def judge(self, tenant: Tenant, refs: Iterable[RecipientRef]) -> Verdict | None:
        """Return the verdict on everybody."""
        return self.verdict


class Asker:
    """Awaits one answer; a second would be a failure."""

    def __init__(self) -> None:
        self.answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

    def answer(self, answer: Answer) -> None:
        """Take it."""
        self.answered.set_result(answer)


@dataclass(slots=True)
class Tracker:
    """The tracker without its HTTP, over a journal in memory."""

    journal: MemoryJournal = field(default_factory=MemoryJournal)
    refusals: Refusing = field(default_factory=lambda: Refusing())
    clock: ManualClock = field(default_factory=ManualClock)
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    objects: ObjectStore = field(default_factory=lambda: open_objects(NOWHERE))
    stall_seconds: float = 30.0
    doors: Doors = field(init=False)
    shelf: Shelf = field(init=False)
    files: FileDoors = field(init=False)
    sender: Sender = field(init=False)

    def __post_init__(self) -> None:
        metrics = Metrics(self.registry)
        mint = Mint(EDGE, self.clock, Entropy())
        books = Books(self.journal, self.refusals, metrics)
        self.doors = Doors(RING, books, mint, metrics)
        self.shelf = Shelf(self.objects, self.clock, metrics)
        self.files = FileDoors(RING, books, mint, self.shelf, self.clock, metrics)
        self.sender = Sender(metrics, self.stall_seconds)

    def published(self) -> list[Outgoing]:
        """Return what would lie in the topic of events by now."""
        now = instant.Instant(self.clock.now())
        return [
            Outgoing(key=entry.key, value=entry.value, headers=recorded(entry, now))
            for entry in self.journal.entries
        ]

    async def pixel(self, text: str, hit: Hit) -> Answer:
        """Ask for a pixel and wait for the answer."""
        asker = Asker()
        self.doors.pixel(text, hit, asker)
        return await asker.answered

    async def click(self, text: str, hit: Hit) -> Answer:
        """Follow a link and wait for the answer."""
        asker = Asker()
        self.doors.click(text, hit, asker)
        return await asker.answered

    def counted(self, name: str, **labels: str) -> float:
        """Return the value of one of the tracker's metrics."""
        value = self.registry.get_sample_value(f"inkling_tracker_{name}", labels)
        assert value is not None
        return value

    async def store(
        self, file: StoredFile, content: bytes, kind: FileKind = FileKind.ATTACHMENT
    ) -> None:
        """Put a file where the rewriter would."""
        await self.objects.put(content_key(TENANT, MESSAGE, kind, FILE_INDEX), content)
        await self.store_metadata(file, kind)

    async def store_metadata(self, file: StoredFile, kind: FileKind = FileKind.ATTACHMENT) -> None:
        """Put a file's metadata, in place of what was there."""
        key = metadata_key(TENANT, MESSAGE, kind, FILE_INDEX)
        await self.objects.put(key, orjson.dumps(codec.write(file)))


def a_file(content: bytes, **changes: Any) -> StoredFile:
    """Describe a file of that content."""
    told: dict[str, Any] = {
        "name": "offer.pdf",
        "content_type": "application/pdf",
        "size": len(content),
        "digest": sha256(content).hexdigest(),
        "stored_at": STORED_AT,
    }
    return StoredFile(**(told | changes))


def an_application(tracker: Tracker, *trusted: Network) -> web.Application:
    """Make the public port's application."""
    return public_application(tracker.doors, tracker.files, tracker.sender, trusted)


async def a_tracker(folder: Path | None = None, stall_seconds: float = 30.0) -> Tracker:
    """Make a tracker that knows its topic, with an object store in the folder, or one that is away."""
    config = NOWHERE if folder is None else ObjectsConfig(store=folder.as_uri())
    return Tracker(objects=open_objects(config), stall_seconds=stall_seconds)
