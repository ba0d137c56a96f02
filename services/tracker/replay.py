"""Brings what the spool holds to Kafka, oldest segment first, at a pace that leaves live hits their latency.

Has a producer of its own, so that nothing live queues behind it. A segment is done when Kafka has all of it; until then
it is begun anew after any failure or crash, for whoever reads the log knows each event by its id.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from schemas import instant, topics
from schemas.envelope import Headers
from schemas.instant import Instant
from services.runtime.clock import Clock
from services.runtime.errors import Fatal, Poison, Transient
from services.runtime.incarnations import START_SECONDS, Incarnations, Offering
from services.runtime.leases import Lane
from services.runtime.log import get_logger
from services.runtime.retry import Backoff
from services.tracker.entry import RECORDED_TIME, Entry

log = get_logger(__name__)

S = TypeVar("S")

Spooled = tuple[Entry, bool]
"""An event, and whether it was judged when it came in."""

_AGAIN: Final = Backoff(first_seconds=0.2, ceiling_seconds=5.0)
_LOOK_SECONDS: Final = 0.25


class Backlog(Protocol[S]):
    """What the replay asks of the spool."""

    async def next_segment(self) -> S | None:
        """Return the oldest complete segment that is not too old, always the same until it is gone."""
        ...

    def blocks(self, segment: S) -> AsyncGenerator[Sequence[Spooled], None]:
        """Yield its events in order; Transient when the disk does not give them: then the segment is out of the way."""
        ...

    async def finished(self, segment: S, dropped: int = 0) -> None:
        """Remove a segment that Kafka has, but for so many of its events that were not to be produced."""
        ...

    async def expire(self, segment: S) -> None:
        """Put a segment aside for an operator to judge."""
        ...


class Judge(Protocol):
    """What the replay asks of the settings."""

    @property
    def known(self) -> bool:
        """Whether settings were read at all."""
        ...

    def admits(self, entry: Entry) -> bool:
        """Tell whether an event is to be produced; asked only when settings are known."""
        ...


class Told(Protocol):
    """Who is told how the replay fares: the journal, for its circuit."""

    def replayed(self) -> None:
        """Kafka acknowledged a slice in good time."""
        ...

    def replay_failed(self) -> None:
        """Kafka did not."""
        ...

    def replay_idle(self, *, idle: bool) -> None:
        """Whether there is nothing that could be offered to Kafka."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How much at a time, how patient, and how much of the time."""

    slice_records: int = 256
    good_seconds: float = 0.25
    """A slice acknowledged within this shows that Kafka is fit for live hits."""
    patience_seconds: float = 5.0
    """One that is not acknowledged within this has failed."""
    duty: float = 0.3
    """The part of the time that may be spent on slices while hits come in."""
    quiet_rate: float = 200.0
    """Up to so many hits a second, all of the time may be."""


