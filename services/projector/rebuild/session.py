"""One process that has to do with what is beside: it follows live, and comes to a moment at which both are the same."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from services.projector import views
from services.projector.app import TOPICS
from services.projector.rebuild import beside, comparing, structure, switching
from services.projector.rebuild.beside import State
from services.projector.rebuild.comparing import Compared
from services.projector.rebuild.config import RebuildConfig
from services.projector.rebuild.following import APPLICATION, Follower, following
from services.projector.rebuild.pacing import Pace
from services.projector.rebuild.progress import Place, Progress, Speedometer
from services.projector.rebuild.stillness import NotStillError, Vector, still
from services.projector.rebuild.structure import Structure
from services.projector.rebuild.switching import ReadersError
from services.projector.rebuild.tables import LIVE
from services.runtime import checkpoint
from services.runtime.clock import Deadline
from services.runtime.errors import Fatal, Transient
from services.runtime.kafka import Consumer
from services.runtime.leases import Lane
from services.runtime.lifecycle import Life
from services.runtime.postgres import Connection, Pool, connect

Say = Callable[[str], None]

LOCKING_SECONDS: Final = 1.0
_KAFKA_SECONDS: Final = 10.0
_OWNER_CONNECTIONS: Final = 4
# Making an index, or comparing, takes as long as the tables are large.
_LONG_SECONDS: Final = 6 * 3600.0
_TICK_SECONDS: Final = 0.2
_TELL_SECONDS: Final = 1.0
_RETRY_SECONDS: Final = 1.0
# So close that the rest is folded while live waits; whatever comes in meanwhile counts too.
_NEAR_RECORDS: Final = 2_000
_NEAR_SECONDS: Final = 0.5
_TRIES: Final = 30


class StoppedError(Exception):
    """The operator has stopped it; run again, it goes on from where it was."""


class Session:
    """Follows live and does what needs both at one place."""

    def __init__(
        self,
        *,
        config: RebuildConfig,
        owner: Pool,
        follower: Follower,
        begins: Mapping[Lane, int],
        life: Life,
        say: Say,
        pause_seconds: float,
    ) -> None:
        self.owner = owner
        self.begins = begins
        self._config = config
        self._follower = follower
        self._life = life
        self._say = say
        self._pause_seconds = pause_seconds
        self._speed = Speedometer(begins)
        self._told_at = 0.0
        self._claim = AsyncExitStack()

    @property
    def left_out(self) -> int:
        """Return how many records were left out because live has set them aside too."""
        return self._follower.building.left_out

    async def refused(self) -> dict[str, int]:
        """Return how many records were left out that live has not set aside, by reason."""
        rows = await self.owner.fetch(beside.SQL["refused"])
        return {row["reason"]: row["records"] for row in rows}

    def truncated(self) -> dict[Lane, int]:
        """Return the lanes whose log does not go back to its beginning, with where it begins."""
        whole = {plan.topic for plan in TOPICS if plan.anchored}
        return {lane: at for lane, at in self.begins.items() if at > 0 and lane.topic in whole}

    async def index(self) -> None:
        """Make the indexes that were left for later, once it has come near."""
        async with self.owner.acquire() as connection:
            if (await _known(connection)).indexed_at is not None:
                return
        await self.follow()
        self._say("making the indexes")
        async with self._follower.standing():
            made = await beside.index(self.owner)
        self._say(f"made {len(made)} indexes")

    async def follow(self) -> Progress:
        """Follow live until it is near; raises ``StoppedError``, or ``Fatal`` when a lane stands still."""
        while True:
            if self._life.stopping.is_set():
                raise StoppedError
            try:
                places = await self._follower.follow()
                passed = await self._pass_over(places)
            except Transient as error:
                self._tell(f"waiting: {error}")
                await _pause(self._life, _RETRY_SECONDS)
                continue
            if passed:
                continue
            _hold_to_moving(places)
            progress = self._speed.read(places, self._life.clock.monotonic())
            trouble = self._follower.trouble()
            self._tell(progress.line() + (f"; waiting: {trouble}" if trouble else ""))
            if progress.left <= max(_NEAR_RECORDS, progress.rate * _NEAR_SECONDS):
                return progress
            await _pause(self._life, _TICK_SECONDS)

    async def _pass_over(self, places: Sequence[Place]) -> bool:
        """Pass over what an operator had live pass over; tell whether that was any of it."""
        if not any(one.halted for one in places):
            return False
        passed = await beside.pass_over(self.owner)
        for lane, offset in passed.items():
            self._say(f"{lane} goes on at {offset}, as live did by an operator's decision")
        return bool(passed)

    async def compare(self, models: Sequence[str], sample: int) -> tuple[Vector, list[Compared]]:
        """Compare live and beside in one snapshot that has both at the same place."""
        async with (
            connect(
                self._config.database.writer_url,
                application=APPLICATION,
                schema=LIVE,
                statement_seconds=_LONG_SECONDS,
            ) as reading,
            AsyncExitStack() as leaving,
        ):
            vector, alike = await self._snapshot(reading, leaving)
            self._say("comparing")
            read_to = await checkpoint.read_to(reading, views.CONSUMER)
            first_slot = 0 if read_to is None else views.first_kept(read_to)
            return vector, await comparing.compare(reading, alike, models, first_slot, sample)

    async def _snapshot(
        self, reading: Connection, leaving: AsyncExitStack
    ) -> tuple[Vector, Structure]:
        """Begin a transaction that sees both at one place, and let them go on."""
        for last in _tries():
            await self.follow()
            try:
                async with (
                    self.owner.acquire() as connection,
                    still(connection, self._follower, self._pause_seconds) as vector,
                ):
                    alike = await structure.read(connection, LIVE)
                    await leaving.enter_async_context(reading.transaction())
                    await reading.execute("set transaction isolation level repeatable read")
                    await checkpoint.read_to(reading, views.CONSUMER)
                return vector, alike
            except (NotStillError, Transient) as error:
                await self._again(error, last)
        raise AssertionError("the last try raises")

    async def switch(self, models: Sequence[str], *, back: bool) -> Vector:
        """Let the tables change places; after it, whatever was beside is live."""
        for last in _tries():
            await self.follow()
            try:
                async with self.owner.acquire() as connection:
                    await beside.match_days(connection)
                    return await self._switch(connection, models, back=back)
            except (NotStillError, ReadersError) as error:
                await self._again(error, last)
            except Transient as error:
                # Not known whether it was committed.
                if await self._switched() is not back:
                    return {}
                await self._again(error, last)
        raise AssertionError("the last try raises")

    async def _switch(self, connection: Connection, models: Sequence[str], *, back: bool) -> Vector:
        async with connection.transaction():
            live, made = await switching.shield(connection)
            async with still(connection, self._follower, self._pause_seconds) as vector:
                deadline = Deadline.after(self._life.clock, LOCKING_SECONDS)
                await switching.lock(connection, live, made, deadline)
                if (await _known(connection)).switched is not back:
                    raise Fatal("somebody else has switched meanwhile")
                await switching.exchange(connection, live, made, models)
                await switching.note(connection, vector, models, back=back)
        return vector

    async def _switched(self) -> bool:
        while True:
            try:
                async with self.owner.acquire() as connection:
                    return (await _known(connection)).switched
            except Transient as error:
                self._tell(f"waiting: {error}")
                if self._life.stopping.is_set():
                    raise StoppedError from error
                await _pause(self._life, _RETRY_SECONDS)

    async def _again(self, error: Exception, last: bool) -> None:
        if last:
            raise Fatal(f"given up after {_TRIES} tries: {error}") from error
        self._say(f"not yet: {error}")
        await _pause(self._life, _RETRY_SECONDS)

    def _tell(self, line: str) -> None:
        now = self._life.clock.monotonic()
        if now - self._told_at >= _TELL_SECONDS:
            self._told_at = now
            self._say(line)


@asynccontextmanager
async def claimed(config: RebuildConfig) -> AsyncIterator[Pool]:
    """Give a pool of the owner's while nobody else has to do with what is beside; ``Fatal`` when somebody has."""
    async with (
        Pool(
            config.owner.owner_url,
            application=APPLICATION,
            schema=LIVE,
            size=_OWNER_CONNECTIONS,
            statement_seconds=_LONG_SECONDS,
        ) as owner,
        connect(config.owner.owner_url, application=f"{APPLICATION}-claim", schema=LIVE) as claim,
    ):
        if not await claim.fetchval(beside.SQL["claim"]):
            raise Fatal("another process is at it: only one rebuilds, switches or drops at a time")
        yield owner


