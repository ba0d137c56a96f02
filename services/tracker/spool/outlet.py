"""Gives out what waits, for the replay: the oldest segment and its records; the disk is waited for in a thread."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, ParamSpec, TypeVar

from services.runtime.clock import Clock
from services.runtime.errors import Transient
from services.runtime.log import get_logger
from services.tracker.spool import form, reading
from services.tracker.spool.account import Account
from services.tracker.spool.ballast import word
from services.tracker.spool.disk import Disk
from services.tracker.spool.growing import Sealed
from services.tracker.spool.quarantine import Quarantine
from services.tracker.spool.reading import Reading, Spooled
from services.tracker.spool.slots import Folders

P = ParamSpec("P")
T = TypeVar("T")

log = get_logger(__name__)

# For sixteen megabytes; a disk that takes longer is left alone with them.
_DISK_SECONDS: Final = 30.0


class Outlet:
    """One replay may ask at a time."""

    def __init__(
        self,
        disk: Disk,
        folders: Folders,
        account: Account,
        clock: Clock,
        max_age_seconds: float,
    ) -> None:
        self._disk: Final = disk
        self._folders: Final = folders
        self._quarantine: Final = Quarantine(disk, folders.quarantine)
        self._account: Final = account
        self._clock: Final = clock
        self._max_age_seconds: Final = max_age_seconds
        self._thread: Final = ThreadPoolExecutor(1, thread_name_prefix="spool-reader")
        # Of segments that were read: how many of their records were not what was written.
        self._damage: Final[dict[str, int]] = {}

    async def next_segment(self) -> Sealed | None:
        """Return the oldest segment, the same until it is gone; None if none waits.

        One whose oldest record is older than may be is put aside first.
        """
        while (segment := self._account.backlog.first()) is not None:
            if not self._is_old(segment):
                return segment
            await self.expire(segment)
        return None

    async def blocks(self, segment: Sealed) -> AsyncGenerator[list[Spooled], None]:
        """Yield the records of a segment in order, some hundred at a time; as often as one asks.

        Raises Transient when the disk does not give them: then it is out of the way until the next start.
        """
        opened: Reading | None = None
        try:
            opened = await self.off_loop(Reading, self._disk, segment, self._quarantine)
            while batch := await self.off_loop(opened.next):
                yield batch
        except OSError as error:
            self._leave(segment, error)
            raise Transient("a segment of the spool cannot be read") from error
        finally:
            if opened is not None:
                self._damage[segment.path.name] = opened.damaged
                self._account.quarantined += opened.quarantined
                self._account.corrupt_bytes += opened.corrupt_bytes

    async def finished(self, segment: Sealed, dropped: int = 0) -> None:
        """Remove a segment that was read to its end and replayed, but for so many that were not to be produced."""
        account = self._account
        damaged = self._damage.get(segment.path.name, 0)
        self._gone(segment)
        account.damaged += damaged
        account.dropped += dropped
        account.replayed += segment.records - damaged - dropped
        try:
            await self.off_loop(reading.remove, self._disk, segment)
        except OSError as error:
            # After the next start it is replayed again, under the same ids.
            log.error("spool_segment_not_removed", segment=segment.path.name, reason=word(error))

    async def expire(self, segment: Sealed) -> None:
        """Put a segment aside unreplayed, for an operator to judge."""
        try:
            await self.off_loop(reading.expire, self._disk, segment, self._folders.expired)
        except OSError as error:
            self._leave(segment, error)
            return
        self._gone(segment)
        self._account.expired += segment.records
        log.error("spool_segment_expired", segment=segment.path.name, records=segment.records)

    def add(self, segments: list[Sealed]) -> None:
        """Take in what was found."""
        for segment in segments:
            self._account.backlog.add(segment)
            self._account.bounds.found(segment.size, form.read_shares(segment.shares))
            self._account.recovered += segment.records

    async def off_loop(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call in the thread that reads; TimeoutError when that takes too long."""
        calling = asyncio.get_running_loop().run_in_executor(
            self._thread, partial(call, *args, **kwargs)
        )
        async with asyncio.timeout(_DISK_SECONDS):
            return await calling

    def close(self) -> None:
        """Give nothing more."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _is_old(self, segment: Sealed) -> bool:
        return self._clock.now() / 1e6 - segment.oldest_ms / 1e3 > self._max_age_seconds

    def _gone(self, segment: Sealed) -> None:
        self._damage.pop(segment.path.name, None)
        self._account.backlog.remove(segment)
        self._account.bounds.left(segment.size, form.read_shares(segment.shares))

    def _leave(self, segment: Sealed, error: OSError) -> None:
        """Pass over a segment: it stays on the disk, and what it takes stays counted, but nobody waits for it."""
        self._account.backlog.set_aside(segment)
        self._account.unreadable += 1
        log.error("spool_segment_unreadable", segment=segment.path.name, reason=word(error))
