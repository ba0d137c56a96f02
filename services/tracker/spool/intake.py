"""Takes entries in: admitted or refused at once, collected while the disk is busy, and their waiters told.

In the event loop all of it; the writer's thread is only told what to write. While one group is being written the next
one gathers: no timer decides how large a group is.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple

from services.runtime.clock import Deadline
from services.runtime.log import get_logger
from services.tracker.entry import Entry, Waiter, Where
from services.tracker.spool import form
from services.tracker.spool.account import Account
from services.tracker.spool.bounds import Refusal
from services.tracker.spool.growing import Record
from services.tracker.spool.records import pack
from services.tracker.spool.segments import Outcome, Segments
from services.tracker.spool.writer import Writer

log = get_logger(__name__)

_COMMIT_RECORDS: Final = 8192


class _Flight(NamedTuple):
    """A group that is being written."""

    records: list[Record]
    waiters: list[Waiter]


class Intake:
    """Keeps what `entry.Spooling` promises, from `open` to `close`."""

    def __init__(
        self,
        segments: Segments,
        account: Account,
        *,
        slow_seconds: float,
        observe: Callable[[float], None],
    ) -> None:
        self._segments: Final = segments
        self._account: Final = account
        self._bounds: Final = account.bounds
        self._writer: Final = Writer(segments, self._take, self._fail)
        self._slow_seconds: Final = slow_seconds
        self._observe: Final = observe
        self._closed = True
        self._trouble: Refusal | None = None
        self._slow = False
        # The one thing asked for each hit: why nothing is taken, if so.
        self._refusing: Refusal | None = Refusal.CLOSED
        self._records: list[Record] = []
        self._waiters: list[Waiter] = []
        self._flight: _Flight | None = None
        self._scheduled = False
        self._watch: asyncio.TimerHandle | None = None
        self._landed: Final = asyncio.Event()

    def put(self, entry: Entry, waiter: Waiter, filtered: bool) -> None:
        """Make an entry safe; see `Spooling.put`."""
        refusal = self._refusing
        if refusal is None:
            try:
                record = Record(pack(entry), entry.tenant, filtered)
            except ValueError:
                refusal = Refusal.MALFORMED
            else:
                size = len(record.packed) + form.LENGTH_BYTES
                refusal = self._bounds.admit(entry.tenant, size)
                if refusal is None:
                    self._records.append(record)
                    self._waiters.append(waiter)
                    if self._flight is None and not self._scheduled:
                        self._scheduled = True
                        asyncio.get_running_loop().call_soon(self._hand_over)
                    return
        self._account.refused[refusal] += 1
        waiter.settle(Where.NOWHERE)

    def problem(self) -> str | None:
        """Return None, or why nothing is taken now."""
        refusal = self._refusing or (Refusal.FULL if self._bounds.full else None)
        return None if refusal is None else f"spool: {refusal}"

    @property
    def dead(self) -> bool:
        """Whether the disk takes nothing: it failed, is full or does not answer."""
        return self._trouble is not None or self._slow

    @property
    def under_way(self) -> int:
        """How many entries somebody waits for."""
        return len(self._waiters) + (len(self._flight.waiters) if self._flight else 0)

    def open(self, prepared: Outcome) -> None:
        """Take entries from now on."""
        self._writer.start()
        self._closed = False
        self._take(prepared)

    async def close(self, deadline: Deadline) -> bool:
        """Take nothing more, make safe what was taken and seal the segment; False if that took too long.

        Once: the second time nothing happens.
        """
        if self._closed:
            return False
        self._closed = True
        self._judge()
        sealed = asyncio.Event()
        try:
            async with asyncio.timeout(deadline.remaining()):
                while self._records or self._flight is not None:
                    self._landed.clear()
                    self._hand_over()
                    await self._landed.wait()
                self._writer.submit(self._segments.close, partial(self._sealed, sealed))
                self._writer.stop()
                await sealed.wait()
        except TimeoutError:
            log.error("spool_not_closed", records=len(self._records))
            self._abandon()
            self._writer.stop()
            return False
        return True

    def _hand_over(self) -> None:
        """Have the next group written, if none is under way."""
        self._scheduled = False
        if self._flight is not None or not self._records:
            return
        records, self._records = self._records[:_COMMIT_RECORDS], self._records[_COMMIT_RECORDS:]
        waiters, self._waiters = self._waiters[:_COMMIT_RECORDS], self._waiters[_COMMIT_RECORDS:]
        self._flight = _Flight(records, waiters)
        loop = asyncio.get_running_loop()
        self._watch = loop.call_later(self._slow_seconds, self._stuck)
        self._writer.submit(partial(self._segments.commit, records), self._land)

    def _land(self, outcome: Outcome) -> None:
        """Take what became of the group, have the next one written, and tell who waited."""
        flight = self._flight
        if flight is None:
            return
        self._flight = None
        if self._watch is not None:
            self._watch.cancel()
        if outcome.written:
            self._account.commits += 1
            self._account.taken += len(flight.records)
            self._account.open_records += len(flight.records)
            self._bounds.written(sum(record.size for record in flight.records))
        else:
            self._withdraw(flight.records)
        self._slow = False
        self._take(outcome)
        self._hand_over()
        if not outcome.written:
            self._account.refused[self._trouble or Refusal.IO_ERROR] += len(flight.waiters)
        where = Where.SPOOL if outcome.written else Where.NOWHERE
        for waiter in flight.waiters:
            waiter.settle(where)
        self._landed.set()

    def _take(self, outcome: Outcome) -> None:
        """Take note of what the writer changed."""
        account = self._account
        self._bounds.grew(outcome.grown)
        for segment in outcome.sealed:
            account.open_records -= segment.records
            account.backlog.add(segment)
        account.open_ms = outcome.open_ms
        account.io_errors += outcome.errors
        for seconds in outcome.seconds:
            self._observe(seconds)
        self._trouble = outcome.trouble
        self._judge()

    def _sealed(self, event: asyncio.Event, outcome: Outcome) -> None:
        self._take(outcome)
        event.set()

    def _stuck(self) -> None:
        """Let nobody wait for a disk that does not answer; what is under way may become safe all the same."""
        log.error("spool_disk_slow", seconds=self._slow_seconds)
        self._slow = True
        self._judge()
        self._abandon()

    def _fail(self) -> None:
        """Take note that the writer is no more."""
        log.error("spool_writer_ended")
        self._stuck()

    def _abandon(self) -> None:
        """Tell everybody that waits that it was in vain."""
        waiters = [*(self._flight.waiters if self._flight else ()), *self._waiters]
        if self._flight is not None:
            self._flight.waiters.clear()
        records, self._records, self._waiters = self._records, [], []
        self._withdraw(records)
        self._account.refused[Refusal.SLOW] += len(waiters)
        for waiter in waiters:
            waiter.settle(Where.NOWHERE)

    def _withdraw(self, records: list[Record]) -> None:
        for record in records:
            self._bounds.withdrawn(record.tenant, record.size)

    def _judge(self) -> None:
        if self._closed:
            self._refusing = Refusal.CLOSED
        else:
            self._refusing = self._trouble or (Refusal.SLOW if self._slow else None)
