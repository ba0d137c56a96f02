"""Reads the settings topic from its beginning and follows it, without a group: every process holds all of it."""

import asyncio
import random
from typing import Final

from schemas.topics import SETTINGS
from services.rewriter.settings import Settings
from services.runtime.errors import Transient
from services.runtime.kafka import Consumer
from services.runtime.leases import Lane
from services.runtime.log import get_logger
from services.runtime.retry import Backoff

log = get_logger(__name__)

LANE: Final = Lane(SETTINGS.name, 0)
_CONNECT_SECONDS: Final = 5.0
_CLOSE_SECONDS: Final = 2.0
_POLL_SECONDS: Final = 0.5
_POLL_RECORDS: Final = 2_000
_AGAIN: Final = Backoff(first_seconds=0.1, ceiling_seconds=2.0)


class SettingsReader:
    """Keeps `Settings` as fresh as the log; Kafka away means that they stay as they are until it is back."""

    def __init__(self, servers: str, client_id: str, settings: Settings) -> None:
        self._servers = servers
        self._client_id = client_id
        self._settings = settings
        self._attempt = 0

    async def run(self) -> None:
        """Read until cancelled; what fails is connected anew, from where reading stopped."""
        while True:
            consumer = Consumer(self._servers, self._client_id)
            try:
                await consumer.start(_CONNECT_SECONDS)
                await self._follow(consumer)
            except Transient as error:
                log.warning("settings_reader_interrupted", reason=str(error))
            finally:
                await consumer.close(_CLOSE_SECONDS)
            await asyncio.sleep(_AGAIN.delay(self._attempt, random.random()))  # noqa: S311 jitter
            self._attempt += 1

    async def _follow(self, consumer: Consumer) -> None:
        """Read from where we are; from the beginning where that place is not there any more."""
        settings = self._settings
        await consumer.partitions(LANE.topic, _CONNECT_SECONDS)
        begin = (await consumer.beginning_offsets([LANE], _CONNECT_SECONDS))[LANE]
        end = (await consumer.end_offsets([LANE], _CONNECT_SECONDS))[LANE]
        if not begin <= settings.next_offset <= end:
            log.warning("settings_read_again", next_offset=settings.next_offset, begin=begin)
            await settings.start_over(begin)
        consumer.assign({LANE: settings.next_offset})
        log.info("settings_assigned", next_offset=settings.next_offset, end_offset=end)
        while True:
            self._note_progress(end)
            polled = await consumer.poll(_POLL_SECONDS, _POLL_RECORDS)
            if reason := polled.unreadable.get(LANE):
                raise Transient(f"settings: {reason}")
            if records := polled.records.get(LANE):
                await settings.apply(records)
            elif not settings.caught_up:
                # what stood last may be gone by compaction, or be no record at all
                await settings.pass_to(await consumer.position(LANE, _CONNECT_SECONDS))

    def _note_progress(self, end: int) -> None:
        settings = self._settings
        if settings.caught_up or settings.next_offset < end:
            return
        settings.caught_up = True
        self._attempt = 0
        log.info("settings_caught_up", next_offset=settings.next_offset, settings=len(settings))
