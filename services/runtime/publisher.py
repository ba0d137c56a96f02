"""Publishes records in batches, and never hangs: each record is acknowledged or failed in time.

Producers come and go underneath: whatever fails in a way that is not the record's own fault throws
the incarnation away, and another one is built while records wait out their deadline.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from services.runtime.clock import Clock, Deadline
from services.runtime.errors import Fatal, Poison, Transient
from services.runtime.incarnations import Incarnations, producers
from services.runtime.kafka import MAX_RECORD_BYTES, Outgoing, Producer
from services.runtime.leases import Lane


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long a record may take and how much may be under way."""

    publish_seconds: float = 1.0
    flush_seconds: float = 0.005
    batch_bytes: int = 512 * 1024
    batch_records: int = 2000
    bytes_in_flight: int = 64 * 1024 * 1024


class Acknowledged(NamedTuple):
    """Where an acknowledged record lies; a tuple, since every hit gets one."""

    lane: Lane
    offset: int


class Publishing(Protocol):
    """What a service asks of a publisher; Kafka's and the tests' own in memory keep one contract."""

    def publish(
        self, topic: str, partition: int, record: Outgoing
    ) -> "asyncio.Future[Acknowledged]":
        """Add a record to its lane's open batch; the result is there once all replicas have it.

        Transient (also at once, when too much is under way): the record may or may not be written.
        Poison: it never will be. Cancelling the wait neither withdraws it nor disturbs others.
        """
        ...

    async def partitions(self, topic: str) -> int:
        """Return the topic's partition count; Transient while Kafka has not told it."""
        ...

    def healthy(self) -> str | None:
        """Return None, or why records cannot be published now."""
        ...

    async def drain(self, deadline: Deadline) -> None:
        """Take no more, and finish what was taken or fail it when the deadline comes."""
        ...


@dataclass(slots=True, kw_only=True, eq=False)
class _Batch:
    timestamp_ms: int
    deadline: float
    expiry: asyncio.TimerHandle | None = None
    records: list[Outgoing] = field(default_factory=list)
    waiters: list[asyncio.Future[Acknowledged]] = field(default_factory=list)
    size: int = 0
    due: bool = False
    settled: bool = False


@dataclass(slots=True, eq=False)
class _Queue:
    """The batches of one lane: full ones in order, and the one that is still open."""

    wake: asyncio.Event = field(default_factory=asyncio.Event)
    full: deque[_Batch] = field(default_factory=deque)
    open: _Batch | None = None

    def seal(self) -> None:
        if self.open is not None:
            self.full.append(self.open)
            self.open = None
            self.wake.set()

    def take(self) -> _Batch | None:
        if not self.full and self.open is not None and self.open.due:
            self.seal()
        return self.full.popleft() if self.full else None


