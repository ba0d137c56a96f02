"""What the tracker counts. The books balance: hits received are the sum of their outcomes and those under way.

Hits are counted in plain numbers, which cost a tenth of a metric's, and shown when somebody asks.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

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


class NotRecorded(StrEnum):
    """Why a hit that is valid is not recorded."""

    MODE = "mode"
    """Its token says so, as that of a preview, or is of a mode unknown here."""
    REFUSED = "refused"
    """A recipient does not allow following."""
    ENGAGEMENT_OFF = "engagement_off"
    """The tenant has switched it off."""
    PICTURE = "picture"
    """Pictures never are."""


class Call(StrEnum):
    """What was asked of the object store."""

    METADATA = "metadata"
    CONTENT = "content"


# The promise is p99 below 25 ms; a batch is flushed after some milliseconds and handed to the spool after 250.
_BUCKETS: Final = (0.002, 0.004, 0.006, 0.008, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2)
# A local folder answers in a millisecond, S3 in tens; a call is given up after five seconds.
_STORE_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class KindTally:
    """The hits of one kind, by what became of them; incremented in place."""

    __slots__ = (
        "abandoned",
        "kafka",
        "not_recorded",
        "received",
        "refused",
        "spool",
        "unavailable",
        "unserved",
    )

    def __init__(self) -> None:
        self.received = 0
        self.kafka = 0
        self.spool = 0
        self.unavailable = 0
        self.unserved = 0
        self.abandoned = 0
        self.not_recorded: Final = dict.fromkeys(NotRecorded, 0)
        self.refused: Final = dict.fromkeys((*TokenFault, *Reason), 0)

    def outcomes(self) -> dict[Outcome, int]:
        """Return how many ended how."""
        return {
            Outcome.RECORDED: self.kafka + self.spool,
            Outcome.REFUSED: sum(self.refused.values()),
            Outcome.NOT_RECORDED: sum(self.not_recorded.values()),
            Outcome.UNAVAILABLE: self.unavailable,
            Outcome.UNSERVED: self.unserved,
            Outcome.ABANDONED: self.abandoned,
        }


class Durations:
    """A histogram that takes many equal observations at once: all hits of a batch are safe in the same moment."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds: Final = bounds
        self._counts: Final = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, seconds: float, times: int) -> None:
        """Take an observation so many times."""
        self._counts[bisect_left(self._bounds, seconds)] += times
        self._sum += seconds * times

    def family(self, name: str, meaning: str) -> HistogramMetricFamily:
        """Show it under a name."""
        buckets, total = [], 0
        for bound, count in zip((*self._bounds, float("inf")), self._counts, strict=True):
            total += count
            buckets.append(("+Inf" if bound == float("inf") else str(float(bound)), float(total)))
        return HistogramMetricFamily(name, meaning, buckets=buckets, sum_value=self._sum)


class Metrics(Collector):
    """The tracker's counters."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._kinds: Final = {kind: KindTally() for kind in Kind}
        self.finding = 0
        """Hits that wait for the object store; the books do not have them yet."""
        self._publish_seconds: Final = Durations(_BUCKETS)
        self._sync_seconds: Final = Durations(_BUCKETS)
        registry.register(self)
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

    def of(self, kind: Kind) -> KindTally:
        """Return the account of one kind of hit."""
        return self._kinds[kind]

    def received(self) -> int:
        """Return how many hits came in, of all kinds."""
        return sum(tally.received for tally in self._kinds.values())

    def refuse(self, kind: Kind, reason: TokenFault | Reason) -> None:
        """Count a hit that was refused, and why."""
        self._kinds[kind].refused[reason] += 1

    def acknowledged(self, seconds: float, times: int) -> None:
        """Take note how long the oldest hit of a batch waited for Kafka; it counts for all of them."""
        self._publish_seconds.observe(seconds, times)

    def synced(self, seconds: float) -> None:
        """Take note how long the disk took to make a group of hits safe."""
        self._sync_seconds.observe(seconds, 1)

    def send(self, kind: Kind, count: int) -> None:
        """Count bytes of a file that went out."""
        self._sent[kind].inc(count)

    def collect(self) -> Iterator[Metric]:
        """Show the hits."""
        tallies = self._kinds.items()
        yield _counter(
            "received",
            "Hits taken in: received = recorded + refused + not recorded + unavailable + unserved + abandoned"
            " + under way, in each process at each moment.",
            ("kind",),
            ((tally.received, kind) for kind, tally in tallies),
        )
        yield _counter(
            "hits",
            "Hits by what became of them; `unavailable` means valid, but neither Kafka nor the spool took it,"
            " `unserved` that the object store did not give the file.",
            ("kind", "outcome"),
            ((n, kind, how) for kind, tally in tallies for how, n in tally.outcomes().items()),
        )
        yield _counter(
            "recorded",
            "Hits that are safe, by where they were when that was answered.",
            ("kind", "path"),
            (
                (number, kind, where)
                for kind, tally in tallies
                for where, number in (("kafka", tally.kafka), ("spool", tally.spool))
            ),
        )
        yield _counter(
            "refused",
            "Hits refused, by reason; a rise of `unknown_key` after a rotation means a key was retired too soon.",
            ("kind", "reason"),
            ((n, kind, why) for kind, tally in tallies for why, n in tally.refused.items()),
        )
        yield _counter(
            "not_recorded",
            "Valid hits that are not to be recorded, by reason.",
            ("kind", "reason"),
            ((n, kind, why) for kind, tally in tallies for why, n in tally.not_recorded.items()),
        )
        yield self._publish_seconds.family(
            "inkling_tracker_publish_seconds",
            "Time from a hit's receipt to Kafka's acknowledgement; that of a batch's oldest hit counts for all of it.",
        )
        yield self._sync_seconds.family(
            "inkling_tracker_spool_sync_seconds",
            "Time that one fdatasync of the spool took, which makes a group of hits safe.",
        )


def _counter(
    name: str, meaning: str, labels: tuple[str, ...], rows: Iterable[tuple[int | str, ...]]
) -> Metric:
    family = CounterMetricFamily(f"inkling_tracker_{name}", meaning, labels=labels)
    for number, *values in rows:
        family.add_metric([str(value) for value in values], int(number))
    return family
