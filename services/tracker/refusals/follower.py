"""Reads the settings topic into the fold and follows it, without a group: every process reads all of it.

Where it goes on, it first reads the record at which it stopped, and believes the log only if that record lies there
still. A topic made anew, a log cut or restored, a place compacted away: each is read from its beginning.
"""

import asyncio
import random
from collections.abc import Sequence
from typing import Final

from schemas.topics import SETTINGS
from services.runtime.clock import Clock
from services.runtime.errors import Fatal, Poison, Transient
from services.runtime.kafka import Consumer, Record
from services.runtime.leases import Lane
from services.runtime.log import get_logger
from services.runtime.retry import Backoff
from services.tracker.refusals.fold import Fold, Mark, mark_of

log = get_logger(__name__)

LANE: Final = Lane(SETTINGS.name, 0)
# A tombstone is kept for 30 days (`schemas.topics.COMPACT`); who was away for longer than this reads everything again.
ANEW_AFTER_SECONDS: Final = 14 * 86_400
_CONNECT_SECONDS: Final = 5.0
_ANSWER_SECONDS: Final = 5.0
_CLOSE_SECONDS: Final = 2.0
_POLL_SECONDS: Final = 0.5
# Decoding one takes 20 to 40 microseconds, and hits wait meanwhile.
_POLL_RECORDS: Final = 100
_ASK_SECONDS: Final = 5.0
_AGAIN: Final = Backoff(first_seconds=0.1, ceiling_seconds=1.0)


class Follower:
    """Keeps the fold as fresh as the log; Kafka away means that it stays as it is until Kafka is back."""

    def __init__(
        self, servers: str, client_id: str, fold: Fold, clock: Clock, lane: Lane = LANE
    ) -> None:
        self._servers = servers
        self._client_id = client_id
        self._fold = fold
        self._clock = clock
        self._lane = lane
        self._attempt = 0
        self._told: str | None = None
        self._begun = clock.monotonic()
        self.contact_at: int | None = None
        """When Kafka last answered, in microseconds since the epoch."""
        self.read_seconds: float | None = None
        """How long the log took when it was last read from its beginning to its end."""

    async def run(self) -> None:
        """Read until cancelled; what fails is connected anew, from where reading stopped.

        Nothing that Kafka does ends it: a tracker that knows old settings is better than none.
        """
        while True:
            consumer = Consumer(self._servers, self._client_id)
            try:
                await consumer.start(_CONNECT_SECONDS)
                await self._follow(consumer)
            except Transient as error:
                if self._told != str(error):  # once for an outage, however often it is tried
                    log.warning("settings_follower_interrupted", reason=str(error))
                self._told = str(error)
            except (Poison, Fatal) as error:
                if self._told != str(error):
                    log.error("settings_follower_refused", reason=str(error))
                self._told = str(error)
            finally:
                await consumer.close(_CLOSE_SECONDS)
            await asyncio.sleep(_AGAIN.delay(self._attempt, random.random()))  # noqa: S311 jitter
            self._attempt += 1

    async def _follow(self, consumer: Consumer) -> None:
        fold = self._fold
        await consumer.partitions(self._lane.topic, _CONNECT_SECONDS)
        begin = (await consumer.beginning_offsets([self._lane], _ANSWER_SECONDS))[self._lane]
        end = await self._ask_end(consumer)
        self._go_on(begin, end)
        self._assign(consumer, end)
        if fold.mark is not None and not await self._prove(consumer, fold.mark):
            self._start_over(begin, "other_log")
            self._assign(consumer, end)
        await self._read_on(consumer, end)

    def _go_on(self, begin: int, end: int) -> None:
        """Decide where reading goes on: at the record at which it stopped, or at the beginning."""
        fold = self._fold
        away = (self._clock.now() - fold.read_at) / 1_000_000
        if fold.mark is None:
            self._start_over(begin, "nothing_read")
        elif not begin <= fold.mark.offset < end:
            self._start_over(begin, "out_of_range")
        elif not fold.reading_anew and away > ANEW_AFTER_SECONDS:
            self._start_over(begin, "long_away")

    def _assign(self, consumer: Consumer, end: int) -> None:
        fold = self._fold
        consumer.assign({self._lane: fold.mark.offset if fold.mark else fold.next_offset})
        log.info("settings_assigned", next_offset=fold.next_offset, end_offset=end)

    def _start_over(self, begin: int, reason: str) -> None:
        # what the log does not state again will be forgotten
        held = len(self._fold.table)
        tell = log.warning if held else log.info
        tell("settings_read_anew", reason=reason, begin=begin, refusals=held)
        self._begun = self._clock.monotonic()
        self._fold.start_over(begin)

    async def _prove(self, consumer: Consumer, mark: Mark) -> bool:
        """Read the record at which we stopped; return whether it is what it was, and fold what follows it."""
        while True:
            if records := await self._poll(consumer):
                if mark_of(records[0]) != mark:
                    return False
                self._fold.apply(records[1:])
                return True
            if await consumer.position(self._lane, _ANSWER_SECONDS) > mark.offset:
                return False

    async def _read_on(self, consumer: Consumer, end: int) -> None:
        fold, clock = self._fold, self._clock
        asked_at, asked = clock.now(), clock.monotonic()
        while True:
            if fold.next_offset >= end:
                self._note_end(asked_at)
            if records := await self._poll(consumer):
                fold.apply(records)
                # Others' turn: while a million are read, there is always more at once.
                await asyncio.sleep(0)
            else:
                fold.pass_to(await consumer.position(self._lane, _ANSWER_SECONDS))
            if clock.monotonic() - asked >= _ASK_SECONDS:
                asked_at, asked = clock.now(), clock.monotonic()
                end = await self._ask_end(consumer)
                if end < fold.next_offset:
                    raise Transient("settings: the log ends before what was read")

    async def _poll(self, consumer: Consumer) -> Sequence[Record]:
        polled = await consumer.poll(_POLL_SECONDS, _POLL_RECORDS)
        if reason := polled.unreadable.get(self._lane):
            raise Transient(f"settings: {reason}")
        records = polled.records.get(self._lane, [])
        if records:
            self.contact_at = self._clock.now()
        return records

    async def _ask_end(self, consumer: Consumer) -> int:
        # An empty poll does not tell whether Kafka is there; this does.
        end = (await consumer.end_offsets([self._lane], _ANSWER_SECONDS))[self._lane]
        self.contact_at = self._clock.now()
        return end

    def _note_end(self, asked_at: int) -> None:
        self._attempt = 0
        self._told = None
        if self._fold.reached_end(asked_at):
            self.read_seconds = self._clock.monotonic() - self._begun
            log.info(
                "settings_caught_up",
                next_offset=self._fold.next_offset,
                refusals=len(self._fold.table),
                seconds=round(self.read_seconds, 3),
            )
