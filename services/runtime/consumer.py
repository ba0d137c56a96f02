"""Reads the lanes it can lease, and has what they bring folded; `folder` does that, exactly once.

Who reads a lane is settled by leases; that only one can write is settled by the epoch in the
checkpoint row, which every slice locks and compares. Kafka is told offsets for display only (`group_offsets`).
"""

import asyncio
import contextlib
import random
from collections.abc import Collection, Mapping, Sequence
from typing import Generic, TypeVar

from services.runtime.checkpoint import Checkpoints, Claim, Fenced, Moved, digest
from services.runtime.clock import Clock
from services.runtime.errors import Poison, Transient
from services.runtime.folder import SLICE_RECORDS, ConsumerMetrics, Fold, Folder, Held, Trouble
from services.runtime.halts import Extent, Halt, HaltReason, compare, judge
from services.runtime.kafka import Consumer, Polled, Record
from services.runtime.leases import Lane, decide
from services.runtime.lifecycle import Life
from services.runtime.log import get_logger
from services.runtime.postgres import Pool
from services.runtime.reader import Open, Reader
from services.runtime.restraint import Restraint
from services.runtime.retry import Backoff
from services.runtime.slices import Run, count
from services.runtime.topic_watch import TopicPlan, TopicWatch

__all__ = ["ConsumerMetrics", "FencedConsumer", "TopicPlan"]

log = get_logger(__name__)

_CORRUPT_ATTEMPTS = 5
_LOOK_SECONDS = 1.0
_POLL_SECONDS = 0.1
# A transaction costs as much as many records: under steady load they are given this time to gather.
PACE_SECONDS = 0.025
_REST_SECONDS = 0.003
_KAFKA_SECONDS = 5.0
_LEAVE_SECONDS = 2.0
_REBUILD_AFTER = 3
_RETRY = Backoff(first_seconds=0.1, ceiling_seconds=2.0)
_CHANCE = random.SystemRandom()

D = TypeVar("D")


