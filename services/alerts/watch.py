"""Looks from time to time whether the database answers, and whether it has the schema this code needs."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Final

from services.runtime import migrations
from services.runtime.errors import Transient
from services.runtime.lifecycle import Life
from services.runtime.log import get_logger
from services.runtime.postgres import Pool

log = get_logger(__name__)

_LOOK_SECONDS: Final = 2.0


class DatabaseWatch:
    """What is known of the database behind one pool."""

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
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await life.stopping.wait()
        self._verified.set()

    async def _look(self) -> None:
        if self._verified.is_set():
            await self._pool.fetchval("select 1")
        else:
            await migrations.verify(self._pool, self._packages)
            self._verified.set()
