"""Looks into the tables for what no worker tells by itself: lanes that nobody holds, gaps, what waits in quarantine."""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Final, Protocol

from services.runtime.errors import Transient
from services.runtime.lifecycle import Life
from services.runtime.operator.lanes import Lanes
from services.runtime.postgres import Pool

_LOOK_SECONDS: Final = 10.0


class Shown(Protocol):
    """Where it is shown."""

    def stands(self, unheld: int, passed_over: int, waiting: Mapping[str, int]) -> None:
        """Tell how many lanes nobody holds, how many records are never folded, and what waits, by reason."""


class LaneWatch:
    """Looks from time to time; alike in all processes of a service, since the tables are."""

    def __init__(self, pool: Pool, consumer: str, metrics: Shown) -> None:
        self._lanes = Lanes(pool, consumer)
        self._metrics = metrics

    async def run(self, life: Life) -> None:
        """Look until the process is to stop; while the database is away, what was seen last stays."""
        while not life.stopping.is_set():
            with contextlib.suppress(Transient):  # the database's own watch tells of it
                await self.look()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await life.stopping.wait()

    async def look(self) -> None:
        """Look once."""
        unheld = await self._lanes.unheld()
        passed_over = await self._lanes.passed_over()
        self._metrics.stands(len(unheld), passed_over, await self._lanes.waiting())