@asynccontextmanager
async def session(
    config: RebuildConfig, owner: Pool, pace: Pace, life: Life, say: Say, pause_seconds: float
) -> AsyncIterator[Session]:
    """Have what is beside followed for the length of a block; there must be something beside."""
    await owner.execute(beside.SQL["free"])
    await owner.execute(beside.SQL["resume"])
    begins = await _begins(config.kafka.servers, await beside.places(owner))
    async with following(
        owner=owner,
        writer_url=config.database.writer_url,
        servers=config.kafka.servers,
        pace=pace,
        life=life,
    ) as follower:
        yield Session(
            config=config,
            owner=owner,
            follower=follower,
            begins=begins,
            life=life,
            say=say,
            pause_seconds=pause_seconds,
        )


async def _begins(servers: str, places: Sequence[Place]) -> dict[Lane, int]:
    consumer = Consumer(servers, APPLICATION)
    try:
        await consumer.start(_KAFKA_SECONDS)
        return await consumer.beginning_offsets([one.lane for one in places], _KAFKA_SECONDS)
    finally:
        await consumer.close(_KAFKA_SECONDS)


async def _known(connection: Connection) -> State:
    found = await beside.state(connection)
    if found is None:
        raise Fatal("what was beside is gone")
    return found


def _hold_to_moving(places: Sequence[Place]) -> None:
    halted = [f"{one.lane} at {one.beside}: {one.halted}" for one in places if one.halted]
    if halted:
        raise Fatal(f"these lanes stand still beside: {'; '.join(halted)}")


def _tries() -> list[bool]:
    """Return for each try whether it is the last."""
    return [*([False] * (_TRIES - 1)), True]


async def _pause(life: Life, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await life.stopping.wait()
