"""What makes many requests of one file one view, and when that is forgotten: once no hit can fall into it any more."""

from typing import Final

from schemas.instant import SECOND
from services.projector.admission import DAY, LATENESS_WINDOW
from services.runtime import checkpoint
from services.runtime.log import get_logger
from services.runtime.postgres import Pool, Queries

log = get_logger(__name__)

# Ten minutes of the clock, in UTC: they never straddle an hour or a day. The same length stands in ``view_slot.sql``,
# ``earlier.sql`` and the queries that read the history.
SLOT: Final = 600 * SECOND
CONSUMER: Final = "projector"
"""The name under which the fold keeps its checkpoints."""
# Beyond the window of lateness, because that goes by the clocks of edges and producers.
_MARGIN: Final = DAY
_AT_ONCE: Final = 10_000
_FORGET: Final = Queries.load("services.projector", "projections/view_slot.sql")["forget"]


def first_kept(read_to: int) -> int:
    """Say which is the first slot that a hit may still fall into, when all before a moment is folded."""
    return (read_to - LATENESS_WINDOW - _MARGIN) // SLOT


async def forget(pool: Pool) -> int:
    """Drop the slots that have passed in every lane, and return how many; none while a lane was never read."""
    async with pool.acquire() as connection:
        read_to = await checkpoint.read_to(connection, CONSUMER)
        if read_to is None:
            return 0
        dropped, last = 0, _AT_ONCE
        while last == _AT_ONCE:
            last = await connection.execute(_FORGET, first_kept(read_to), _AT_ONCE)
            dropped += last
    if dropped:
        log.info("view_slots_dropped", slots=dropped)
    return dropped
