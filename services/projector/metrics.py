"""What the projector tells of itself; labels come from closed lists and from lanes."""

from collections.abc import Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge

from schemas.errors import Refusal
from services.projector.admission import Reason
from services.projector.tally import Tally
from services.runtime.lane_metrics import LaneMetrics
from services.runtime.leases import Lane


class Metrics(LaneMetrics):
    """The projector's counters and gauges; also what its consumer tells."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__("projector", registry, (*Refusal, *Reason))
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
        self.days_dropped: Final = Counter(
            "inkling_projector_partitions_dropped",
            "Days of the history that were dropped because nobody keeps them any longer.",
            registry=registry,
        )
        self.hits_expired: Final = Counter(
            "inkling_projector_hits_expired",
            "Hits deleted because their tenant keeps its history no longer, in days that others keep.",
            registry=registry,
        )
        self.overdue_days: Final = Gauge(
            "inkling_projector_history_overdue_partitions",
            "Days of the history that nobody keeps any longer and that are there all the same; 0 as a rule.",
            registry=registry,
        )
        self.hits_outside_days: Final = Gauge(
            "inkling_projector_history_stray_hits",
            "Hits in no partition of a day, as late ones that were re-driven are; counted up to 100,000.",
            registry=registry,
        )
        self.reseed_remaining: Final = Gauge(
            "inkling_projector_facts_reseed_remaining_records",
            "Records of the facts' log to be read before anything is folded; 0 when there is nothing to remember.",
            registry=registry,
        )
        self.reseed_failures: Final = Counter(
            "inkling_projector_facts_reseed_failures",
            "How often the facts' log could not be compared with the database; nothing is folded until it is.",
            registry=registry,
        )
        self.outbox_rows: Final = Gauge(
            "inkling_projector_outbox_rows",
            "Facts stated and not yet published; growing: Kafka does not take them.",
            registry=registry,
        )
        self.outbox_oldest_seconds: Final = Gauge(
            "inkling_projector_outbox_oldest_seconds",
            "Age of the oldest fact that is not published; 0 when none waits.",
            registry=registry,
        )

    def folded(self, records: Mapping[Lane, int], tally: Tally) -> None:
        """Count a committed slice."""
        for lane, count in records.items():
            self._records.labels(lane.topic).inc(count)
        for (kind, human), count in tally.interactions.items():
            self._interactions.labels(kind.name.lower(), str(human).lower()).inc(count)
        for name, count in tally.correspondence.items():
            self._correspondence.labels(name).inc(count)
        for name, count in tally.unfolded.items():
            self._unfolded.labels(name).inc(count)
        self._duplicates.inc(tally.duplicates)
        self._facts.inc(tally.facts.total())
