import asyncio

import pytest

from services.alerts.app import PACKAGES, SCHEMA
from services.alerts.watch import DatabaseWatch
from services.runtime import migrations
from services.runtime.errors import Fatal
from services.runtime.lifecycle import Life
from services.runtime.postgres import Pool
from tests.alerts.given import away
from tests.support.eventually import eventually
from tests.support.stack import Database


async def test_a_schema_that_fits_is_verified_once_and_then_asked_for_life(
    database: Database,
) -> None:
    await migrations.apply(database.url("alerts_owner"), SCHEMA, PACKAGES)
    url = database.url("alerts_reader")
    async with asyncio.TaskGroup() as tasks, Pool(url, application="test", schema=SCHEMA) as pool:
        life, watch = Life("alerts", tasks, 5), DatabaseWatch(pool, PACKAGES)
        assert watch.problem() is not None
        running = tasks.create_task(watch.run(life))
        async with asyncio.timeout(10):
            await watch.verified()
        await eventually(lambda: watch.problem() is None)
        life.stop()
        await running


async def test_a_schema_that_lacks_a_migration_ends_the_process(bare_database: Database) -> None:
    url = bare_database.url("alerts_writer")
    async with asyncio.TaskGroup() as tasks, Pool(url, application="test", schema=SCHEMA) as pool:
        with pytest.raises(Fatal, match=r"services\.alerts migrate"):
            await DatabaseWatch(pool, PACKAGES).run(Life("alerts", tasks, 5))


async def test_a_database_that_is_away_is_waited_for(database: Database) -> None:
    await migrations.apply(database.url("alerts_owner"), SCHEMA, PACKAGES)
    url = database.url("alerts_writer")
    async with asyncio.TaskGroup() as tasks, Pool(url, application="test", schema=SCHEMA) as pool:
        life, watch = Life("alerts", tasks, 5), DatabaseWatch(pool, PACKAGES)
        with away(database):
            running = tasks.create_task(watch.run(life))
            await eventually(lambda: "accepting connections" in (watch.problem() or ""))
        await eventually(lambda: watch.problem() is None)
        life.stop()
        await running
