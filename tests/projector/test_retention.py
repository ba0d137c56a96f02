"""The history is dropped behind, by tenant, and what was counted of it stays."""

import asyncio
from datetime import date

import pytest
from prometheus_client import CollectorRegistry

from schemas.settings import TenantSet
from schemas.topics import SETTINGS
from services.projector import days
from services.projector.admission import DAY
from services.projector.metrics import Metrics
from services.projector.retention import Retention
from services.runtime.errors import Poison, Transient
from services.runtime.lifecycle import Life
from tests.projector.records import ACME, NOW, RIVAL, opened, prepared, record
from tests.projector.store import Store
from tests.support.clock import ManualClock
from tests.support.eventually import eventually

# The first of January 2026 is NOW's day.
OLD = NOW - 3 * DAY


async def _history(store: Store) -> None:
    """Fold what two tenants' readers did on two days."""
    await days.ensure(store.pool, ManualClock())
    await store.apply(
        [
            record(prepared(), offset=90),
            record(opened(), at=OLD, offset=1),
            record(opened(), at=OLD, offset=2, tenant=RIVAL),
            record(opened(), at=NOW, offset=3),
            record(opened(), at=NOW, offset=4, tenant=RIVAL),
        ]
    )


async def _read_to(store: Store, *instants: int) -> None:
    await store.pool.execute("delete from checkpoint")
    for partition, at in enumerate(instants):
        await store.pool.execute(
            "insert into checkpoint (consumer, topic, partition, read_to) values"
            " ('projector', 'engagement.events.v1', $1, to_timestamp($2::float8 / 1000000))",
            *(partition, float(at)),
        )


async def _keep(store: Store, tenant: str, retention_days: int) -> None:
    setting = TenantSet(since=NOW, by="ada", retention_days=retention_days)
    told = record(setting, tenant=RIVAL if tenant == RIVAL else ACME)
    assert await store.apply([told._replace(topic=SETTINGS.name)]) == ()


async def _left(store: Store) -> list[tuple[str, int]]:
    rows = await store.pool.fetch("select tenant, occurred_at from interaction order by 2, 1")
    return [(row["tenant"], row["occurred_at"]) for row in rows]


async def _once(store: Store, default_days: int | None) -> int:
    metrics = Metrics(type(store.registry)())
    return await Retention(store.pool, metrics, default_days).once(asyncio.Event())


ALL = [(ACME, OLD), (RIVAL, OLD), (ACME, NOW), (RIVAL, NOW)]


async def test_a_day_is_dropped_whole_when_nobody_keeps_it_and_what_was_counted_stays(
    store: Store,
) -> None:
    await _history(store)
    before = {name: rows for name, rows in (await store.tables()).items() if name != "interaction"}
    await _read_to(store, OLD + 32 * DAY)
    assert await _once(store, None) == 0
    assert await _left(store) == ALL
    assert await _once(store, 30) == 6, "five days before it were empty"
    assert await _left(store) == ALL[2:]
    assert {name: rows for name, rows in (await store.tables()).items() if name in before} == before
    assert await _once(store, 30) == 0


async def test_a_lane_that_is_behind_or_was_never_read_keeps_every_day(store: Store) -> None:
    await _history(store)
    assert await _once(store, 8) == 0
    await _read_to(store, NOW + 400 * DAY, OLD + 8 * DAY)
    assert await _once(store, 8) == 4, "those which are further back than a hit may be late"
    assert await _left(store) == ALL


async def test_a_tenants_own_time_is_over_before_or_after_the_others(store: Store) -> None:
    await _history(store)
    await _keep(store, ACME, 10)
    await _read_to(store, OLD + 20 * DAY)
    await _once(store, None)
    assert await _left(store) == [(RIVAL, OLD), (RIVAL, NOW)]
    await _keep(store, ACME, 400)
    await _keep(store, RIVAL, 30)
    await _read_to(store, OLD + 32 * DAY)
    await _once(store, None)
    assert await _left(store) == [(RIVAL, NOW)]


