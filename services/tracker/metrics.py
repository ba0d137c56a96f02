"""What the tracker counts. The books balance: hits received are the sum of their outcomes and those under way."""

from enum import StrEnum
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from schemas.errors import TokenFault


class Kind(StrEnum):
    """What was asked for."""

    OPEN = "open"
    CLICK = "click"
    ATTACHMENT = "attachment"
    PICTURE = "picture"


class Outcome(StrEnum):
    """What finally became of a hit."""

    RECORDED = "recorded"
    REFUSED = "refused"
    NOT_RECORDED = "not_recorded"
    UNAVAILABLE = "unavailable"
    UNSERVED = "unserved"
    ABANDONED = "abandoned"


class Reason(StrEnum):
    """Why a hit was refused, beside the faults of its token."""

    TARGET = "target"
    BODY = "body"
    UNKNOWN_FILE = "unknown_file"
    DAMAGED_FILE = "damaged_file"
    GONE = "gone"
    TYPE = "type"
    RANGE = "range"


class Call(StrEnum):
    """What was asked of the object store."""

    METADATA = "metadata"
    CONTENT = "content"


# The promise is p99 below 25 ms; a batch is flushed after 5 ms and given up after a second.
_BUCKETS: Final = (0.002, 0.004, 0.006, 0.008, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2)
# A local folder answers in a millisecond, S3 in tens; a call is given up after five seconds.
_STORE_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """The tracker's counters; children are looked up once, for a hit may cost no more than counting."""

    def __init__(self, registry: CollectorRegistry) -> None:
        received = Counter(
            "inkling_tracker_received",
            "Hits taken in: received = recorded + refused + not recorded + unavailable + unserved + abandoned"
            " + under way.",
            ["kind"],
            registry=registry,
        )
        hits = Counter(
            "inkling_tracker_hits",
            "Hits by what became of them; `unavailable` means valid but lost to Kafka's absence,"
            " `unserved` that the object store did not give the file.",
            ["kind", "outcome"],
            registry=registry,
        )
        refused = Counter(
            "inkling_tracker_refused",
            "Hits refused, by reason; a rise of `unknown_key` after a rotation means a key was retired too soon.",
            ["kind", "reason"],
            registry=registry,
        )
        self._received = {kind: received.labels(kind) for kind in Kind}
        self._hits = {
            kind: {outcome: hits.labels(kind, outcome) for outcome in Outcome} for kind in Kind
        }
        self._refused = {
            kind: {reason: refused.labels(kind, reason) for reason in (*TokenFault, *Reason)}
            for kind in Kind
        }
        self.publish_seconds: Final = Histogram(
            "inkling_tracker_publish_seconds",
            "Time from a hit's receipt to Kafka's acknowledgement, of recorded hits.",
            buckets=_BUCKETS,
            registry=registry,
        )
        sent = Counter(
            "inkling_tracker_file_bytes",
            "Bytes of files and pictures handed to the network.",
            ["kind"],
            registry=registry,
        )
        self._sent = {kind: sent.labels(kind) for kind in (Kind.ATTACHMENT, Kind.PICTURE)}
        self.downloads: Final = Gauge(
            "inkling_tracker_downloads", "Files and pictures on their way out.", registry=registry
        )
        seconds = Histogram(
            "inkling_tracker_object_store_seconds",
            "Time the object store took for metadata or a chunk of content, failed calls included.",
            ["call"],
            buckets=_STORE_BUCKETS,
            registry=registry,
        )
        failures = Counter(
            "inkling_tracker_object_store_failures",
            "Calls that the object store did not answer; of content, each broke off or refused one download.",
            ["call"],
            registry=registry,
        )
        self.store_seconds: Final = {call: seconds.labels(call) for call in Call}
        self.store_failures: Final = {call: failures.labels(call) for call in Call}

    def receive(self, kind: Kind) -> None:
        """Count a hit taken in."""
        self._received[kind].inc()

    def send(self, kind: Kind, count: int) -> None:
        """Count bytes of a file that went out."""
        self._sent[kind].inc(count)

    def settle(self, kind: Kind, outcome: Outcome) -> None:
        """Count what became of a hit that was not refused."""
        self._hits[kind][outcome].inc()

    def refuse(self, kind: Kind, reason: TokenFault | Reason) -> None:
        """Count a hit that was refused, and why."""
        self._hits[kind][Outcome.REFUSED].inc()
        self._refused[kind][reason].inc()
