"""What the journal, the spool, the replay and the settings keep of themselves, shown when somebody asks.

All is read in one moment of the event loop, so that what balances there balances in each scrape.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from services.tracker.circuit import State
from services.tracker.config import Config
from services.tracker.journal import Journal
from services.tracker.metrics import Metrics
from services.tracker.refusals.keeper import Refusals
from services.tracker.replay import Replay
from services.tracker.spool.growing import Sealed
from services.tracker.spool.spool import Spool

_NEVER: Final = float("nan")


class Parts(NamedTuple):
    """Who keeps the figures, and what they may come to."""

    config: Config
    counted: Metrics
    journal: Journal
    spool: Spool
    replay: Replay[Sealed]
    refusals: Refusals


_Read = Callable[[Parts], float]

_GAUGES: Final[tuple[tuple[str, str, _Read], ...]] = (
    (
        "unacknowledged_bytes",
        "Bytes of hits that await Kafka's acknowledgement; at the limit, more goes to the spool.",
        lambda parts: parts.journal.bytes_in_flight,
    ),
    (
        "unacknowledged_limit_bytes",
        "How many bytes may await acknowledgement.",
        lambda parts: parts.journal.bytes_allowed,
    ),
    (
        "oldest_unacknowledged_seconds",
        "Age of the oldest hit that awaits Kafka's acknowledgement; past the deadline it is in the spool.",
        lambda parts: parts.journal.oldest_seconds(),
    ),
    (
        "circuit_open",
        "1 while hits go to the spool because Kafka does not take them in time.",
        lambda parts: parts.journal.state is State.OPEN,
    ),
    (
        "spool_bytes",
        "Bytes that the spool holds; at the limit, hits that Kafka does not take are refused with 503.",
        lambda parts: parts.spool.account.bounds.bytes,
    ),
    (
        "spool_limit_bytes",
        "How many bytes the spool may hold.",
        lambda parts: parts.spool.account.bounds.bytes_allowed,
    ),
    (
        "spool_largest_share_bytes",
        "Bytes of the tenant that has most in the spool.",
        lambda parts: max(parts.spool.account.bounds.tenants.values(), default=0),
    ),
    (
        "spool_share_limit_bytes",
        "How many bytes of the spool one tenant may have.",
        lambda parts: parts.spool.account.bounds.tenant_allowed,
    ),
    (
        "spool_waiting",
        "Hits that are in the spool only: taken + recovered = replayed + dropped + expired + damaged + waiting.",
        lambda parts: parts.spool.account.waiting,
    ),
    (
        "spool_oldest_seconds",
        "Age of the oldest hit that waits in the spool; past the limit it is put aside.",
        lambda parts: parts.spool.oldest_seconds(),
    ),
    (
        "spool_age_limit_seconds",
        "How old a hit of the spool may become; older ones are put aside.",
        lambda parts: parts.config.spool.max_age_seconds,
    ),
    (
        "spool_dead",
        "1 while the disk of the spool takes nothing: it failed, is full or does not answer.",
        lambda parts: parts.spool.dead,
    ),
    (
        "connections_limit",
        "How many connections of the public port this process may hold.",
        lambda parts: parts.config.limits.connections,
    ),
    (
        "settings_known",
        "1 once it is known who refuses, however long ago; 0: hits are judged before they are replayed.",
        lambda parts: parts.refusals.known,
    ),
    (
        "settings_refusals",
        "Recipients who do not allow following.",
        lambda parts: parts.refusals.refusals,
    ),
    (
        "settings_tenants_off",
        "Tenants that have engagement switched off.",
        lambda parts: parts.refusals.tenants_off,
    ),
    (
        "settings_contact_seconds",
        "Time since Kafka last answered whoever follows the settings; NaN if it never did.",
        lambda parts: _or_never(parts.refusals.contact_seconds),
    ),
    (
        "settings_snapshot_seconds",
        "Age of the settings' snapshot on the disk; NaN if there is none.",
        lambda parts: _or_never(parts.refusals.snapshot_seconds),
    ),
)

_COUNTERS: Final[tuple[tuple[str, str, _Read], ...]] = (
    (
        "producer_incarnations",
        "Producers built so far; a rise means that Kafka failed a batch or went away.",
        lambda parts: parts.journal.incarnations,
    ),
    (
        "circuit_openings",
        "How often hits began to go to the spool because Kafka did not take them in time.",
        lambda parts: parts.journal.openings,
    ),
    (
        "publish_acknowledged",
        "Hits that Kafka acknowledged in time.",
        lambda parts: parts.journal.acknowledged,
    ),
    (
        "publish_batches",
        "Batches in which Kafka acknowledged them.",
        lambda parts: parts.journal.batches,
    ),
    (
        "publish_late",
        "Hits that Kafka acknowledged when they were in the spool already; they exist twice under one id.",
        lambda parts: parts.journal.late,
    ),
    (
        "publish_refused",
        "Events that are too large for the log, which a bug would be.",
        lambda parts: parts.journal.refused,
    ),
    ("spool_taken", "Hits made safe on the disk.", lambda parts: parts.spool.account.taken),
    (
        "spool_commits",
        "Groups in which they were, each with one fdatasync.",
        lambda parts: parts.spool.account.commits,
    ),
    (
        "spool_recovered",
        "Hits found in the spool at the start, or adopted from a process that is gone.",
        lambda parts: parts.spool.account.recovered,
    ),
    (
        "spool_replayed",
        "Hits of the spool that Kafka has now.",
        lambda parts: parts.spool.account.replayed,
    ),
    (
        "spool_dropped",
        "Hits of the spool that were not to be recorded: their recipients refuse.",
        lambda parts: parts.spool.account.dropped,
    ),
    (
        "spool_expired",
        "Hits put aside: too old to be replayed, or refused by Kafka.",
        lambda parts: parts.spool.account.expired,
    ),
    (
        "spool_damaged",
        "Hits of the spool that could not be read when they were to be replayed.",
        lambda parts: parts.spool.account.damaged,
    ),
    (
        "spool_lost",
        "Hits in damaged parts of files, as far as their number is known; nobody had counted them yet.",
        lambda parts: parts.spool.account.lost,
    ),
    (
        "spool_adopted_files",
        "Files taken over from processes that are gone.",
        lambda parts: parts.spool.account.adopted,
    ),
    (
        "spool_corrupt_bytes",
        "Bytes of the spool found damaged, put into quarantine.",
        lambda parts: parts.spool.account.corrupt_bytes,
    ),
    (
        "spool_torn_bytes",
        "Bytes cut off the ends of files that were open at a crash; nobody was promised them.",
        lambda parts: parts.spool.account.torn_bytes,
    ),
    (
        "spool_gaps",
        "Files of the spool that should be there and are not.",
        lambda parts: parts.spool.account.gaps,
    ),
    (
        "spool_unreadable",
        "Files of the spool that the disk did not give.",
        lambda parts: parts.spool.account.unreadable,
    ),
    (
        "spool_io_errors",
        "How often the disk failed when the spool wrote to it.",
        lambda parts: parts.spool.account.io_errors,
    ),
    (
        "replay_failures",
        "Replays of a file that were broken off, to be begun anew.",
        lambda parts: parts.replay.failures,
    ),
    (
        "settings_refused_records",
        "Records of the settings' log that could not be read and were passed over.",
        lambda parts: parts.refusals.refused_records,
    ),
    (
        "settings_snapshots_ignored",
        "Snapshots of the settings that were damaged or foreign.",
        lambda parts: parts.refusals.snapshots_ignored,
    ),
    (
        "settings_snapshot_failures",
        "Snapshots of the settings that could not be written.",
        lambda parts: parts.refusals.snapshot_failures,
    ),
)

_BY_REASON: Final[tuple[tuple[str, str, Callable[[Parts], Mapping[str, int]]], ...]] = (
    (
        "handed_to_spool",
        "Hits that went to the spool instead of Kafka, by reason.",
        lambda parts: {why.value: number for why, number in parts.journal.handed.items()},
    ),
    (
        "spool_refused",
        "Hits that the spool did not take, by reason; Kafka did not either, so they were answered with 503.",
        lambda parts: {why.value: number for why, number in parts.spool.account.refused.items()},
    ),
)


class Figures(Collector):
    """Reads every figure at each scrape."""

    def __init__(self, registry: CollectorRegistry, parts: Parts) -> None:
        self._parts: Final = parts
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """Show them."""
        for name, meaning, read in _GAUGES:
            yield GaugeMetricFamily(
                f"inkling_tracker_{name}", meaning, value=float(read(self._parts))
            )
        for name, meaning, read in _COUNTERS:
            yield CounterMetricFamily(
                f"inkling_tracker_{name}", meaning, value=float(read(self._parts))
            )
        under_way = GaugeMetricFamily(
            "inkling_tracker_under_way",
            "Hits that nothing has become of yet, by what they wait for.",
            labels=["path"],
        )
        under_way.add_metric(["object_store"], self._parts.counted.finding)
        under_way.add_metric(["kafka"], self._parts.journal.under_way)
        under_way.add_metric(["spool"], self._parts.spool.under_way)
        yield under_way
        for name, meaning, reasons in _BY_REASON:
            family = CounterMetricFamily(f"inkling_tracker_{name}", meaning, labels=["reason"])
            for reason, number in reasons(self._parts).items():
                family.add_metric([reason], number)
            yield family


def _or_never(seconds: float | None) -> float:
    return _NEVER if seconds is None else seconds