class FencedConsumer(Generic[D]):
    """Reads the lanes it can lease and folds them, slice by slice, until the process stops.

    Its name and its waits come from `chance`, so that a seed can decide them.
    """

    def __init__(
        self,
        name: str,
        topics: Sequence[TopicPlan],
        pool: Pool,
        servers: str,
        fold: Fold[D],
        clock: Clock,
        metrics: ConsumerMetrics,
        *,
        reader: Open = Consumer,
        chance: random.Random = _CHANCE,
        restraint: Restraint | None = None,
        slice_records: int = SLICE_RECORDS,
    ) -> None:
        self._topics = TopicWatch(topics)
        self._servers = servers
        self._clock = clock
        self._metrics = metrics
        self._reader = reader
        self._chance = chance
        self._restraint = restraint
        self._slice_records = slice_records
        self._open: set[Lane] = set()
        self.worker = f"{name}/{chance.getrandbits(48):012x}"
        self._checkpoints = Checkpoints(pool, name, self.worker)
        self._folder = Folder(self._checkpoints, fold, clock, metrics, slice_records)
        self._consumer: Reader | None = None
        self._held: dict[Lane, Held] = {}
        self._left: dict[Lane, int] = {}
        self._stale = True
        self._look_at = 0.0
        self._paced_until = 0.0
        self._trouble: str | None = "consumer: not started yet"

    def lanes(self) -> frozenset[Lane]:
        """Return the lanes under lease now."""
        return frozenset(self._held)

    def positions(self) -> Mapping[Lane, int]:
        """Return the next offset of each lane under lease."""
        return {lane: held.next_offset for lane, held in self._held.items()}

    def take_left(self) -> Mapping[Lane, int]:
        """Return the last offsets of the lanes that were given back since the last call."""
        left, self._left = self._left, {}
        return left

    def healthy(self) -> str | None:
        """Return None, or what keeps the consumer from working; a halted lane is a metric instead."""
        return self._trouble

    async def run(self, life: Life) -> None:
        """Consume until the process is to stop, then finish the slice and give the leases back."""
        attempt = 0
        try:
            while not life.stopping.is_set():
                try:
                    await self._turn(life.stopping)
                except Transient as error:
                    self._in_trouble(str(error))
                    self._stale = True
                    attempt += 1
                    if attempt % _REBUILD_AFTER == 0:
                        await self._disconnect()
                    await _pause(life.stopping, _RETRY.delay(attempt, self._chance.random()))
                else:
                    attempt = 0
                    if not any(held.attempt for held in self._held.values()):
                        self._trouble = None
                    if missing := self._topics.trouble():
                        self._in_trouble(missing)
        finally:
            await self._leave()

    async def _turn(self, stopping: asyncio.Event) -> None:
        """Look after the leases when it is time, then take one slice of every lane that has one."""
        consumer = self._consumer or await self._connect()
        now = self._clock.monotonic()
        if now >= self._look_at:
            await self._look(consumer)
            self._look_at = self._clock.monotonic() + _LOOK_SECONDS * (
                0.75 + self._chance.random() / 2
            )
        if not self._assign(consumer, now):
            await _pause(stopping, _POLL_SECONDS)
            return
        polled = await self._read(consumer, stopping)
        begun = self._clock.monotonic()
        for lane, reason in polled.unreadable.items():
            await self._unreadable(self._held[lane], reason)
        runs = await self._fresh(polled)
        await self._pass_by(consumer, polled)
        troubles = await self._folder.fold(self._held, runs, stopping)
        for lane, trouble in troubles.items():
            await self._settle(self._held[lane], trouble)
        for lane, _ in runs:
            self._tell_lag(lane, consumer.end_offset(lane))
        backlog = count(tuple(runs)) >= self._slice_records
        self._paced_until = begun + (PACE_SECONDS if runs and not backlog else 0.0)

    async def _read(self, consumer: Reader, stopping: asyncio.Event) -> Polled:
        """Wait for records; those that come one after the other are taken together."""
        early = self._paced_until - self._clock.monotonic()
        if early <= 0:
            return await consumer.poll(_POLL_SECONDS, self._slice_records)
        await _pause(stopping, early)
        first = await consumer.poll(_POLL_SECONDS, self._slice_records)
        # The first to come were fetched at once, and while they lay there nothing else was.
        rest = await consumer.poll(_REST_SECONDS, self._slice_records)
        for lane, records in rest.records.items():
            first.records.setdefault(lane, []).extend(records)
        first.unreadable.update(rest.unreadable)
        return first

    def _assign(self, consumer: Reader, now: float) -> bool:
        """Read every lane that can go on from its checkpoint, if anything changed; any at all?"""
        for held in self._held.values():
            if held.retry_at and now >= held.retry_at:
                held.retry_at, self._stale = 0.0, True
        readable = [one for one in self._held.values() if not one.halted and not one.retry_at]
        if self._restraint is not None:
            if now < self._restraint.rest_until:
                return False
            readable = [one for one in readable if self._restraint.open(one.lane, one.next_offset)]
            opened = {one.lane for one in readable}
            self._stale, self._open = self._stale or opened != self._open, opened
        if self._stale:
            for one in readable:
                one.proving = one.anchor is not None
            consumer.assign({one.lane: one.next_offset - one.proving for one in readable})
            self._stale = False
        return bool(readable)

    async def _fresh(self, polled: Polled) -> list[Run]:
        """Return what was read and is not folded yet; a lane whose log is another is halted."""
        runs = []
        for lane, records in polled.records.items():
            if lane in polled.unreadable or not await self._is_ours(self._held[lane], records[0]):
                continue
            held = self._held[lane]
            fresh: Sequence[Record] = [one for one in records if one.offset >= held.next_offset]
            if self._restraint is not None:
                allowed = self._restraint.cut(lane, fresh)
                self._stale = self._stale or len(allowed) < len(fresh)  # to be read again later
                fresh = allowed
            if fresh:
                runs.append(Run(lane, fresh))
        return runs

    async def _pass_by(self, consumer: Reader, polled: Polled) -> None:
        """Find out about lanes that brought nothing: whether there is nothing before their bound any more."""
        if self._restraint is None:
            return
        for lane in self._open - polled.records.keys() - polled.unreadable.keys():
            self._restraint.pass_by(lane, await consumer.position(lane, _KAFKA_SECONDS))

    async def _is_ours(self, held: Held, first: Record) -> bool:
        """Compare the first record where reading begins anew with the last one that was folded.

        Not only after a claim: while Kafka was away its log may have lost a tail and grown again.
        """
        if held.anchor is None or not held.proving:
            return True
        halt = compare(held.next_offset, held.anchor, first.offset, digest(first))
        if halt is not None:
            await self._halt(held, halt)
            return False
        held.proving = False
        return True

    async def _settle(self, held: Held, trouble: Trouble) -> None:
        """Do what is right for a lane that did not get on."""
        match trouble:
            case Fenced():
                self._fenced(held)
            case Moved():
                # Claimed anew at once, with all that is checked then: the database may be another one.
                self._forget(held, "moved")
                self._look_at = 0.0
            case Transient():
                self._retry_later(held, str(trouble))
            case Poison():
                await self._halt(held, Halt(HaltReason.POISON_FLOOD, trouble.detail))

    async def _unreadable(self, held: Held, reason: str) -> None:
        """Deal with a lane that Kafka does not give us from where we stand."""
        self._stale = True
        if reason == "offset_out_of_range":
            self._forget(held, reason)  # the next claim compares with what Kafka has
            self._look_at = 0.0
            return
        held.corrupt += 1
        if held.corrupt < _CORRUPT_ATTEMPTS:
            self._retry_later(held, f"{held.lane}: {reason}")
        else:
            detail = f"the batch at or after {held.next_offset} cannot be read"
            await self._halt(held, Halt(HaltReason.CORRUPT_RECORD, detail))

    async def _halt(self, held: Held, halt: Halt) -> None:
        reason, detail = halt
        await self._checkpoints.halt(*held.lease, reason, detail)
        held.halted, self._stale = reason, True
        # Its lease is kept, as one's that gets on; else nobody would see that an operator lets it go on.
        held.attempt, held.corrupt, held.retry_at = 0, 0, 0.0
        self._metrics.halted(held.lane, reason)
        offset = held.next_offset
        log.error("lane_halted", lane=str(held.lane), reason=reason, offset=offset, detail=detail)

    def _retry_later(self, held: Held, trouble: str) -> None:
        self._in_trouble(trouble)
        wait = _RETRY.delay(held.attempt, self._chance.random())
        held.attempt += 1
        held.retry_at, self._stale = self._clock.monotonic() + wait, True

    def _fenced(self, held: Held) -> None:
        self._metrics.fenced(held.lane)
        self._forget(held, "fenced")

    def _forget(self, held: Held, reason: str) -> None:
        self._stale = True
        if self._held.pop(held.lane, None) is not None:
            self._metrics.lag(held.lane, None)
            log.info("lane_given_up", lane=str(held.lane), reason=reason, epoch=held.epoch)

    def _tell_lag(self, lane: Lane, end: int | None) -> None:
        if end is not None and lane in self._held:
            self._metrics.lag(lane, max(0, end - self._held[lane].next_offset))

    def _in_trouble(self, trouble: str) -> None:
        if self._trouble is None:
            log.warning("consumer_degraded", reason=trouble)
        self._trouble = trouble

    async def _look(self, consumer: Reader) -> None:
        """Say that we live, keep the leases of lanes that get on, and share out the lanes anew."""
        # A fetch that fails brings nothing and says nothing, so Kafka is asked.
        asked = self._clock.monotonic()
        await self._topics.look(consumer, self._checkpoints, _KAFKA_SECONDS)
        await self._give_back([one for one in self._held if not self._topics.there(one)], "gone")
        ends = await consumer.end_offsets(self._held, _KAFKA_SECONDS) if self._held else {}
        for lane, end in ends.items():
            self._compare_again(self._held[lane], end)
        # Not for a lane that fails: who cannot commit must not keep it from others for ever.
        renewing = [held for held in self._held.values() if not held.attempt]
        current = [held.lane for held in renewing if held.next_offset >= ends[held.lane]]
        age = self._clock.monotonic() - asked
        survey = await self._checkpoints.look([held.lease for held in renewing], current, age)
        for held in renewing:
            if held.lane not in survey.kept:
                self._fenced(held)
            else:
                self._heed(held, survey.kept[held.lane])
        owners = {
            lane: survey.owners.get(lane) for lane in self._topics.lanes if self._topics.there(lane)
        }
        decision = decide(self.worker, survey.workers, owners, self._held)
        await self._give_back(decision.release, "released")
        if decision.claim:
            claims = await self._checkpoints.claim(decision.claim)
            if len(claims) < len(decision.claim):
                await self._checkpoints.end_stuck()
            if claims:
                await self._settle_in(consumer, claims)

    def _compare_again(self, held: Held, end: int) -> None:
        """Give up a lane whose log became another one under our eyes; the next claim says what it is."""
        log_is = Extent(min(held.next_offset, end), end, self._topics.topic_id(held.lane))
        if held.halted is None and judge(held.next_offset, held.topic_id, log_is) is not None:
            self._forget(held, "log_changed")
        else:
            self._tell_lag(held.lane, end)

    def _heed(self, held: Held, halted: str | None) -> None:
        """Do as an operator said who halted a lane or let it go on."""
        if halted is not None and held.halted is None:
            held.halted, self._stale = halted, True
            self._metrics.halted(held.lane, halted)
        elif halted is None and held.halted is not None:
            self._metrics.halted(held.lane, None)
            self._forget(held, "resumed")  # and claimed anew, with all that is checked then

    async def _give_back(self, lanes: Collection[Lane], reason: str) -> None:
        leaving = [self._held[lane] for lane in lanes]
        if leaving:
            await self._checkpoints.release([held.lease for held in leaving])
        for held in leaving:
            self._left[held.lane] = held.next_offset
            self._forget(held, reason)

    async def _settle_in(self, consumer: Reader, claims: list[Claim]) -> None:
        """Find out where the lanes just claimed go on, and halt those whose log is not ours."""
        lanes = [claim.lane for claim in claims]
        for lane, log_is in (await self._topics.extents(consumer, lanes, _KAFKA_SECONDS)).items():
            (claim,) = [one for one in claims if one.lane == lane]
            held = await self._topics.take(self._checkpoints, claim, log_is)
            if held is None:
                continue
            self._held[lane] = held
            self._stale = True
            log.info("lane_claimed", lane=str(lane), epoch=held.epoch, offset=held.next_offset)
            self._metrics.claimed(lane, claim.read_to)
            self._tell_lag(lane, log_is.end)
            self._metrics.halted(lane, held.halted)
            if held.halted is not None:
                continue
            halt = judge(held.next_offset, claim.topic_id, log_is)
            if halt is not None:
                await self._halt(held, halt)
            elif claim.topic_id is None and log_is.topic_id is not None:
                await self._checkpoints.recognise(*held.lease, log_is.topic_id)

    async def _connect(self) -> Reader:
        consumer = self._reader(self._servers, self.worker.replace("/", "-"))
        self._consumer = consumer
        try:
            await consumer.start(_KAFKA_SECONDS)
        except Transient:
            await self._disconnect()
            raise
        return consumer

    async def _disconnect(self) -> None:
        consumer, self._consumer, self._stale = self._consumer, None, True
        if consumer is not None:
            await consumer.close(_LEAVE_SECONDS)

    async def _leave(self) -> None:
        # Whatever fails here only makes a successor wait for the leases to run out.
        with contextlib.suppress(Transient, TimeoutError):
            async with asyncio.timeout(_LEAVE_SECONDS):
                await self._checkpoints.leave([held.lease for held in self._held.values()])
        for held in list(self._held.values()):
            self._left[held.lane] = held.next_offset
            self._forget(held, "stopping")
        await self._disconnect()


async def _pause(stopping: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stopping.wait()
