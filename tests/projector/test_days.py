"""The partitions of the history, made ahead of time."""

import asyncio
from datetime import date

from schemas.instant import Instant
from services.projector import days
from services.projector.admission import DAY
from services.runtime.lifecycle import Life
from tests.projector.records import NOW, opened, record
from tests.projector.store import Store
from tests.support.clock import START, ManualClock
from tests.support.eventually import eventually


def test_the_window_reaches_back_further_than_a_hit_may_be_late() -> None:
    assert days.window(Instant(START)) == (date(2025, 12, 24), date(2026, 1, 3))


async def _partitions(store: Store) -> dict[str, int]:
    rows = await store.pool.fetch(
        "select tableoid::regclass::text as name, count(*) from interaction group by 1"
    )
    return {row["name"]: row["count"] for row in rows}


async def test_days_are_created_once_and_hits_go_into_theirs(store: Store) -> None:
    assert await days.ensure(store.pool, ManualClock()) == 11
    assert await days.ensure(store.pool, ManualClock()) == 0
    times = [NOW, NOW + DAY - 1, NOW + DAY, NOW - 30 * DAY]
    await store.apply([record(opened(), at=at, offset=n) for n, at in enumerate(times)])
    assert await _partitions(store) == {
        "interaction_20260101": 2,
        "interaction_20260102": 1,
        "interaction_other": 1,
    }


async def test_a_day_that_lies_in_the_default_partition_stays_there(store: Store) -> None:
    await store.apply([record(opened())])
    assert await days.ensure(store.pool, ManualClock()) == 10
    await store.apply([record(opened(), offset=1)])
    assert await _partitions(store) == {"interaction_other": 2}


async def test_days_are_kept_until_the_process_is_to_stop(store: Store) -> None:
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        life = Life("projector", tasks, 1.0)
        keeping = tasks.create_task(days.keep(store.pool, ManualClock(), life))

        async def created() -> bool:
            found = await store.pool.fetchval(
                "select to_regclass('interaction_20260101') is not null"
            )
            return bool(found)

        await eventually(created)
        life.stop()
        await keeping
