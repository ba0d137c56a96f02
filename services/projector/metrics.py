"""What the projector tells of itself; labels come from closed lists and from lanes."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from services.projector.tally import Tally
from services.runtime.leases import Lane

_SLICE_BUCKETS: Final = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
_LANE: Final = ("topic", "partition")


class Metrics:
    """The projector's counters and gauges; also what its consumer tells."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._records = Counter(
            "inkling_projector_records",
            "Records of the log that are in, set-aside ones too.",
            ["topic"],
            registry=registry,
        )
        self._interactions = Counter(
            "inkling_projector_interactions",
            "New interactions, by kind and whether a person's: opens, clicks, views and replies.",
            ["kind", "human"],
            registry=registry,
        )
        self._correspondence = Counter(
            "inkling_projector_correspondence",
            "New replies (the sender's own too), bounces and complaints.",
            ["type"],
            registry=registry,
        )
        self._duplicates = Counter(
            "inkling_projector_duplicates",
            "Hits, replies and the like that had been folded before and were not counted again.",
            registry=registry,
        )
        self._unfolded = Counter(
            "inkling_projector_unfolded",
            "Events that are valid but that this version does not fold yet.",
            ["type"],
            registry=registry,
        )
        self._facts = Counter(
            "inkling_projector_facts",
            "Facts stated; each is published by the relay.",
            registry=registry,
        )
        self._quarantined = Counter(
            "inkling_projector_quarantined",
            "Records set aside, by reason; look at the table quarantine.",
            ["reason"],
            registry=registry,
        )
        self._freshness = Gauge(
            "inkling_projector_freshness_seconds",
            "From the recording of the latest event of the last slice to its commit.",
            _LANE,
            registry=registry,
        )
        self._slice = Histogram(
            "inkling_projector_slice_seconds",
            "Time from the start of a slice's transaction to its commit.",
            buckets=_SLICE_BUCKETS,
            registry=registry,
        )
        self._lag = Gauge(
            "inkling_projector_lag_records",
            "Records between the checkpoint and the end of the lane; growing: too few workers.",
            _LANE,
            registry=registry,
        )
        self._lanes = Gauge(
            "inkling_projector_lanes", "Lanes this process holds a lease on.", registry=registry
        )
        self._fenced = Counter(
            "inkling_projector_fenced",
            "Lanes that another worker had taken over; a few at each change of workers.",
            registry=registry,
        )
        self._halted = Gauge(
            "inkling_projector_halted",
            "1 for a lane that stands still until an operator acts; its log line says why.",
            _LANE,
            registry=registry,
        )
        self.outbox_rows: Final = Gauge(
            "inkling_projector_outbox_rows",
            "Facts stated and not yet published; growing: Kafka does not take them.",
            registry=registry,
        )
        self._held: set[Lane] = set()

    def folded(self, lane: Lane, records: int, tally: Tally, now: int) -> None:
        """Count a committed slice."""
        self._records.labels(lane.topic).inc(records)
        for (kind, human), count in tally.interactions.items():
            self._interactions.labels(kind.name.lower(), str(human).lower()).inc(count)
        for name, count in tally.correspondence.items():
            self._correspondence.labels(name).inc(count)
        for name, count in tally.unfolded.items():
            self._unfolded.labels(name).inc(count)
        self._duplicates.inc(tally.duplicates)
        self._facts.inc(tally.facts)
        if tally.recorded_at is not None:
            seconds = max(0, now - tally.recorded_at) / 1_000_000
            self._freshness.labels(*_labels(lane)).set(seconds)

    def lag(self, lane: Lane, records: int | None) -> None:
        """Tell how far behind a lane is; None when it is no longer ours."""
        if records is None:
            self._held.discard(lane)
            for gauge in (self._lag, self._freshness, self._halted):
                gauge.remove(*_labels(lane))
        else:
            self._held.add(lane)
            self._lag.labels(*_labels(lane)).set(records)
        self._lanes.set(len(self._held))

    def committed(self, lane: Lane, records: int, seconds: float) -> None:
        """Tell how long a slice took."""
        self._slice.observe(seconds)

    def quarantined(self, lane: Lane, reason: str, records: int) -> None:
        """Count records set aside."""
        self._quarantined.labels(reason).inc(records)

    def fenced(self, lane: Lane) -> None:
        """Count a lane that was taken over by another worker."""
        self._fenced.inc()

    def halted(self, lane: Lane, reason: str | None) -> None:
        """Tell that a lane stands still, or goes on."""
        self._halted.labels(*_labels(lane)).set(0 if reason is None else 1)


def _labels(lane: Lane) -> tuple[str, str]:
    return lane.topic, str(lane.partition)
