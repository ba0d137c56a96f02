"""Live waits while both are at one place, for no longer than is allowed."""

from collections.abc import AsyncIterator

import pytest
from prometheus_client import CollectorRegistry

from services.projector.apply import ReadModels
from services.projector.metrics import Metrics
from services.projector.rebuild import beside
from services.projector.rebuild.following import Building, Follower
from services.projector.rebuild.pacing import Pace
from services.projector.rebuild.redriven import Redriven
from services.projector.rebuild.stillness import NotStillError, still
from services.projector.rebuild.tables import LIVE
from services.runtime.clock import SystemClock
from services.runtime.errors import Transient
from services.runtime.leases import Lane
from services.runtime.postgres import Pool, connect
from services.runtime.restraint import Restraint
from tests.projector.store import migrate
from tests.support.stack import Database

CHECKPOINT = "insert into {} (consumer, topic, partition, next_offset) values ($1, 'log', 0, $2)"
UPDATE = "update projector.checkpoint set halted = null"


@pytest.fixture
async def owner(database: Database) -> AsyncIterator[Pool]:
    await migrate(database)
    url = database.url("projector_owner")
    async with Pool(url, application="tests", schema=LIVE, size=4) as pool:
        async with pool.acquire() as connection:
            await beside.make(connection)
        await pool.execute(CHECKPOINT.format("projector.checkpoint"), "projector", 7)
        yield pool


def follower(owner: Pool) -> Follower:
    """Return one without a consumer: it is where the checkpoints say."""
    restraint, clock = Restraint(), SystemClock()
    fold = ReadModels(clock, Metrics(CollectorRegistry()), None)
    building = Building(fold, owner, restraint, Pace(), clock)
    return Follower(owner, building, Redriven(owner, owner, fold), restraint, lambda: None)


async def test_live_waits_while_the_block_runs_and_goes_on_after_it(
    owner: Pool, database: Database
) -> None:
    await owner.execute(CHECKPOINT.format("projector_beside.checkpoint"), beside.CONSUMER, 7)
    writer = database.url("projector_writer")
    async with connect(writer, application="tests", schema=LIVE) as live:
        await live.execute("set lock_timeout = '50ms'")
        async with owner.acquire() as connection, still(connection, follower(owner), 1.0) as vector:
            assert vector == {Lane("log", 0): 7}
            with pytest.raises(Transient, match="55P03"):
                await live.execute(UPDATE)
        assert await live.execute(UPDATE) == 1


@pytest.mark.parametrize("there", [6, 8])
async def test_what_is_not_exactly_there_in_time_lets_live_go_on(
    owner: Pool, database: Database, there: int
) -> None:
    await owner.execute(CHECKPOINT.format("projector_beside.checkpoint"), beside.CONSUMER, there)
    async with owner.acquire() as connection:
        with pytest.raises(NotStillError, match="did not come"):
            async with still(connection, follower(owner), 0.1):
                pytest.fail("it is not there")
    async with connect(database.url("projector_writer"), application="tests") as live:
        await live.execute("set lock_timeout = '50ms'")
        assert await live.execute(UPDATE) == 1


async def test_a_slice_that_never_ends_is_not_waited_for(owner: Pool, database: Database) -> None:
    async with (
        connect(database.url("projector_writer"), application="tests") as live,
        live.transaction(),
    ):
        await live.execute(UPDATE)
        async with owner.acquire() as connection:
            with pytest.raises(NotStillError, match="never free"):
                async with still(connection, follower(owner), 0.1):
                    pytest.fail("live is in a slice")