class Replay(Generic[S]):
    """Replays until cancelled."""

    def __init__(
        self,
        build: Callable[[int], Offering],
        backlog: Backlog[S],
        judge: Judge,
        told: Told,
        hits: Callable[[], int],
        clock: Clock,
        pace: Pace | None = None,
        topic: str = topics.EVENTS.name,
    ) -> None:
        """`hits` returns how many hits came in so far."""
        self._incarnations: Final = Incarnations(build, self._prepare)
        self._backlog: Final = backlog
        self._judge: Final = judge
        self._told: Final = told
        self._traffic: Final = _Traffic(hits)
        self._clock: Final = clock
        self._pace: Final = pace or Pace()
        self._topic: Final = topic
        self._count = 0
        self._try: _Try[S] | None = None
        self.replayed = 0
        self.dropped = 0
        self.refused = 0
        self.segments = 0
        self.failures = 0

    @property
    def incarnations(self) -> int:
        """How many producers were built so far."""
        return self._incarnations.count

    async def run(self) -> None:
        """Keep a producer alive and replay, until cancelled; what is under way then is replayed again some day."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._incarnations.run())
            tasks.create_task(self._replay_all())

    async def _replay_all(self) -> None:
        failures = 0
        while True:
            segment = await self._backlog.next_segment()
            self._told.replay_idle(idle=segment is None)
            if segment is None:
                await asyncio.sleep(_LOOK_SECONDS)
            elif await self._replay(segment):
                failures = 0
            else:
                self.failures += 1
                await asyncio.sleep(_AGAIN.delay(failures, random.random()))  # noqa: S311 no secret
                failures += 1

    async def _replay(self, segment: S) -> bool:
        """Return whether a segment is done."""
        deadline = asyncio.get_running_loop().time() + self._pace.patience_seconds
        producer = await self._incarnations.live(deadline)
        if producer is None:
            self._told.replay_failed()
            return False
        if self._try is None or self._try.segment != segment:
            self._try = _Try(segment, self._pace.slice_records)
        try:
            sent, dropped = await self._send_all(producer, self._try)
        except (Transient, Fatal):
            return False
        except Poison as error:
            if self._try.narrow():
                log.error("spooled_event_refused", reason=str(error))
            return False
        self.replayed += sent
        self.dropped += dropped
        self.refused += len(self._try.refused)
        self.segments += 1
        if self._try.refused:
            # Kafka has the others; what it refuses is kept for whoever can change its limits.
            await self._backlog.expire(segment)
        else:
            await self._backlog.finished(segment, dropped)
        return True

    async def _send_all(self, producer: Offering, attempt: "_Try[S]") -> tuple[int, int]:
        """Return how many events were sent and how many were not to be."""
        sent = dropped = 0
        attempt.position = 0
        async with aclosing(self._backlog.blocks(attempt.segment)) as blocks:
            async for block in blocks:
                for start in range(0, len(block), attempt.records):
                    part = block[start : start + attempt.records]
                    entries = await self._judged(attempt.without_refused(part))
                    dropped += len(part) - len(entries)
                    sent += len(entries)
                    if entries:
                        await self._send_in_turn(producer, entries)
                    attempt.position += len(part)
        return sent, dropped - len(attempt.refused)

    async def _judged(self, part: Sequence[Spooled]) -> list[Entry]:
        """Return what may be produced, once that can be told."""
        if not self._judge.known and not all(filtered for _, filtered in part):
            self._told.replay_idle(idle=True)
            while not self._judge.known:  # noqa: ASYNC110 it tells nobody
                await asyncio.sleep(_LOOK_SECONDS)
            self._told.replay_idle(idle=False)
        return [entry for entry, filtered in part if filtered or self._judge.admits(entry)]

    async def _send_in_turn(self, producer: Offering, entries: list[Entry]) -> None:
        """Send a slice, then rest for as long as live hits are owed."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        try:
            await self._send(producer, entries)
        except (Transient, Poison, Fatal) as error:
            self._incarnations.throw_away(producer, error)
            self._told.replay_failed()
            raise
        seconds = loop.time() - begun
        self._incarnations.worked()
        if seconds <= self._pace.good_seconds:
            self._told.replayed()
        else:
            self._told.replay_failed()
        if self._traffic.rate(loop.time()) > self._pace.quiet_rate:
            await asyncio.sleep(seconds * (1 - self._pace.duty) / self._pace.duty)

    async def _send(self, producer: Offering, entries: list[Entry]) -> None:
        """Return once Kafka has all of them."""
        lanes: dict[int, list[Entry]] = {}
        for entry in entries:
            lanes.setdefault(topics.partition_of(entry.key, self._count), []).append(entry)
        now = self._clock.now()
        recorded = ((RECORDED_TIME, instant.text(Instant(now)).encode()),)
        try:
            async with asyncio.timeout(self._pace.patience_seconds):
                while lanes:
                    lanes = await self._round(producer, lanes, recorded, now // 1000)
        except TimeoutError:
            raise Transient("kafka: no acknowledgement in time") from None

    async def _round(
        self, producer: Offering, lanes: dict[int, list[Entry]], recorded: Headers, now_ms: int
    ) -> dict[int, list[Entry]]:
        """Send one batch to each partition and return what did not fit."""
        flight = _Flight(len(lanes))
        left: dict[int, list[Entry]] = {}
        for number, entries in lanes.items():
            lane = Lane(self._topic, number)
            taken = producer.offer(lane, entries, recorded, now_ms, flight.landed)
            if taken < len(entries):
                left[number] = entries[taken:]
            # Live hits wait for one partition's batch at most.
            await asyncio.sleep(0)
        await flight.end()
        return left

    async def _prepare(self, producer: Offering) -> None:
        self._count = await producer.prepare(self._topic, START_SECONDS)


class _Try(Generic[S]):
    """What is known of a segment that is being replayed, from one attempt to the next."""

    def __init__(self, segment: S, records: int) -> None:
        self.segment: Final = segment
        self.records = records
        """How many make a slice."""
        self.position = 0
        """How many events lie before the slice that is sent."""
        self.refused: Final[set[int]] = set()
        """Where the events lie that the broker does not take."""

    def narrow(self) -> bool:
        """Find out by smaller slices what it is that the broker refuses; True when it is found."""
        if self.records > 1:
            self.records = max(1, self.records // 4)
            return False
        self.refused.add(self.position)
        return True

    def without_refused(self, part: Sequence[Spooled]) -> Sequence[Spooled]:
        """Leave out of a slice what the broker refused before."""
        if not self.refused:
            return part
        numbered = enumerate(part, self.position)
        return [spooled for number, spooled in numbered if number not in self.refused]


class _Flight:
    """Batches that are under way together."""

    def __init__(self, count: int) -> None:
        self._left = count
        self._error: Exception | None = None
        self._ended: Final = asyncio.Event()

    def landed(self, error: Exception | None) -> None:
        self._left -= 1
        # Poison says most: it is about the records.
        if error is not None and not isinstance(self._error, Poison):
            self._error = error
        if self._left == 0:
            self._ended.set()

    async def end(self) -> None:
        """Wait for all; raise what one failed with."""
        await self._ended.wait()
        if self._error is not None:
            raise self._error


class _Traffic:
    """How many hits come in a second, as far as that is known."""

    def __init__(self, hits: Callable[[], int]) -> None:
        self._hits: Final = hits
        self._at: float | None = None
        self._before = 0
        self._rate = 0.0

    def rate(self, now: float) -> float:
        """Return the rate since it was last measured, at least a quarter of a second ago."""
        if self._at is None:
            self._at, self._before = now, self._hits()
        elif now - self._at >= _LOOK_SECONDS:
            hits = self._hits()
            self._rate = (hits - self._before) / (now - self._at)
            self._at, self._before = now, hits
        return self._rate
