"""Journals for tests: over a log in memory or over real Kafka, beside a spool in memory."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from schemas import topics
from services.runtime.incarnations import Offering
from services.tracker.circuit import State
from services.tracker.entry import Where
from services.tracker.journal import Journal, Limits
from tests.support.clock import ManualClock
from tests.support.eventually import eventually
from tests.tracker.spooling import MemorySpool, Noting, an_entry


class Given:
    """A journal that runs, and what it works with."""

    def __init__(self, build: Callable[[int], Offering], limits: Limits, topic: str) -> None:
        self.spool = MemorySpool()
        self.clock = ManualClock()
        self.observed: list[tuple[float, int]] = []
        self.journal = Journal(build, self.spool, self.clock, limits, self._observe, topic)
        self._written = 0

    def _observe(self, seconds: float, count: int) -> None:
        self.observed.append((seconds, count))

    def write(self, *, filtered: bool = True, size: int = 0) -> Noting:
        """Write the next entry."""
        waiter = Noting()
        self.journal.write(an_entry(self._written, size=size), waiter, filtered=filtered)
        self._written += 1
        return waiter

    async def written(self) -> Where:
        """Write the next entry and wait for its outcome."""
        return await self.write().told()

    async def lets_through(self) -> None:
        """Have the replay bring what was spooled, and wait until hits are offered to Kafka."""

        def closed() -> bool:
            self.journal.replayed()
            return self.journal.state is not State.OPEN

        await eventually(closed)


@asynccontextmanager
async def a_journal(
    build: Callable[[int], Offering],
    limits: Limits | None = None,
    *,
    idle: bool = True,
    topic: str = topics.EVENTS.name,
) -> AsyncIterator[Given]:
    """Run a journal; of a replay that has nothing to do unless told otherwise."""
    given = Given(build, limits or Limits(kafka_seconds=5.0), topic)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(given.journal.run())
        given.journal.replay_idle(idle=idle)
        if idle:
            await given.lets_through()
        yield given
        running.cancel()
