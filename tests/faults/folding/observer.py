"""Watches a projector's database as its superuser: who is in the middle of what, and that checkpoints only go on.

It injects and observes; what is lost or doubled is judged at the public doors alone.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from services.runtime.errors import Fatal, Transient
from services.runtime.leases import Lane
from services.runtime.postgres import connect

_WATCH_SECONDS = 0.05
_SCHEMA = "projector"
_BACKENDS = """
select state, query, wait_event from pg_stat_activity
where datname = current_database() and application_name = 'inkling-projector' and pid <> pg_backend_pid()
"""
_CHECKPOINTS = "select topic, partition, epoch, next_offset, halted from checkpoint where consumer = 'projector'"


class Observer:
    """One database, looked at."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.gone_back: list[str] = []
        """Where an offset or an epoch went back though nobody had it do so."""
        self._seen: dict[Lane, tuple[int, int]] = {}
        self._sent_back: set[Lane] = set()

    async def fetch(self, sql: str, *args: object) -> list[Any]:
        """Run one statement as the superuser."""
        async with connect(self.url, application="tests-observer", schema=_SCHEMA) as connection:
            return list(await connection.fetch(sql, *args))

    async def states(self) -> list[str]:
        """Return what each of the projector's connections is doing: `active`, `idle in transaction` and so on."""
        return [str(row["state"]) for row in await self.fetch(_BACKENDS)]

    async def halted(self) -> dict[Lane, str]:
        """Return which lanes stand still, and why."""
        rows = await self.fetch(_CHECKPOINTS)
        return {
            Lane(row["topic"], row["partition"]): row["halted"] for row in rows if row["halted"]
        }

    async def offsets(self) -> dict[Lane, int]:
        """Return how far each lane is folded."""
        rows = await self.fetch(_CHECKPOINTS)
        return {Lane(row["topic"], row["partition"]): row["next_offset"] or 0 for row in rows}

    async def run_out(self) -> None:
        """Have every lease run out now, and every worker be silent: what ten seconds do to those of the dead."""
        await self.fetch("update worker set seen_at = seen_at - interval '10 s'")
        await self.fetch(
            "update checkpoint set lease_until = clock_timestamp() where owner is not null"
        )

    def sends_back(self, lane: Lane) -> None:
        """Expect that an operator has a lane go on further back."""
        self._sent_back.add(lane)

    def forget(self) -> None:
        """Let the next look be the first, as after a failover to a database that lacks some commits."""
        self._seen.clear()

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Look at the checkpoints again and again while a block runs."""
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(self._watch())
            try:
                yield
            finally:
                task.cancel()

    async def _watch(self) -> None:
        while True:
            with contextlib.suppress(Transient, Fatal, TimeoutError):
                async with connect(
                    self.url, application="tests-observer", schema=_SCHEMA
                ) as connection:
                    while True:
                        self._compare(await connection.fetch(_CHECKPOINTS))
                        await asyncio.sleep(_WATCH_SECONDS)
            await asyncio.sleep(_WATCH_SECONDS)

    def _compare(self, rows: Sequence[Any]) -> None:
        for row in rows:
            lane = Lane(row["topic"], row["partition"])
            now = (row["epoch"], row["next_offset"] or 0)
            before = self._seen.get(lane, (0, 0))
            if now[1] < before[1] and lane in self._sent_back:
                self._sent_back.remove(lane)
            elif now[0] < before[0] or now[1] < before[1]:
                self.gone_back.append(f"{lane} went back from {before} to {now}")
            self._seen[lane] = now
