"""What the alerts service tells of itself; labels come from closed lists and from lanes."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from schemas.errors import Refusal
from services.alerts.facts import Reason
from services.alerts.webhooks.metrics import WebhookMetrics
from services.runtime.lane_metrics import LaneMetrics
from services.runtime.leases import Lane

_SECOND: Final = 1_000_000
# The promise is p99 below one second; what is far above was recorded late, or we were down.
_DELAY_BUCKETS: Final = (0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 15, 60, 900, 3600)


class Outcome(StrEnum):
    """What became of a fact."""

    REGISTERED = "registered"
    ALERTED = "alerted"
    WAITING = "waiting"
    WITHDRAWN = "withdrawn"
    DUPLICATE = "duplicate"
    UNALERTED = "unalerted"


class End(StrEnum):
    """Why a stream ended."""

    GONE = "gone"
    SLOW = "slow"
    EXPIRED = "expired"
    STOPPING = "stopping"


class Metrics(LaneMetrics):
    """The service's counters and gauges; also what its consumer tells."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__("alerts", registry, (*Refusal, *Reason))
        self._records = Counter(
            "inkling_alerts_records",
            "Records of the log that are in, set-aside ones too.",
            ["topic"],
            registry=registry,
        )
        self._facts = Counter(
            "inkling_alerts_facts",
            "Facts by what became of them; `waiting` ones enter when their message is registered.",
            ["type", "outcome"],
            registry=registry,
        )
        self._alerts = Counter(
            "inkling_alerts_alerts",
            "Alerts that entered the inbox.",
            ["type"],
            registry=registry,
        )
        self._delay = Histogram(
            "inkling_alerts_delay_seconds",
            "From what happened (the edge's clock) to the alert's commit; above 1 the line behind is late.",
            ["type"],
            buckets=_DELAY_BUCKETS,
            registry=registry,
        )
        self.streams: Final = Gauge(
            "inkling_alerts_stream_connections", "Live streams that are open.", registry=registry
        )
        self._sent = Counter(
            "inkling_alerts_stream_sent",
            "Alerts written to streams, once for each stream.",
            registry=registry,
        )
        self._stream_delay = Histogram(
            "inkling_alerts_stream_delay_seconds",
            "From the alert's commit to its writing to a stream that was open then.",
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15),
            registry=registry,
        )
        self._ended = Counter(
            "inkling_alerts_stream_ended",
            "Streams ended, by reason; `slow` clients did not read for ten seconds and were cut.",
            ["reason"],
            registry=registry,
        )
        self.streams_refused: Final = Counter(
            "inkling_alerts_stream_refused",
            "Streams refused because the tenant has as many as it may.",
            registry=registry,
        )
        self.stream_retries: Final = Counter(
            "inkling_alerts_stream_retries",
            "Times that a stream could not read the database and tried again.",
            registry=registry,
        )
        self.webhooks: Final = WebhookMetrics(registry)
        for reason in End:
            self._ended.labels(reason)

    def folded(self, records: Mapping[Lane, int]) -> None:
        """Count the records of a committed slice."""
        for lane, count in records.items():
            self._records.labels(lane.topic).inc(count)

    def count_facts(self, fact: str, outcome: Outcome, number: int) -> None:
        """Count facts of a type."""
        self._facts.labels(fact, outcome).inc(number)

    def count_alert(self, kind: str, occurred_at: int, now: int) -> None:
        """Count an alert that entered, and how late."""
        self._alerts.labels(kind).inc()
        self._delay.labels(kind).observe(max(0, now - occurred_at) / _SECOND)

    def sent(self, age: int | None) -> None:
        """Count an alert written to a stream; one that was missed before has no age."""
        self._sent.inc()
        if age is not None:
            self._stream_delay.observe(max(0, age) / _SECOND)

    def ended(self, reason: End) -> None:
        """Count a stream that ended."""
        self._ended.labels(reason).inc()
