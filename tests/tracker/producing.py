"""A producer in memory that keeps what `services.runtime.incarnations.Offering` promises, and fails when told to."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence

from services.runtime.errors import Fatal, Poison, Transient
from services.runtime.kafka import Headers, Landed, Outgoing
from services.runtime.leases import Lane
from services.runtime.records import Keyed

Failure = Transient | Poison | Fatal


class MemoryLog:
    """The broker: what its producers wrote, and how it is at the moment."""

    def __init__(self, partitions: int = 4) -> None:
        self.partitions = partitions
        self.records: dict[Lane, list[Outgoing]] = defaultdict(list)
        self.batches: list[int] = []
        self.timestamps: set[int] = set()
        self.built: list[MemoryProducer] = []
        self.unreachable: Failure | None = None
        self.silent = False
        self.failure: Failure | None = None
        self.batch_records = 100_000
        self.refuses_above = 100_000
        self.refused: bytes | None = None
        self.seconds = 0.0

    def build(self, number: int) -> "MemoryProducer":
        """Build a producer of this log."""
        self.built.append(MemoryProducer(self))
        assert len(self.built) == number + 1
        return self.built[-1]

    def failure_of(self, batch: Sequence[Outgoing]) -> Failure | None:
        """Return why a batch is refused, if it is."""
        if len(batch) > self.refuses_above or any(one.value == self.refused for one in batch):
            return Poison("refused_by_broker", "kafka: MessageSizeTooLargeError")
        return self.failure

    def values(self) -> list[bytes]:
        """Return what all records hold, one partition after the other."""
        return [one.value or b"" for lane in sorted(self.records) for one in self.records[lane]]

    def answer(self) -> None:
        """Write and acknowledge all that was taken silently."""
        self.silent = False
        for producer in self.built:
            producer.answer()


class MemoryProducer:
    """One incarnation."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log
        self._waiting: list[tuple[Lane, list[Outgoing], Landed]] = []
        self._busy: set[Lane] = set()
        self.started = False
        self.closed = False
        self.failed = False

    async def start(self, seconds: float) -> None:
        """Connect unless the log is unreachable."""
        await asyncio.sleep(0)
        if self._log.unreachable is not None:
            raise self._log.unreachable
        self.started = True

    async def close(self, seconds: float) -> None:
        """Leave what is unacknowledged as it is: unknown to the caller."""
        self.closed = True

    async def prepare(self, topic: str, seconds: float) -> int:
        """Return the log's partition count."""
        await asyncio.sleep(0)
        if not self._log.partitions:
            raise Transient(f"kafka: there is no topic {topic}")
        return self._log.partitions

    def offer(
        self,
        lane: Lane,
        records: Sequence[Keyed],
        more: Headers,
        timestamp_ms: int,
        landed: Landed,
    ) -> int:
        """Take a batch; after one failure, as aiokafka, fail all that come."""
        if self.closed or not self.started:
            raise Transient("kafka: the producer is finished")
        assert lane not in self._busy, "two batches of one lane at a time"
        taken = [
            Outgoing(key=one.key, value=one.value, headers=(*one.headers, *more))
            for one in records[: self._log.batch_records]
        ]
        self._busy.add(lane)
        self._log.timestamps.add(timestamp_ms)
        self._waiting.append((lane, taken, landed))
        if not self._log.silent:
            asyncio.get_running_loop().call_later(self._log.seconds, self.answer)
        return len(taken)

    def answer(self) -> None:
        """Acknowledge or fail what waits, unless the log has fallen silent since."""
        if self._log.silent:
            return
        waiting, self._waiting = self._waiting, []
        for lane, taken, landed in waiting:
            self._busy.remove(lane)
            failure = self._log.failure_of(taken)
            if self.failed or failure is not None:
                self.failed = True
                landed(failure or Transient("kafka: OutOfOrderSequenceNumber"))
                continue
            self._log.records[lane] += taken
            self._log.batches.append(len(taken))
            landed(None)
