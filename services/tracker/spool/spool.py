"""The spool as a whole: what the journal puts in, what the replay takes out, and the numbers of both."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Final

from services.runtime.clock import Clock, Deadline
from services.runtime.errors import Fatal
from services.runtime.log import get_logger
from services.tracker.config import SpoolConfig
from services.tracker.entry import Entry, Waiter
from services.tracker.spool import recovery, slots
from services.tracker.spool.account import Account
from services.tracker.spool.ballast import BALLAST_BYTES, word
from services.tracker.spool.bounds import Bounds
from services.tracker.spool.disk import Disk, Lock, OsDisk
from services.tracker.spool.growing import Sealed
from services.tracker.spool.intake import Intake
from services.tracker.spool.outlet import Outlet
from services.tracker.spool.quarantine import Quarantine
from services.tracker.spool.reading import Spooled
from services.tracker.spool.segments import Segments

log = get_logger(__name__)

PENDING_BYTES: Final = 32 * 1024 * 1024
"""How much may lie in memory until the disk has it."""
SLOW_SECONDS: Final = 3.0
"""After so long whoever waits for the disk is refused, and so is everybody else until it answers."""
LOCK_SECONDS: Final = 5.0
"""How long another process may need to adopt what lies in our slot, or to end."""
ADOPT_SECONDS: Final = 30.0
_OPEN_SECONDS: Final = 120.0
_POLL_SECONDS: Final = 0.05


class Spool:
    """`open` before serving, `run` meanwhile, `close` at the end; keeps what `entry.Spooling` promises."""

    def __init__(
        self,
        config: SpoolConfig,
        slot: str,
        clock: Clock,
        entropy: Callable[[int], bytes],
        *,
        disk: Disk | None = None,
        ballast_bytes: int = BALLAST_BYTES,
        pending_bytes: int = PENDING_BYTES,
        slow_seconds: float = SLOW_SECONDS,
        lock_seconds: float = LOCK_SECONDS,
        observe: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        """`slot` is `worker-` and a number; `observe` is told how many seconds each fdatasync took."""
        self._clock: Final = clock
        self._disk: Final = disk or OsDisk()
        self._folders: Final = slots.Folders(config.folder, config.folder / slot)
        self._lock_seconds: Final = lock_seconds
        self._lock: Lock | None = None
        self._segments: Final = Segments(
            self._disk,
            self._folders.slot,
            clock,
            entropy,
            segment_bytes=config.segment_bytes,
            segment_seconds=config.segment_seconds,
            ballast_bytes=ballast_bytes,
        )
        bounds = Bounds(config.max_bytes, config.tenant_percent, pending_bytes)
        self.account: Final = Account(bounds)
        """All that is counted."""
        self._intake: Final = Intake(
            self._segments, self.account, slow_seconds=slow_seconds, observe=observe
        )
        self._outlet: Final = Outlet(
            self._disk, self._folders, self.account, clock, config.max_age_seconds
        )

    def put(self, entry: Entry, waiter: Waiter, *, filtered: bool = True) -> None:
        """Make an entry safe; see `Spooling.put`."""
        self._intake.put(entry, waiter, filtered)

    def problem(self) -> str | None:
        """Return None, or why nothing is taken now."""
        return self._intake.problem()

    @property
    def dead(self) -> bool:
        """Whether the disk takes nothing: it failed, is full or does not answer."""
        return self._intake.dead

    @property
    def under_way(self) -> int:
        """How many entries wait for the disk to have them."""
        return self._intake.under_way

    def oldest_seconds(self) -> float:
        """Return how long ago the oldest record was written that still waits; 0 if none does."""
        return self.account.oldest_seconds(self._clock.now())

    async def open(self) -> None:
        """Take the slot, make ready what is in it, adopt what nobody holds, and take entries.

        Raises Fatal when another process has the slot, or when the folder cannot be used.
        """
        try:
            async with asyncio.timeout(_OPEN_SECONDS):
                await self._open()
        except OSError as error:  # TimeoutError is one
            raise Fatal(f"the folder of the spool cannot be used: {word(error)}") from error

    async def run(self) -> None:
        """Adopt what other processes left behind, until cancelled."""
        while True:
            await asyncio.sleep(ADOPT_SECONDS)
            await self.adopt()

    async def close(self, deadline: Deadline) -> None:
        """Take nothing more, make safe what was taken and seal the segment, within the deadline."""
        if await self._intake.close(deadline) and self._lock is not None:
            # Otherwise something may still be written: then it ends with the process.
            self._lock.release()
        self._outlet.close()

    async def adopt(self) -> None:
        """Take over what lies in slots that nobody holds, up to half of what this spool may hold."""
        bounds = self.account.bounds
        room = bounds.bytes_allowed // 2 - bounds.bytes
        if room <= 0:
            return
        try:
            adopted = await self._outlet.off_loop(slots.adopt, self._disk, self._folders, room)
        except OSError as error:
            log.error("spool_not_adopting", reason=word(error))
            return
        for found in adopted.found:
            self.account.note(found)
        self.account.adopted += len(adopted.segments)
        self._outlet.add(adopted.segments)

    async def next_segment(self) -> Sealed | None:
        """Return the oldest segment that waits; see `Outlet.next_segment`."""
        return await self._outlet.next_segment()

    def blocks(self, segment: Sealed) -> AsyncGenerator[list[Spooled], None]:
        """Yield its records; see `Outlet.blocks`."""
        return self._outlet.blocks(segment)

    async def finished(self, segment: Sealed, dropped: int = 0) -> None:
        """Remove a segment that was replayed; see `Outlet.finished`."""
        await self._outlet.finished(segment, dropped)

    async def expire(self, segment: Sealed) -> None:
        """Put a segment aside unreplayed, for an operator to judge."""
        await self._outlet.expire(segment)

    async def _open(self) -> None:
        await self._outlet.off_loop(slots.prepare, self._disk, self._folders)
        await self._take_slot()
        quarantine = Quarantine(self._disk, self._folders.quarantine)
        found = await self._outlet.off_loop(
            recovery.recover, self._disk, self._folders.slot, quarantine
        )
        prepared = await self._outlet.off_loop(self._segments.prepare)
        self.account.note(found)
        self._outlet.add(found.segments)
        self._intake.open(prepared)
        await self.adopt()
        waiting = self.account.waiting
        log.info("spool_opened", segments=len(self.account.backlog), records=waiting)

    async def _take_slot(self) -> None:
        waited = Deadline.after(self._clock, self._lock_seconds)
        while True:
            self._lock = await self._outlet.off_loop(slots.take, self._disk, self._folders.slot)
            if self._lock is not None:
                return
            if waited.expired():
                raise Fatal(f"another process has the slot {self._folders.slot.name} of the spool")
            await asyncio.sleep(_POLL_SECONDS)
