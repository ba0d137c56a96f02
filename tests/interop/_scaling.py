"""What KEDA's Apache Kafka scaler makes of the offsets it sees, and what we say they must be.

The rules are those of kedacore/keda, pkg/scalers/kafka_scaler.go, as of 2026: `getLagForPartition` and `getTotalLag`;
then the autoscaler of Kubernetes divides the metric by the threshold and rounds up.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from schemas import topics
from tests.faults.ledger import Part

NOT_COMMITTED: Final = -1
KEDAS_THRESHOLD: Final = 10
"""What KEDA takes where a trigger names none."""


class ScalerError(Exception):
    """The program could not see what was asked for, or did not say it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """A trigger's metadata, as far as it matters here; without a topic all of the group's are meant."""

    group: str
    topic: str = ""
    threshold: int = KEDAS_THRESHOLD
    allow_idle: bool = False
    only_lagging: bool = False

    def line(self) -> bytes:
        """Write what the program is asked."""
        return json.dumps({"consumerGroup": self.group, "topic": self.topic}).encode() + b"\n"


@dataclass(frozen=True, slots=True)
class Seen:
    """A partition as the program sees it."""

    topic: str
    partition: int
    committed: int
    newest: int

    @property
    def lag(self) -> int:
        """KEDA's: a partition without an offset counts as one record (`offsetResetPolicy: latest`, its default)."""
        return 1 if self.committed == NOT_COMMITTED else self.newest - self.committed


def parsed(line: bytes) -> list[Seen]:
    """Read one answer of the program; ScalerError when it holds none."""
    try:
        told = json.loads(line)
        if told.get("error"):
            raise ScalerError(told["error"])
        return [
            Seen(one["topic"], one["partition"], one["committed"], one["newest"])
            for one in told["partitions"]
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ScalerError(f"not an answer: {line!r}") from error


def metric(trigger: Trigger, seen: Sequence[Seen]) -> int:
    """Say what KEDA tells the autoscaler: the lag of all partitions, bounded by how many can be worked on."""
    lag = sum(one.lag for one in seen)
    bound = sum(one.lag > 0 for one in seen) if trigger.only_lagging else len(seen)
    bounded = trigger.only_lagging or not trigger.allow_idle
    if bounded and lag // trigger.threshold > bound:
        return bound * trigger.threshold
    return lag


def replicas(trigger: Trigger, seen: Sequence[Seen]) -> int:
    """Say how many are wanted; the autoscaler never goes below one (below that, to none, goes KEDA by itself)."""
    return max(1, -(-metric(trigger, seen) // trigger.threshold))


def active(seen: Sequence[Seen]) -> bool:
    """Tell whether KEDA would start the first replica (`activationLagThreshold: 0`, its default)."""
    return sum(one.lag for one in seen) > 0


def behind(seen: Sequence[Seen], expected: Mapping[int, int]) -> list[str]:
    """Name the partitions that have no offset, or another lag than expected (0 unless told)."""
    said = [] if seen else ["no partition is seen"]
    for one in seen:
        where = f"{one.topic}/{one.partition}"
        if one.committed == NOT_COMMITTED:
            said.append(f"{where} has no committed offset")
        elif one.lag != expected.get(one.partition, 0):
            said.append(f"{where} lags {one.lag}, expected {expected.get(one.partition, 0)}")
    return said


def sent(acknowledged: Counter[Part], partitions: int) -> dict[int, int]:
    """Count the hits that were recorded by the partition of the events that each must lie in."""
    found: Counter[int] = Counter()
    for part, count in acknowledged.items():
        key = topics.message_key(UUID(part.message_id))
        found[topics.partition_of(key, partitions)] += count
    return dict(found)


def row(trigger: Trigger, seen: Sequence[Seen]) -> str:
    """Write a line of the table."""
    committed, newest = sum(one.committed for one in seen), sum(one.newest for one in seen)
    figures = f"{committed:>9} {newest:>7} {sum(one.lag for one in seen):>5}"
    wanted = f"{'yes' if active(seen) else 'no':>6} {replicas(trigger, seen):>8}"
    return f"{trigger.group:<18} {trigger.topic:<24} {len(seen):>5} {figures} {wanted}"


HEAD: Final = (
    f"{'group':<18} {'topic':<24} {'lanes':>5} {'committed':>9} {'newest':>7} {'lag':>5}"
    f" {'active':>6} {'replicas':>8}"
)
