"""Holds live still for a moment, between two of its slices, while what is beside comes to exactly where live stands.

The checkpoint rows are what live folds under, so whoever locks them all has live wait; nothing else waits, and what is
folded meanwhile is folded when they are let go. The moment is short or it is given up.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from services.projector.rebuild import beside
from services.projector.rebuild.following import Follower
from services.projector.views import CONSUMER
from services.runtime.errors import Transient
from services.runtime.leases import Lane
from services.runtime.postgres import Connection

LOCK_NOT_AVAILABLE: Final = "55P03"
# Less than the second after which PostgreSQL looks for deadlocks: whoever waits in a circle with us is not to suffer.
_PATIENCE_MILLISECONDS: Final = (200, 400, 800, 800, 800)
_PAUSE_SECONDS: Final = 0.2
LOCK_TIMEOUT: Final = "select set_config('lock_timeout', $1, true)"


class NotStillError(Exception):
    """Live could not be held still, or what is beside did not get there in time; both go on as they were."""


Vector = dict[Lane, int]
"""The first offset of each lane that is not folded."""


@asynccontextmanager
async def still(
    connection: Connection, follower: Follower, seconds: float
) -> AsyncIterator[Vector]:
    """Run a block in a transaction of the owner's during which both stand at one vector.

    The time counts from when live stands still; raises ``NotStillError``, after which the block has not run.
    """
    async with connection.transaction():
        vector = await _locked(connection)
        if not await follower.until_at(vector, seconds):
            raise NotStillError(
                f"what is beside did not come to where live stands in {seconds:g} s"
            )
        yield vector


async def _locked(connection: Connection) -> Vector:
    """Lock live's checkpoints, so that it stands still until the transaction ends."""
    for patience in _PATIENCE_MILLISECONDS:
        try:
            async with connection.transaction():
                await connection.fetchval(LOCK_TIMEOUT, f"{patience}ms")
                rows = await connection.fetch(beside.SQL["hold"], CONSUMER)
        except Transient as error:
            if getattr(error.__cause__, "sqlstate", None) != LOCK_NOT_AVAILABLE:
                raise
            await asyncio.sleep(_PAUSE_SECONDS)
        else:
            return {
                Lane(row["topic"], row["partition"]): row["next_offset"]
                for row in rows
                if row["next_offset"] is not None
            }
    raise NotStillError(
        "live's checkpoints were never free: a slice takes too long, or a transaction was left open"
    )