class Publisher:
    """Publishes to Kafka: one open batch and one sending task for each lane, one timer for all."""

    def __init__(
        self, servers: str, client_id: str, clock: Clock, limits: Limits | None = None
    ) -> None:
        self._producers = Incarnations[Producer](producers(servers, client_id))
        self._clock = clock
        self._limits = limits or Limits()
        self._queues: dict[Lane, _Queue] = {}
        self._unsettled: dict[_Batch, None] = {}
        self._counts: dict[str, int] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._group: asyncio.TaskGroup | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._idle = asyncio.Event()
        self._idle.set()
        self._draining = False
        self.acknowledged = 0
        self.failed = 0
        self.refused = 0
        self.bytes_in_flight = 0
        self.bytes_allowed = self._limits.bytes_in_flight

    async def run(self) -> None:
        """Keep a producer alive and send, until drained or cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                self._tasks.append(group.create_task(self._producers.run()))
                for lane, queue in self._queues.items():
                    self._tasks.append(group.create_task(self._serve(lane, queue)))
        finally:
            self._group = None

    def publish(
        self, topic: str, partition: int, record: Outgoing
    ) -> "asyncio.Future[Acknowledged]":
        """Add a record to its lane's open batch; see `Publishing.publish`."""
        size = record.size()
        if size > MAX_RECORD_BYTES:
            raise Poison("record_too_large", f"{size} bytes for {topic}")
        if self._draining or self.bytes_in_flight + size > self.bytes_allowed:
            self.refused += 1
            raise Transient("publisher: draining" if self._draining else "publisher: full")
        queue = self._queue(Lane(topic, partition))
        batch = queue.open
        if batch is not None and batch.size + size > self._limits.batch_bytes:
            queue.seal()
            batch = None
        if batch is None:
            batch = queue.open = self._new_batch()
        waiter: asyncio.Future[Acknowledged] = asyncio.get_running_loop().create_future()
        batch.records.append(record)
        batch.waiters.append(waiter)
        batch.size += size
        self.bytes_in_flight += size
        if len(batch.records) >= self._limits.batch_records:
            queue.seal()
        return waiter

    async def partitions(self, topic: str) -> int:
        """Return the topic's partition count; Transient while Kafka has not told it."""
        if topic not in self._counts:
            deadline = asyncio.get_running_loop().time() + self._limits.publish_seconds
            producer = await self._producers.live(deadline)
            if producer is None:
                raise Transient(self._producers.trouble or "kafka: no answer")
            remaining = deadline - asyncio.get_running_loop().time()
            self._counts[topic] = await producer.partitions(topic, remaining)
        return self._counts[topic]

    def healthy(self) -> str | None:
        """Return None, or why records cannot be published now."""
        trouble = self._producers.trouble
        if trouble is None and self.oldest_seconds() > self._limits.publish_seconds:
            return "kafka: records wait for their acknowledgement"
        return trouble

    @property
    def incarnations(self) -> int:
        """How many producers were built so far."""
        return self._producers.count

    def oldest_seconds(self) -> float:
        """Return how long the oldest unacknowledged record has waited."""
        oldest = next(iter(self._unsettled), None)
        if oldest is None:
            return 0.0
        now = asyncio.get_running_loop().time()
        return max(0.0, now - oldest.deadline + self._limits.publish_seconds)

    async def drain(self, deadline: Deadline) -> None:
        """Take no more, finish what was taken or fail it when the deadline comes, end `run`."""
        self._draining = True
        self._flush()
        try:
            async with asyncio.timeout(deadline.remaining()):
                await self._idle.wait()
        except TimeoutError:
            for batch in list(self._unsettled):
                self._settle(batch, Transient("publisher: drained before an acknowledgement"))
        for task in self._tasks:
            task.cancel()

    def _queue(self, lane: Lane) -> _Queue:
        queue = self._queues.get(lane)
        if queue is None:
            queue = self._queues[lane] = _Queue()
            if self._group is not None:
                self._tasks.append(self._group.create_task(self._serve(lane, queue)))
        return queue

    def _new_batch(self) -> _Batch:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._limits.publish_seconds
        batch = _Batch(timestamp_ms=self._clock.now() // 1000, deadline=deadline)
        batch.expiry = loop.call_at(deadline, self._expire, batch)
        self._unsettled[batch] = None
        self._idle.clear()
        if self._timer is None:
            self._timer = loop.call_later(self._limits.flush_seconds, self._flush)
        return batch

    def _flush(self) -> None:
        """Make every open batch due; a busy lane lets its own grow until the sender is free."""
        self._timer = None
        for queue in self._queues.values():
            if queue.open is not None:
                queue.open.due = True
                queue.wake.set()

    def _expire(self, batch: _Batch) -> None:
        self._settle(
            batch, Transient(self._producers.trouble or "kafka: no acknowledgement in time")
        )

    def _settle(self, batch: _Batch, result: "tuple[Lane, int] | Exception") -> None:
        """Tell everybody who still waits for this batch, once."""
        if batch.settled:
            return
        batch.settled = True
        if batch.expiry is not None:
            batch.expiry.cancel()
        del self._unsettled[batch]
        self.bytes_in_flight -= batch.size
        if not self._unsettled:
            self._idle.set()
        if isinstance(result, Exception):
            self.failed += len(batch.records)
            for waiter in batch.waiters:
                if not waiter.done():
                    waiter.set_exception(result)
            return
        lane, offset = result
        self.acknowledged += len(batch.records)
        for index, waiter in enumerate(batch.waiters):
            if not waiter.done():
                waiter.set_result(Acknowledged(lane, offset + index))

    async def _serve(self, lane: Lane, queue: _Queue) -> None:
        """Send one lane's batches, one after the other."""
        while True:
            batch = queue.take()
            if batch is None:
                queue.wake.clear()
                await queue.wake.wait()
                continue
            while not batch.settled:
                await self._attempt(lane, batch)

    async def _attempt(self, lane: Lane, batch: _Batch) -> None:
        producer = await self._producers.live(batch.deadline)
        remaining = batch.deadline - asyncio.get_running_loop().time()
        if producer is None or remaining <= 0:
            self._expire(batch)
            return
        try:
            offset = await producer.send_batch(lane, batch.records, batch.timestamp_ms, remaining)
        except Poison as error:
            # Also a refused batch leaves a hole in this incarnation's sequence numbers.
            self._producers.throw_away(producer, error)
            self._settle(batch, error)
        except (Transient, Fatal) as error:
            self._producers.throw_away(producer, error)
        else:
            self._producers.worked()
            self._settle(batch, (lane, offset))
