"""Looking at the database and the outbox."""

import asyncio

import pytest
from prometheus_client import CollectorRegistry

from services.projector.app import PACKAGES
from services.projector.metrics import Metrics
from services.projector.watch import DatabaseWatch, watch_outbox
from services.runtime.errors import Fatal
from services.runtime.lifecycle import Life
from services.runtime.outbox import Relay
from services.runtime.postgres import Pool
from tests.projector.records import prepared, record
from tests.projector.store import Store
from tests.support.eventually import eventually
from tests.support.publisher import MemoryPublisher
from tests.support.stack import Database


async def test_a_database_with_the_schema_is_no_problem(store: Store) -> None:
    watch = DatabaseWatch(store.pool, PACKAGES)
    assert watch.problem() is not None
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        life = Life("projector", tasks, 1.0)
        tasks.create_task(watch.run(life))
        await watch.verified()
        await eventually(lambda: watch.problem() is None)
        life.stop()


async def test_a_database_without_the_schema_ends_the_process(bare_database: Database) -> None:
    url = bare_database.url("projector_writer")
    async with Pool(url, application="test", schema="projector", size=1) as pool:
        watch = DatabaseWatch(pool, PACKAGES)
        async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
            with pytest.raises(Fatal, match="projector migrate"):
                await watch.run(Life("projector", tasks, 1.0))


async def test_a_database_that_does_not_answer_is_waited_for() -> None:
    nobody = "postgresql://inkling_projector_writer:x@127.0.0.1:1/inkling"
    async with Pool(nobody, application="test", schema="projector", size=1) as pool:
        watch = DatabaseWatch(pool, PACKAGES)
        async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
            life = Life("projector", tasks, 1.0)
            tasks.create_task(watch.run(life))
            await eventually(lambda: "not asked" not in (watch.problem() or "not asked"))
            life.stop()
            await watch.verified()
        assert "postgres" in (watch.problem() or "")


async def test_the_gauge_shows_the_facts_that_wait(store: Store) -> None:
    registry = CollectorRegistry()
    await store.apply([record(prepared())])
    relay = Relay(store.pool, MemoryPublisher({}), "facts", lambda: [3])
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        life = Life("projector", tasks, 1.0)
        tasks.create_task(watch_outbox(relay, Metrics(registry), life))
        await eventually(lambda: registry.get_sample_value("inkling_projector_outbox_rows") == 1)
        life.stop()