async def test_a_tenant_that_keeps_longer_keeps_only_its_own(store: Store) -> None:
    await _history(store)
    await _keep(store, ACME, 400)
    await _read_to(store, OLD + 32 * DAY)
    await _once(store, 30)
    assert await _left(store) == [(ACME, OLD), (ACME, NOW), (RIVAL, NOW)]


async def test_a_day_that_is_in_use_is_waited_for_no_longer_than_half_a_second(
    store: Store,
) -> None:
    await _history(store)
    await _read_to(store, OLD + 32 * DAY)
    async with store.pool.acquire() as reader, reader.transaction():
        await reader.fetch("select 1 from interaction")
        with pytest.raises(Transient):
            await _once(store, 30)
    assert await _left(store) == ALL
    assert await _once(store, 30) == 6


async def test_a_day_into_which_hits_may_fall_is_not_dropped_whoever_asks(store: Store) -> None:
    with pytest.raises(Poison, match="may still fall"):
        await store.pool.fetchval(
            "select drop_day((now() at time zone 'UTC')::date - 8)",
        )
    assert await store.pool.fetchval("select drop_day($1)", date(2000, 1, 1)) is False


async def test_it_looks_until_the_process_is_to_stop(store: Store) -> None:
    await _history(store)
    await _read_to(store, OLD + 32 * DAY)
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        life = Life("projector", tasks, 1.0)
        metrics = Metrics(type(store.registry)())
        running = tasks.create_task(Retention(store.pool, metrics, 30).run(life))

        async def gone() -> bool:
            return await _left(store) == ALL[2:]

        await eventually(gone)
        life.stop()
        await running


async def test_hits_of_days_without_a_partition_are_over_as_well(store: Store) -> None:
    """Late ones that were re-driven, and those that came while days were not kept, lie together."""
    older = [NOW - 40 * DAY, NOW - 39 * DAY]
    await store.apply(
        [record(opened(), at=at, offset=n, tenant=ACME) for n, at in enumerate((*older, OLD))]
    )
    await days.ensure(store.pool, ManualClock())
    assert await store.pool.fetchval("select count(*) from interaction_other") == 3
    await _read_to(store, NOW)
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    retention = Retention(store.pool, metrics, 38)
    await retention.once(asyncio.Event())
    assert [at for _, at in await _left(store)] == [older[1], OLD]
    assert registry.get_sample_value("inkling_projector_history_stray_hits") == 2
    assert registry.get_sample_value("inkling_projector_history_overdue_partitions") == 0
    assert registry.get_sample_value("inkling_projector_hits_expired_total") == 1
    await Retention(store.pool, metrics, 8).once(asyncio.Event())
    assert [at for _, at in await _left(store)] == [OLD], "a hit may be late for so long"


async def test_whose_history_was_shortened_is_told_from_when_on_it_is_whole(store: Store) -> None:
    async def begins() -> dict[str, str]:
        rows = await store.pool.fetch("select tenant, first_day::text as day from history_floor")
        return {row["tenant"]: row["day"] for row in rows}

    await _history(store)
    await _keep(store, ACME, 10)
    await _read_to(store, OLD + 20 * DAY)
    await _once(store, None)
    assert await begins() == {ACME: "2026-01-02"}
    await _read_to(store, OLD + 32 * DAY)
    await _once(store, 30)
    assert await begins() == {ACME: "2026-01-02", "": "2025-12-30"}


async def test_a_day_that_cannot_be_dropped_is_overdue(store: Store) -> None:
    await _history(store)
    await _read_to(store, OLD + 32 * DAY)
    registry = CollectorRegistry()
    retention = Retention(store.pool, Metrics(registry), 30)
    async with store.pool.acquire() as reader, reader.transaction():
        await reader.fetch("select 1 from interaction")
        with pytest.raises(Transient):
            await retention.once(asyncio.Event())
    assert registry.get_sample_value("inkling_projector_history_overdue_partitions") == 6
    await retention.once(asyncio.Event())
    assert registry.get_sample_value("inkling_projector_history_overdue_partitions") == 0
