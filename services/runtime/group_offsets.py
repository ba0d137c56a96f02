"""Tells Kafka where the lanes of a consumer stand, so that ordinary lag tools and autoscalers see it; for display only.

PostgreSQL alone decides where a lane goes on, and nobody reads these offsets back. They are told after the commit, in a
task of their own, and however it fails, folding goes on.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Final, Protocol

from services.runtime.clock import Clock
from services.runtime.errors import Fatal, Poison, Transient
from services.runtime.leases import Lane
from services.runtime.lifecycle import Life
from services.runtime.log import get_logger

log = get_logger(__name__)

EVERY_SECONDS: Final = 5.0
"""How far behind what Kafka is told may be, while it takes it."""
AGAIN_SECONDS: Final = 60.0
"""Offsets are told anew after that even where they did not move: Kafka forgets them, or has an older worker's."""
FAREWELL_SECONDS: Final = 2.0
"""What the last of it may take while a process stops."""
_COMMIT_SECONDS: Final = 3.0
_LOOK_SECONDS: Final = 0.5


class Telling(Protocol):
    """Where offsets are told; Kafka's `Group` is one."""

    async def commit(self, positions: Mapping[Lane, int], seconds: float) -> None:
        """Store offsets within the seconds given."""

    async def close(self, seconds: float) -> None:
        """Disconnect within the seconds given."""


class Standing(Protocol):
    """Who stands somewhere; a consumer is one."""

    def positions(self) -> Mapping[Lane, int]:
        """Return the next offset of each lane that is held."""
        ...

    def take_left(self) -> Mapping[Lane, int]:
        """Return the last offsets of lanes that were given back since the last call."""
        ...


class Told(Protocol):
    """What is counted of it."""

    def group_commit(self, done: bool) -> None:
        """Kafka took offsets, or did not."""


class GroupOffsets:
    """Tells a group's offsets every few seconds, and those of a lane that is given back at once."""

    def __init__(self, group: Telling, standing: Standing, clock: Clock, metrics: Told) -> None:
        self._group = group
        self._standing = standing
        self._clock = clock
        self._metrics = metrics
        self._told: dict[Lane, tuple[int, float]] = {}
        self._left: dict[Lane, int] = {}
        self._due = 0.0
        self._degraded = False

    async def run(self, life: Life) -> None:
        """Tell until the process is to stop; `farewell` tells the last."""
        while not life.stopping.is_set():
            self._left |= self._standing.take_left()
            now = self._clock.monotonic()
            if now >= self._due or (self._left and not self._degraded):
                await self._tell(_COMMIT_SECONDS)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await life.stopping.wait()

    async def farewell(self, seconds: float) -> None:
        """Tell where the lanes were left, within the seconds given, and disconnect."""
        self._left |= self._standing.take_left()
        await self._tell(min(seconds, _COMMIT_SECONDS))
        await self._group.close(1.0)

    async def _tell(self, seconds: float) -> None:
        now = self._clock.monotonic()
        held = self._standing.positions()
        fresh = {lane: offset for lane, offset in held.items() if self._is_news(lane, offset, now)}
        telling = {**self._left, **fresh}
        self._due = now + EVERY_SECONDS
        if not telling:
            return
        try:
            await self._group.commit(telling, seconds)
        except (Transient, Poison, Fatal) as error:
            self._metrics.group_commit(False)
            if not self._degraded:
                log.warning("group_offsets_not_told", reason=str(error))
            self._degraded = True
            return
        self._metrics.group_commit(True)
        if self._degraded:
            log.info("group_offsets_told_again")
        self._degraded = False
        self._told = {lane: self._told[lane] for lane in held.keys() & self._told.keys()}
        self._told |= {lane: (offset, now) for lane, offset in fresh.items()}
        self._left.clear()

    def _is_news(self, lane: Lane, offset: int, now: float) -> bool:
        told, when = self._told.get(lane, (-1, now))
        return offset != told or now - when >= AGAIN_SECONDS
