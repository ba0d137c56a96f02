"""What a consumer of the log tells of its lanes, alike in every service that has one."""

from collections.abc import Iterable, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from services.runtime.leases import Lane
from services.runtime.slices import Slice

_LANE: Final = ("topic", "partition")
_SLICE_BUCKETS: Final = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
# Around the objective, 30 seconds; a record recorded late or read anew counts as late as it is.
_DELAY_BUCKETS: Final = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900)
# The reason that PostgreSQL itself gives, beside those of the service.
_BY_DATABASE: Final = "refused_by_database"


class LaneMetrics:
    """A consumer's counters and gauges; a lane's gauges are there while this process holds it."""

    def __init__(self, service: str, registry: CollectorRegistry, reasons: Iterable[str]) -> None:
        prefix = f"inkling_{service}"
        self._complete = Gauge(
            f"{prefix}_lane_complete_timestamp_seconds",
            "Everything recorded before this moment is in; its age is the lag in seconds, and an old one wants a look"
            " at the process's log and at the servers it needs.",
            _LANE,
            registry=registry,
        )
        self._record_delay = Histogram(
            f"{prefix}_record_delay_seconds",
            "From the recording of a record to the commit that has it; above 30 the objective is missed.",
            ["topic"],
            buckets=_DELAY_BUCKETS,
            registry=registry,
        )
        self._quarantined = Counter(
            f"{prefix}_quarantined",
            "Records set aside, by reason; look at the table quarantine.",
            ["reason"],
            registry=registry,
        )
        self._slice = Histogram(
            f"{prefix}_slice_seconds",
            "Time from the start of a slice's transaction to its commit.",
            buckets=_SLICE_BUCKETS,
            registry=registry,
        )
        self._lag = Gauge(
            f"{prefix}_lag_records",
            "Records between the checkpoint and the end of the lane; growing: too few workers.",
            _LANE,
            registry=registry,
        )
        self._lanes = Gauge(
            f"{prefix}_lanes", "Lanes this process holds a lease on.", registry=registry
        )
        self._fenced = Counter(
            f"{prefix}_fenced",
            "Lanes that another worker had taken over; a few at each change of workers.",
            registry=registry,
        )
        self._halted = Gauge(
            f"{prefix}_halted",
            "1 for a lane that stands still until an operator acts; its log line says why.",
            _LANE,
            registry=registry,
        )
        self._unheld = Gauge(
            f"{prefix}_unheld_lanes",
            "Lanes that nobody holds, as the table of leases says; a few for seconds at each change of workers.",
            registry=registry,
        )
        self._passed_over = Gauge(
            f"{prefix}_gap_records",
            "Records that were passed over by somebody's decision, never folded; `lanes gaps` shows which.",
            registry=registry,
        )
        self._waiting = Gauge(
            f"{prefix}_quarantine_waiting",
            "Records in quarantine that were neither folded later nor given up, by reason.",
            ["reason"],
            registry=registry,
        )
        self._group_commits = Counter(
            f"{prefix}_group_commits",
            "Times that Kafka was told where the lanes stand, for lag tools to see: taken or failed.",
            ["outcome"],
            registry=registry,
        )
        self._held: set[Lane] = set()
        self._reasons: set[str] = set()
        for outcome in ("taken", "failed"):
            self._group_commits.labels(outcome)
        for reason in (*reasons, _BY_DATABASE):
            self._quarantined.labels(reason)

    def lag(self, lane: Lane, records: int | None) -> None:
        """Tell how far behind a lane is; None when it is no longer ours."""
        if records is None:
            self._held.discard(lane)
            for gauge in (self._lag, self._complete, self._halted):
                gauge.remove(*_labels(lane))
        else:
            self._held.add(lane)
            self._lag.labels(*_labels(lane)).set(records)
            if records == 0:
                self._complete.labels(*_labels(lane)).set_to_current_time()
        self._lanes.set(len(self._held))

    def claimed(self, lane: Lane, read_to: float | None) -> None:
        """Tell up to when a lane just claimed is complete (0: never read), so that one that never gets on shows."""
        self._complete.labels(*_labels(lane)).set(read_to or 0.0)

    def committed(self, part: Slice, seconds: float, now: int) -> None:
        """Tell what a slice held, how long it took, and when (µs) it was in."""
        self._slice.observe(seconds)
        for lane, records in part:
            delay = self._record_delay.labels(lane.topic)
            for record in records:
                delay.observe(max(0.0, now / 1_000_000 - record.timestamp_ms / 1000))
            self._complete.labels(*_labels(lane)).set(records[-1].timestamp_ms / 1000)

    def quarantined(self, lane: Lane, reason: str, records: int) -> None:
        """Count records set aside."""
        self._quarantined.labels(reason).inc(records)

    def fenced(self, lane: Lane) -> None:
        """Count a lane that was taken over by another worker."""
        self._fenced.inc()

    def stands(self, unheld: int, passed_over: int, waiting: Mapping[str, int]) -> None:
        """Tell what the tables say: lanes unheld, records never folded, records that wait in quarantine by reason."""
        self._unheld.set(unheld)
        self._passed_over.set(passed_over)
        for gone in self._reasons - waiting.keys():
            self._waiting.labels(gone).set(0)
        for reason, records in waiting.items():
            self._waiting.labels(reason).set(records)
        self._reasons |= waiting.keys()

    def group_commit(self, done: bool) -> None:
        """Count that Kafka took offsets to show, or did not."""
        self._group_commits.labels("taken" if done else "failed").inc()

    def halted(self, lane: Lane, reason: str | None) -> None:
        """Tell that a lane stands still, or goes on."""
        self._halted.labels(*_labels(lane)).set(0 if reason is None else 1)


def _labels(lane: Lane) -> tuple[str, str]:
    return lane.topic, str(lane.partition)
