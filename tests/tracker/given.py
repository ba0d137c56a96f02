"""What the tracker's tests start from: keys, a claim, tokens for it, a recorder over memory."""

from dataclasses import dataclass, field
from uuid import UUID

from prometheus_client import CollectorRegistry

from schemas import token, topics
from schemas.identity import MessageId, RecipientRef, Tenant
from schemas.token import Claim, KeyRing, Purpose
from services.runtime.kafka import Outgoing
from services.tracker.doors import Doors
from services.tracker.metrics import Metrics
from services.tracker.recorder import Recorder
from tests.support.clock import ManualClock
from tests.support.publisher import MemoryPublisher

RING = KeyRing(signing=2, keys={2: b"\x02" * 32, 1: b"\x01" * 32})
RETIRED = KeyRing(signing=3, keys={3: b"\x03" * 32})
STRANGER = KeyRing(signing=2, keys={2: b"\xff" * 32})
TENANT = Tenant("demo")
MESSAGE = MessageId(UUID("01890a5d-ac96-774b-bcce-b302099a8057"))
REFS = (RecipientRef("00112233445566ff"),)
EDGE = "edge-7"
TARGET = "https://example.com/offer?a=1&b=%2F#top"
PARTITIONS = 8


def open_token(ring: KeyRing = RING, mode: int = 0) -> str:
    """Mint the token of a pixel."""
    claim = Claim(tenant=TENANT, message_id=MESSAGE, refs=REFS, mode=mode)
    return token.mint(ring, Purpose.OPEN, claim)


def click_token(url: str = TARGET, ring: KeyRing = RING, mode: int = 0) -> str:
    """Mint the token of the mail's fourth link."""
    claim = Claim(tenant=TENANT, message_id=MESSAGE, refs=REFS, mode=mode, index=3, url=url)
    return token.mint(ring, Purpose.CLICK, claim)


@dataclass(slots=True)
class Entropy:
    """Counts up instead of being random."""

    taken: int = 0

    def __call__(self, size: int) -> bytes:
        self.taken += 1
        return self.taken.to_bytes(size, "big")


@dataclass(slots=True)
class Tracker:
    """The tracker without its HTTP, over a publisher in memory."""

    publisher: MemoryPublisher = field(
        default_factory=lambda: MemoryPublisher({topics.EVENTS.name: PARTITIONS})
    )
    clock: ManualClock = field(default_factory=ManualClock)
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    recorder: Recorder = field(init=False)
    doors: Doors = field(init=False)

    def __post_init__(self) -> None:
        self.recorder = Recorder(self.publisher, self.clock, Entropy(), f"/tracker/{EDGE}")
        metrics = Metrics(self.registry)
        self.doors = Doors(RING, self.recorder, self.clock, metrics, EDGE)

    def published(self) -> list[Outgoing]:
        """Return what lies in the topic of events."""
        return self.publisher.published(topics.EVENTS.name)

    def counted(self, name: str, **labels: str) -> float:
        """Return the value of one of the tracker's metrics."""
        value = self.registry.get_sample_value(f"inkling_tracker_{name}", labels)
        assert value is not None
        return value


async def a_tracker() -> Tracker:
    """Make a tracker that knows its topic."""
    tracker = Tracker()
    await tracker.recorder.learn_partitions()
    return tracker
