"""Folds the log into the tables beside, never further than live is: the live fold, with a consumer of its own."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date, timedelta
from typing import Final

from prometheus_client import CollectorRegistry

from services.projector.admission import DAY, ID_TOLERANCE
from services.projector.app import TOPICS
from services.projector.apply import ReadModels
from services.projector.metrics import Metrics
from services.projector.rebuild import beside
from services.projector.rebuild.pacing import Pace
from services.projector.rebuild.progress import Place
from services.projector.rebuild.redriven import SLACK, Redriven
from services.projector.staging import HIT, Slice
from services.runtime.clock import Clock
from services.runtime.consumer import FencedConsumer
from services.runtime.errors import Transient
from services.runtime.kafka import Record
from services.runtime.leases import Lane
from services.runtime.lifecycle import Life
from services.runtime.postgres import Connection, Pool
from services.runtime.quarantine import Refusal
from services.runtime.restraint import Restraint
from services.runtime.slices import Slice as Part

APPLICATION: Final = "inkling-projector-rebuild"
# While one waits for PostgreSQL, the other reads and judges: together they take as long as the slower of the two works.
_AT_ONCE: Final = 2
_CONNECTIONS: Final = 2 + 2 * _AT_ONCE
_STATEMENT_SECONDS: Final = 120.0
_LOOK_SECONDS: Final = 0.02
_EPOCH: Final = date(1970, 1, 1)
_OCCURRED_AT: Final = HIT.index("occurred_at")


class _Unwatched(Metrics):
    """Of a process that nobody scrapes; how old each record is would be worked out in vain."""

    def committed(self, part: Part, seconds: float, now: int) -> None:
        """Forget it."""


class Building:
    """The live fold, which here makes the partitions of old days as they come, and rests as it is paced."""

    def __init__(
        self, fold: ReadModels, owner: Pool, restraint: Restraint, pace: Pace, clock: Clock
    ) -> None:
        self.behind: float | None = None
        """How far live is behind, in seconds."""
        self.hurried = False
        """Whether live waits for us, so that no pace counts."""
        self._fold = fold
        self._owner = owner
        self._restraint = restraint
        self._pace = pace
        self._clock = clock
        self.left_out = 0
        """Records that live has set aside too."""
        self._days: set[date] = set()
        self._set_aside: set[tuple[str, int, int]] = set()
        self._set_aside_since = 0
        self._begun = clock.monotonic()

    def begin(self) -> Slice:
        """Return an empty slice."""
        return self._fold.begin()

    def take(self, ready: Slice, record: Record) -> Refusal | None:
        """Judge a record as live does; what live has set aside as well is left out without another word."""
        refusal = self._fold.take(ready, record)
        if refusal is not None and (*record.lane, record.offset) in self._set_aside:
            self.left_out += 1
            return None
        return refusal

    async def apply(self, connection: Connection, ready: Slice) -> None:
        """Fold a slice, once the days of its hits have their partitions."""
        if new := _days(ready) - self._days:
            async with self._owner.acquire() as own:
                for day in sorted(new):
                    await beside.add_day(own, day)
            self._days |= new
        await self._fold.apply(connection, ready)

    async def learn(self) -> None:
        """Find out what live has set aside until now."""
        rows = await self._owner.fetch(beside.SQL["set_aside"], self._set_aside_since - SLACK)
        for row in rows:
            self._set_aside.add((row["topic"], row["partition"], row["record_offset"]))
            self._set_aside_since = max(self._set_aside_since, row["first_at"])

    def committed(self, records: Mapping[Lane, int]) -> None:
        """Rest as long as the pace says."""
        self._fold.committed(records)
        now = self._clock.monotonic()
        # Another may have had it rest already, until a time to come.
        took = max(0.0, now - self._begun)
        rest = self._pace.rest(sum(records.values()), took, self.behind)
        if self.hurried:
            rest = 0.0
        self._restraint.rest_until = max(self._restraint.rest_until, now) + rest
        self._begun = max(now, self._restraint.rest_until)


class Follower:
    """A running fold into the tables beside, and what holds it back."""

    def __init__(
        self,
        owner: Pool,
        building: Building,
        redriven: Redriven,
        restraint: Restraint,
        healthy: Callable[[], str | None],
    ) -> None:
        self.building = building
        self.trouble = healthy
        """Says what keeps it from getting on, if anything does."""
        self._owner = owner
        self._redriven = redriven
        self._restraint = restraint

    async def follow(self) -> list[Place]:
        """Let it come as far as live is now, and return where both are; Transient when that cannot be found out."""
        places = await beside.places(self._owner)
        # After that, so that what live has set aside until there is known.
        await self._learn()
        self.allow({one.lane: one.live for one in places if one.live is not None})
        ages = [one.age for one in places if one.age is not None]
        self.building.behind = max(ages, default=None)
        return places

    async def _learn(self) -> None:
        await self.building.learn()
        await self._redriven.keep_up()

    def allow(self, vector: Mapping[Lane, int]) -> None:
        """Let it come exactly that far."""
        self._restraint.allow(vector)

    async def reaches(self, vector: Mapping[Lane, int]) -> bool:
        """Tell whether it is folded exactly as far as this, and committed."""
        places = await beside.places(self._owner)
        return self._restraint.reached({one.lane: one.beside or 0 for one in places}) and all(
            (one.beside or 0) <= vector.get(one.lane, 0) for one in places
        )

    async def until_at(self, vector: Mapping[Lane, int], seconds: float) -> bool:
        """Wait until it is there; False when it is not in time."""
        self.building.hurried = True
        self._restraint.rest_until = 0.0
        try:
            async with asyncio.timeout(seconds):
                await self._learn()
                self.allow(vector)
                while not await self.reaches(vector):  # noqa: ASYNC110 only the checkpoints tell
                    await asyncio.sleep(_LOOK_SECONDS)
        except TimeoutError:
            return False
        finally:
            self.building.hurried = False
        return True

    @asynccontextmanager
    async def standing(self) -> AsyncIterator[None]:
        """Have it stand still for the length of a block."""
        self.allow({})
        try:
            yield
        finally:
            with contextlib.suppress(Transient):
                await self.follow()


@asynccontextmanager
async def following(
    *, owner: Pool, writer_url: str, servers: str, pace: Pace, life: Life
) -> AsyncIterator[Follower]:
    """Have the log folded into the tables beside for the length of a block; nothing is read before it is allowed."""
    restraint = Restraint()
    metrics = _Unwatched(CollectorRegistry())
    # What is not on disk yet when the machine fails is folded again: effect and checkpoint are lost together.
    url = writer_url + ("&" if "?" in writer_url else "?") + "synchronous_commit=off"
    async with Pool(
        url,
        application=APPLICATION,
        schema=beside.PATH,
        size=_CONNECTIONS,
        statement_seconds=_STATEMENT_SECONDS,
    ) as pool:
        fold = ReadModels(life.clock, metrics, None)
        building = Building(fold, owner, restraint, pace, life.clock)
        lanes = len(await beside.places(owner))
        # They share the lanes by leases, as any two workers do.
        consumers: list[FencedConsumer[Slice]] = [
            FencedConsumer(
                beside.CONSUMER,
                TOPICS,
                pool,
                servers,
                building,
                life.clock,
                metrics,
                restraint=restraint,
                slice_records=pace.slice_records(lanes),
            )
            for _ in range(_AT_ONCE)
        ]
        running = [life.tasks.create_task(one.run(life), name="rebuild") for one in consumers]
        try:
            redriven = Redriven(owner, pool, ReadModels(life.clock, metrics, None))
            yield Follower(owner, building, redriven, restraint, lambda: _trouble(consumers))
        finally:
            life.stop()
            await asyncio.wait(running, timeout=life.remaining())


def _trouble(consumers: Sequence[FencedConsumer[Slice]]) -> str | None:
    """Say what keeps one of them from getting on, if anything does."""
    return next((one.healthy() for one in consumers if one.healthy()), None)


def _days(ready: Slice) -> set[date]:
    """Return the days that the ids of a slice's hits may be of; they agree with the times of the hits to a second."""
    first = {_day(row[_OCCURRED_AT] - ID_TOLERANCE) for row in ready.hits}  # type: ignore[operator]
    last = {_day(row[_OCCURRED_AT] + ID_TOLERANCE) for row in ready.hits}  # type: ignore[operator]
    return {_EPOCH + timedelta(days=number) for number in first | last}


def _day(at: int) -> int:
    return at // DAY
