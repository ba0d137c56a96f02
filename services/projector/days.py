"""The day partitions of the interaction table: made ahead of time, never inside a slice."""

import asyncio
import contextlib
from datetime import date, timedelta
from typing import Final

from schemas import instant
from schemas.instant import Instant
from services.projector import views
from services.runtime.clock import Clock
from services.runtime.errors import Transient
from services.runtime.lifecycle import Life
from services.runtime.log import get_logger
from services.runtime.postgres import Pool

log = get_logger(__name__)

# Back as far as a hit may be late, and ahead far enough for a database that is away for a day.
DAYS_BEHIND: Final = 8
DAYS_AHEAD: Final = 2
# More often than needed: a day missed only sends its hits to the default partition.
_LOOK_SECONDS: Final = 6 * 3600.0
_RETRY_SECONDS: Final = 10.0
_ENSURE: Final = "select ensure_days($1, $2)"


def window(now: Instant) -> tuple[date, date]:
    """Say from which day to which partitions should be there."""
    today = instant.to_datetime(now).date()
    return today - timedelta(days=DAYS_BEHIND), today + timedelta(days=DAYS_AHEAD)


async def ensure(pool: Pool, clock: Clock) -> int:
    """Create the partitions that are missing and return how many there were."""
    created = int(await pool.fetchval(_ENSURE, *window(Instant(clock.now()))))
    if created:
        log.info("days_created", days=created)
    return created


async def keep(pool: Pool, clock: Clock, life: Life) -> None:
    """Keep the partitions ahead of time, and drop the views' slots that have passed, until the process is to stop."""
    while not life.stopping.is_set():
        wait = _LOOK_SECONDS
        try:
            await ensure(pool, clock)
            await views.forget(pool)
        except Transient as error:
            log.warning("days_not_kept", reason=str(error))
            wait = _RETRY_SECONDS
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await life.stopping.wait()
