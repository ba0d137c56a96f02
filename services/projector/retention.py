"""Drops the history whose time is up: whole days where nobody keeps them, else a tenant's own hits, some at a time.

Counts, firsts and lasts stay. One worker at a time; it goes by how far every lane is read, so that a day is dropped
only when no hit can fall into it any more, however far behind a lane is.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

from schemas import instant
from schemas.instant import Instant
from services.projector import expiry
from services.projector.expiry import Expired
from services.projector.metrics import Metrics
from services.projector.views import CONSUMER
from services.runtime import checkpoint
from services.runtime.errors import Transient
from services.runtime.lifecycle import Life
from services.runtime.log import get_logger
from services.runtime.postgres import Pool, Queries, Row

log = get_logger(__name__)

_SQL: Final = Queries.load("services.projector", "projections/retention.sql")
_LOOK_SECONDS: Final = 600.0
_RETRY_SECONDS: Final = 10.0
_AT_ONCE: Final = 2000
# Hits outside the days are counted so far; more is told as so many.
_COUNTED: Final = 100_000
# Between two batches, so that folds come first: at most 20,000 hits a second.
_REST_SECONDS: Final = 0.1


class Retention:
    """Keeps the history as long as the operator and the tenants say; no default is for ever."""

    def __init__(self, pool: Pool, metrics: Metrics, default_days: int | None) -> None:
        self._pool = pool
        self._metrics = metrics
        self._default_days = default_days

    async def run(self, life: Life) -> None:
        """Look from time to time until the process is to stop."""
        while not life.stopping.is_set():
            wait = _LOOK_SECONDS
            try:
                await self.once(life.stopping)
            except Transient as error:
                log.warning("history_not_expired", reason=str(error))
                wait = _RETRY_SECONDS
            await _pause(life.stopping, wait)

    async def once(self, stopping: asyncio.Event) -> int:
        """Drop and delete what is over, and return how many days were dropped; none while a lane was never read.

        Transient when a day cannot be locked within half a second; what was done until then is done.
        """
        async with self._pool.acquire() as connection:
            read_to = await checkpoint.read_to(connection, CONSUMER)
        if read_to is None:
            return 0
        until = instant.to_datetime(Instant(read_to)).date()
        rows = await self._pool.fetch(_SQL["tenants"])
        own = {str(row["tenant"]): int(row["retention_days"]) for row in rows}
        dropped = 0
        for row in await self._days(until, own):
            if stopping.is_set():
                break
            over = expiry.expired(row["day"], until, self._default_days, own)
            dropped += await self._expire(row["day"], row["partitioned"], over, stopping)
        await self._days(until, own)
        return dropped

    async def _days(self, until: date, own: Mapping[str, int]) -> Sequence[Row]:
        """Return the days of which anybody's time is up, and tell how many could go at once."""
        rows = await self._pool.fetch(_SQL["days"])
        over = [(row, expiry.expired(row["day"], until, self._default_days, own)) for row in rows]
        self._metrics.overdue_days.set(sum(one.everybody for _, one in over))
        self._metrics.hits_outside_days.set(await self._pool.fetchval(_SQL["other"], _COUNTED))
        return [row for row, one in over if not one.nobody]

    async def _expire(
        self, day: date, partitioned: bool, over: Expired, stopping: asyncio.Event
    ) -> bool:
        """Do what is to be done about one day; True when it was dropped."""
        if not partitioned:
            await self._delete(day, over, stopping)
            return False
        if not over.everybody:
            await self._delete(day, over, stopping)
            if stopping.is_set() or not await self._pool.fetchval(_SQL["empty"], day):
                return False
        async with self._pool.acquire() as connection, connection.transaction():
            dropped = bool(await connection.fetchval(_SQL["drop"], day))
            if dropped and over.everybody:
                await connection.execute(_SQL["dropped"], day)
        if dropped:
            self._metrics.days_dropped.inc()
            log.info("day_dropped", day=day.isoformat())
        return dropped

    async def _delete(self, day: date, over: Expired, stopping: asyncio.Event) -> None:
        """Delete the hits of a day that are over, one batch in each transaction."""
        deleted, last = 0, _AT_ONCE
        named, keeping = sorted(over.named), sorted(over.keeping)
        while last == _AT_ONCE and not stopping.is_set():
            async with self._pool.acquire() as connection, connection.transaction():
                if not await connection.fetchval(_SQL["alone"]):
                    return
                last = await connection.fetchval(
                    _SQL["delete"], day, named, over.others, keeping, _AT_ONCE
                )
            deleted += last
            self._metrics.hits_expired.inc(last)
            if last == _AT_ONCE:
                await _pause(stopping, _REST_SECONDS)
        if deleted:
            log.info("hits_expired", day=day.isoformat(), hits=deleted)


async def _pause(stopping: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stopping.wait()
