"""Makes events safe: in Kafka, all replicas, while that works in time; else on this node's disk; and tells who waits.

For each partition one batch is open and at most one under way; one timer sends what is open. Costs per hit are kept to
a few list operations: what can be done per batch or per flush is done there.
"""

import asyncio
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

from schemas import instant, topics
from schemas.envelope import Headers
from schemas.instant import Instant
from services.runtime.clock import Clock, Deadline
from services.runtime.errors import Fatal, Poison, Transient
from services.runtime.incarnations import START_SECONDS, Incarnations, Offering
from services.runtime.kafka import MAX_RECORD_BYTES
from services.runtime.leases import Lane
from services.runtime.log import get_logger
from services.tracker.batches import Flight, Partition, Why, size_of
from services.tracker.circuit import Circuit, State
from services.tracker.entry import RECORDED_TIME, Entry, Spooling, Waiter, Where

log = get_logger(__name__)

T = TypeVar("T")

DRAIN_SECONDS: Final = 2.0
"""What Kafka may take of a drain; the rest goes to the spool."""
_STALL_SECONDS: Final = 0.05
_COMPLAIN_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long an event may take and how much may be under way."""

    flush_seconds: float = 0.01
    """A batch costs about as much as the records of ten, so patience is cheap; p99 is to stay below 25 ms."""
    flush_records: int = 192
    """So many open records are sent without waiting for the timer."""
    kafka_seconds: float = 0.25
    bytes_in_flight: int = 64 * 1024 * 1024


class Journal:
    """Keeps what `entry.Journaling` promises."""

    def __init__(
        self,
        build: Callable[[int], Offering],
        spool: Spooling,
        clock: Clock,
        limits: Limits,
        observe: Callable[[float, int], None],
        topic: str = topics.EVENTS.name,
    ) -> None:
        """`observe` is told, once for each batch that Kafka acknowledged, the age of its oldest event and its size."""
        self._incarnations: Final = Incarnations(build, self._prepare, self._came_up)
        self._circuit: Final = Circuit(limits.kafka_seconds)
        self._spool: Final = spool
        self._clock: Final = clock
        self._limits: Final = limits
        self._observe: Final = observe
        self._topic: Final = topic
        self._count = 0
        self._producer: Offering | None = None
        # Of the current producer; none while the circuit is open.
        self._partitions: list[Partition] = []
        # The same while hits are offered to Kafka, else none: the one question asked for each hit.
        self._taking: list[Partition] = []
        self._dirty: list[Partition] = []
        self._opened = 0.0
        self._unsent = 0
        self._timer: asyncio.TimerHandle | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._running: asyncio.Task[None] | None = None
        self._drained: asyncio.Event | None = None
        self._complained_at: float | None = None
        self.acknowledged = 0
        self.batches = 0
        self.late = 0
        self.refused = 0
        self.handed: Final = dict.fromkeys(Why, 0)
        self.bytes_in_flight = 0
        self.bytes_allowed: Final = limits.bytes_in_flight

    def write(self, entry: Entry, waiter: Waiter, *, filtered: bool = True) -> None:
        """Make an entry safe; see `Journaling.write`."""
        taking = self._taking
        size = size_of(entry)
        in_flight = self.bytes_in_flight + size
        if not taking or not filtered or in_flight > self.bytes_allowed or size > MAX_RECORD_BYTES:
            self._write_elsewhere(entry, waiter, size, filtered=filtered)
            return
        self.bytes_in_flight = in_flight
        partition = taking[topics.partition_of(entry.key, len(taking))]
        if not partition.entries:
            if self._timer is None:
                loop = asyncio.get_running_loop()
                self._opened = loop.time()
                self._timer = loop.call_later(self._limits.flush_seconds, self._flush)
            partition.since = self._opened
            self._dirty.append(partition)
        partition.entries.append(entry)
        partition.waiters.append(waiter)
        partition.size += size
        self._unsent += 1
        if self._unsent >= self._limits.flush_records:
            self._flush()

    async def run(self) -> None:
        """Keep a producer alive until drained or cancelled; hits are taken before and after as well."""
        if self._drained is not None:
            return
        try:
            async with asyncio.TaskGroup() as tasks:
                self._running = tasks.create_task(self._incarnations.run())
        finally:
            self._shut(Why.DRAINING)

    async def drain(self, deadline: Deadline) -> None:
        """Offer Kafka nothing more, wait for what it has, hand the rest to the spool and end `run`.

        Takes at most DRAIN_SECONDS. What is written from now on goes to the spool, which is to be drained after this.
        """
        self._taking = []
        self._flush()
        self._drained = asyncio.Event()
        if self.bytes_in_flight:
            try:
                async with asyncio.timeout(min(DRAIN_SECONDS, deadline.remaining())):
                    await self._drained.wait()
            except TimeoutError:
                log.warning("drained_into_spool", bytes=self.bytes_in_flight)
        self._shut(Why.DRAINING)
        if self._running is not None:
            self._running.cancel()

    def problem(self) -> str | None:
        """Return None while Kafka or the spool takes events, or what is wrong with both."""
        if self._circuit.state is not State.OPEN:
            return None
        spool = self._spool.problem()
        return None if spool is None else f"{self._incarnations.trouble or 'kafka: slow'}; {spool}"

    def replayed(self) -> None:
        """Take note that Kafka acknowledged a batch of the replay."""
        self._circuit.replayed(asyncio.get_running_loop().time())
        self._let_through()

    def replay_failed(self) -> None:
        """Take note that Kafka did not acknowledge a batch of the replay."""
        self._circuit.replay_failed()

    def replay_idle(self, *, idle: bool) -> None:
        """Take note of whether the replay has anything to offer."""
        self._circuit.replay_idle(asyncio.get_running_loop().time(), idle=idle)
        self._let_through()

    @property
    def state(self) -> State:
        """Where hits go now."""
        return self._circuit.state

    @property
    def openings(self) -> int:
        """How often the circuit opened."""
        return self._circuit.openings

    @property
    def incarnations(self) -> int:
        """How many producers were built so far."""
        return self._incarnations.count

    @property
    def under_way(self) -> int:
        """How many events are in neither Kafka nor the spool's hands."""
        flown = sum(flight.count for flight in self._flights() if not flight.late)
        return flown + sum(len(each.entries) for each in self._partitions)

    def oldest_seconds(self) -> float:
        """Return how long the oldest event has waited that is in neither Kafka nor the spool's hands."""
        waiting = [each.since for each in self._partitions if each.entries]
        waiting += [flight.since for flight in self._flights() if not flight.late]
        return max(0.0, asyncio.get_running_loop().time() - min(waiting)) if waiting else 0.0

    async def _prepare(self, producer: Offering) -> None:
        self._count = await producer.prepare(self._topic, START_SECONDS)

    def _came_up(self, producer: Offering) -> None:
        self._producer = producer
        self._circuit.came_up(asyncio.get_running_loop().time())
        self._let_through()

    def _let_through(self) -> None:
        """Offer hits to Kafka if the circuit has just closed."""
        if self._circuit.state is State.OPEN or self._partitions or self._drained is not None:
            return
        self._partitions = [Partition(Lane(self._topic, number)) for number in range(self._count)]
        self._taking = self._partitions
        log.info("circuit_closed", partitions=self._count)

    def _flush(self) -> None:
        """Offer every open batch; a busy partition lets its own grow until it is free."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._unsent = 0
        if not self._dirty:
            return
        dirty, self._dirty = self._dirty, []
        moment = self._moment()
        for partition in dirty:
            partition.due = True
            if partition.flight is None:
                self._send(partition, *moment)

    def _moment(self) -> tuple[float, int, Headers]:
        """Return the loop's time, and what all records say that are produced now."""
        now = self._clock.now()
        recorded = ((RECORDED_TIME, instant.text(Instant(now)).encode()),)
        return asyncio.get_running_loop().time(), now // 1000, recorded

    def _send(self, partition: Partition, now: float, now_ms: int, recorded: Headers) -> None:
        if partition.retired or not partition.entries or self._producer is None:
            return
        flight = partition.flight = partition.take(now)
        landed = partial(self._land, flight)
        try:
            taken = self._producer.offer(partition.lane, flight.entries, recorded, now_ms, landed)
        except (Transient, Poison, Fatal) as error:
            self._land(flight, error)
            return
        if taken < flight.count:
            flight.put_back(taken)
        if self._watch is None:
            self._watch_at(now + self._limits.kafka_seconds)

    def _land(self, flight: Flight, error: Exception | None) -> None:
        """Take the outcome of a batch, also of one that nobody waits for any more."""
        partition = flight.partition
        partition.flight = None
        if error is not None:
            self._fail(flight, error)
            return
        if flight.late:
            self.late += flight.count
        else:
            self.acknowledged += flight.count
            self.batches += 1
            self.bytes_in_flight -= flight.size
            self._circuit.acknowledged()
            self._incarnations.worked()
            age = asyncio.get_running_loop().time() - flight.since
            self._observe(age, flight.count)
        if partition.due:
            self._send(partition, *self._moment())
        self._maybe_drained()
        if not flight.late:
            self._settle(iter(flight.waiters))

    def _fail(self, flight: Flight, error: Exception) -> None:
        """Open the circuit: a batch that failed for good leaves a hole that fails all after it."""
        if not flight.partition.retired:
            self._circuit.failed(asyncio.get_running_loop().time())
            self._shut(Why.FAILED, error)
        if flight.late:
            return
        if isinstance(error, Poison) and flight.count == 1:
            self.bytes_in_flight -= flight.size
            self._refuse(flight.waiters[0], error)
        else:
            self._hand_over(flight, Why.FAILED)

    def _check(self, planned: float) -> None:
        """Hand what is late to the spool, and open the circuit if too much is."""
        self._watch = None
        loop = asyncio.get_running_loop()
        now = loop.time()
        if now - planned > _STALL_SECONDS:
            # We were slow, not Kafka: its answers may lie in the socket.
            self._watch = loop.call_later(_STALL_SECONDS / 2, self._check, math.inf)
            return
        seconds = self._limits.kafka_seconds
        now += 0.001  # the loop's timers are no finer
        due: list[float] = []
        for flight in self._flights():
            if flight.late:
                self._circuit.waiting(now - flight.sent, now)
                due.append(flight.sent + 2 * seconds)
            elif now - flight.sent >= seconds:
                self._hand_over(flight, Why.LATE)
                self._circuit.missed(now)
                due.append(flight.sent + 2 * seconds)
            else:
                due.append(flight.sent + seconds)
        for partition in self._partitions:
            if partition.entries and now - partition.since >= seconds:
                # Behind a batch that is under way, for a timer would have sent it long since.
                self._hand_over(partition.take(now), Why.LATE)
                self._circuit.missed(now)
            elif partition.entries and partition.due:
                due.append(partition.since + seconds)
        if self._partitions and self._circuit.state is State.OPEN:
            self._shut(Why.LATE, Transient("kafka: no acknowledgement in time"))
        elif due:
            self._watch_at(min(due))
        self._maybe_drained()

    def _watch_at(self, planned: float) -> None:
        self._watch = asyncio.get_running_loop().call_at(planned, self._check, planned)

    def _shut(self, why: Why, error: Exception | None = None) -> None:
        """Offer nothing more: throw the producer away and hand all that is open to the spool."""
        partitions, self._partitions, self._taking = self._partitions, [], []
        producer, self._producer = self._producer, None
        if producer is not None and error is not None:
            self._incarnations.throw_away(producer, error)
        if partitions and error is not None:
            log.warning("circuit_opened", reason=str(error))
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        now = asyncio.get_running_loop().time()
        for partition in partitions:
            partition.retired = True
            if partition.flight is not None and not partition.flight.late:
                self._hand_over(partition.flight, why)
            if partition.entries:
                self._hand_over(partition.take(now), why)
        if self._drained is not None:
            self._drained.set()

    def _hand_over(self, flight: Flight, why: Why) -> None:
        """Give a batch's entries to the spool, under their old ids, whatever Kafka may still do."""
        flight.late = True
        self.bytes_in_flight -= flight.size
        self.handed[why] += flight.count
        pairs = zip(flight.entries, flight.waiters, strict=True)
        flight.entries, flight.waiters = [], []
        self._put(pairs)

    def _put(self, pairs: Iterator[tuple[Entry, Waiter]]) -> None:
        try:
            for entry, waiter in pairs:
                self._spool.put(entry, waiter)
        finally:
            self._later(self._put, pairs)

    def _write_elsewhere(self, entry: Entry, waiter: Waiter, size: int, *, filtered: bool) -> None:
        if size > MAX_RECORD_BYTES:
            self._refuse(waiter, Poison("record_too_large", f"{size} bytes"))
            return
        if not filtered:
            why = Why.UNFILTERED
        elif self._taking:
            why = Why.FULL
        else:
            why = Why.OPEN if self._drained is None else Why.DRAINING
        self.handed[why] += 1
        self._spool.put(entry, waiter, filtered=filtered)

    def _settle(self, waiters: Iterator[Waiter]) -> None:
        where = Where.KAFKA  # looking it up costs as much as a call
        try:
            for waiter in waiters:
                waiter.settle(where)
        finally:
            self._later(self._settle, waiters)

    def _later(self, go_on: Callable[[Iterator[T]], None], left: Iterator[T]) -> None:
        """Go on behind a waiter that broke its promise not to raise, which is reported meanwhile."""
        rest = list(left)
        if rest:
            asyncio.get_running_loop().call_soon(go_on, iter(rest))

    def _refuse(self, waiter: Waiter, error: Exception) -> None:
        """Settle what nobody will ever take; not logged each time, for a stranger may repeat it."""
        self.refused += 1
        now = self._clock.monotonic()
        if self._complained_at is None or now - self._complained_at > _COMPLAIN_SECONDS:
            self._complained_at = now
            log.error("event_refused", reason=str(error))
        waiter.settle(Where.NOWHERE)

    def _maybe_drained(self) -> None:
        if self._drained is not None and not self.bytes_in_flight:
            self._drained.set()

    def _flights(self) -> list[Flight]:
        return [each.flight for each in self._partitions if each.flight is not None]
