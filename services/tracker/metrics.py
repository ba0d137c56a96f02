"""What the tracker counts. The books balance: hits received are the sum of their outcomes and those under way."""

from enum import StrEnum
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram

from schemas.errors import TokenFault


class Kind(StrEnum):
    """What was asked for."""

    OPEN = "open"
    CLICK = "click"


class Outcome(StrEnum):
    """What finally became of a hit."""

    RECORDED = "recorded"
    REFUSED = "refused"
    NOT_RECORDED = "not_recorded"
    UNAVAILABLE = "unavailable"
    ABANDONED = "abandoned"


class Reason(StrEnum):
    """Why a hit was refused, beside the faults of its token."""

    TARGET = "target"
    BODY = "body"


# The promise is p99 below 25 ms; a batch is flushed after 5 ms and given up after a second.
_BUCKETS: Final = (0.002, 0.004, 0.006, 0.008, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2)


class Metrics:
    """The tracker's counters; children are looked up once, for a hit may cost no more than counting."""

    def __init__(self, registry: CollectorRegistry) -> None:
        received = Counter(
            "inkling_tracker_received",
            "Hits taken in: received = recorded + refused + not recorded + unavailable + abandoned + under way.",
            ["kind"],
            registry=registry,
        )
        hits = Counter(
            "inkling_tracker_hits",
            "Hits by what became of them; `unavailable` means valid but lost to Kafka's absence.",
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

    def receive(self, kind: Kind) -> None:
        """Count a hit taken in."""
        self._received[kind].inc()

    def settle(self, kind: Kind, outcome: Outcome) -> None:
        """Count what became of a hit that was not refused."""
        self._hits[kind][outcome].inc()

    def refuse(self, kind: Kind, reason: TokenFault | Reason) -> None:
        """Count a hit that was refused, and why."""
        self._hits[kind][Outcome.REFUSED].inc()
        self._refused[kind][reason].inc()
