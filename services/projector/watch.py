"""What is looked at from time to time: the database and its schema, and how many facts wait."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Final

from services.projector.metrics import Metrics
from services.runtime import migrations
from services.runtime.errors import Transient
from services.runtime.lifecycle import Life
from services.runtime.log import get_logger
from services.runtime.outbox import Relay
from services.runtime.postgres import Pool

log = get_logger(__name__)

_LOOK_SECONDS: Final = 2.0
_SECOND: Final = 1_000_000


class DatabaseWatch:
    """Knows whether one pool's database answers and has the schema this code needs."""

    def __init__(self, pool: Pool, packages: Sequence[str]) -> None:
        self._pool = pool
        self._packages = packages
        self._trouble: str | None = "postgres: not asked yet"
        self._verified = asyncio.Event()

    def problem(self) -> str | None:
        """Return None, or what is wrong."""
        return self._trouble

    async def verified(self) -> None:
        """Wait until the schema was seen to be what this code needs, or the process is to stop."""
        await self._verified.wait()

    async def run(self, life: Life) -> None:
        """Look until the process is to stop; ``Fatal`` when the schema lacks a migration."""
        while not life.stopping.is_set():
            try:
                await self._look()
            except Transient as error:
                if self._trouble is None:
                    log.warning("database_unreachable", reason=str(error))
                self._trouble = str(error)
            else:
                self._trouble = None
            await pause(life)
        self._verified.set()

    async def _look(self) -> None:
        if self._verified.is_set():
            await self._pool.fetchval("select 1")
        else:
            await migrations.verify(self._pool, self._packages)
            self._verified.set()


async def watch_outbox(relay: Relay, metrics: Metrics, life: Life) -> None:
    """Keep the gauge of waiting facts up to date until the process is to stop."""
    while not life.stopping.is_set():
        with contextlib.suppress(Transient):  # the database's watch tells of it
            rows, oldest = await relay.depth()
            age = 0 if oldest is None else life.clock.now() - oldest
            metrics.outbox_rows.set(rows)
            metrics.outbox_oldest_seconds.set(max(0, age) / _SECOND)
        await pause(life)


async def pause(life: Life) -> None:
    """Wait until the next look, or until the process is to stop."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_LOOK_SECONDS):
            await life.stopping.wait()
