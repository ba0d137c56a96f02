"""Kafka is told where lanes stand, as its own tool sees it; however it fails, nobody waits for it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from services.runtime.clock import SystemClock
from services.runtime.errors import Fatal, Transient
from services.runtime.group_offsets import AGAIN_SECONDS, EVERY_SECONDS, GroupOffsets
from services.runtime.kafka import Outgoing
from services.runtime.kafka_group import Group
from services.runtime.leases import Lane
from services.runtime.lifecycle import Life
from services.runtime.postgres import Pool
from tests.support.clock import ManualClock
from tests.support.eventually import eventually
from tests.support.folding import Worker, a_pool, a_schema
from tests.support.lag import consumer_groups, described
from tests.support.stack import Database
from tests.support.topics import a_name, a_topic, produce

LANE, OTHER = Lane("events", 0), Lane("events", 1)


class Counted:
    """What is counted of commits."""

    def __init__(self) -> None:
        self.done: list[bool] = []

    def group_commit(self, done: bool) -> None:
        self.done.append(done)


class Given:
    """A consumer's place, and where it is told; both are the test's."""

    def __init__(self) -> None:
        self.held: dict[Lane, int] = {}
        self.left: dict[Lane, int] = {}
        self.told: list[dict[Lane, int]] = []
        self.failure: Exception | None = None
        self.clock = ManualClock()
        self.counted = Counted()
        self.offsets = GroupOffsets(self, self, self.clock, self.counted)

    def positions(self) -> Mapping[Lane, int]:
        return dict(self.held)

    def take_left(self) -> Mapping[Lane, int]:
        left, self.left = self.left, {}
        return left

    async def commit(self, positions: Mapping[Lane, int], seconds: float) -> None:
        if self.failure is not None:
            raise self.failure
        self.told.append(dict(positions))

    async def close(self, seconds: float) -> None:
        """Nothing is open."""

    async def look(self) -> None:
        """Let it look once."""
        async with asyncio.TaskGroup() as tasks:
            life = Life("tests", tasks, 5.0)
            running = tasks.create_task(self.offsets.run(life))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            life.stop()
            await running


@pytest.fixture
def given() -> Given:
    return Given()


async def test_what_moved_is_told_every_few_seconds_and_all_of_it_every_minute(
    given: Given,
) -> None:
    given.held = {LANE: 5, OTHER: 7}
    await given.look()
    given.held = {LANE: 6, OTHER: 7}
    await given.look()
    assert given.told == [{LANE: 5, OTHER: 7}]
    given.clock.advance(EVERY_SECONDS)
    await given.look()
    assert given.told[1:] == [{LANE: 6}]
    given.clock.advance(AGAIN_SECONDS)
    await given.look()
    assert given.told[2:] == [{LANE: 6, OTHER: 7}]


async def test_a_lane_that_is_given_back_is_told_at_once(given: Given) -> None:
    given.held = {LANE: 5}
    await given.look()
    given.held, given.left = {}, {LANE: 9}
    await given.look()
    await given.offsets.farewell(1.0)
    assert given.told == [{LANE: 5}, {LANE: 9}]


@pytest.mark.parametrize("failure", [Transient("away"), Fatal("no right to")])
async def test_an_outage_is_told_once_and_what_could_not_be_told_is_told_later(
    given: Given, failure: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    given.failure, given.left = failure, {LANE: 4}
    for _ in range(3):
        given.clock.advance(EVERY_SECONDS)
        await given.look()
    assert [one.message for one in caplog.records] == ["group_offsets_not_told"]
    given.failure = None
    given.clock.advance(EVERY_SECONDS)
    await given.look()
    assert given.told == [{LANE: 4}]
    assert given.counted.done == [False, False, False, True]


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[Pool]:
    await a_schema(database)
    async with a_pool(database) as pool:
        yield pool


@asynccontextmanager
async def telling(servers: str, group: str, worker: Worker) -> AsyncIterator[None]:
    offsets = GroupOffsets(
        Group(servers, "tests-group", group), worker.consumer, SystemClock(), Counted()
    )
    async with asyncio.TaskGroup() as tasks:
        life = Life("tests", tasks, 5.0)
        running = tasks.create_task(offsets.run(life))
        try:
            yield
        finally:
            life.stop()
            await running
    await offsets.farewell(5.0)


async def test_kafkas_own_tool_sees_a_group_of_two_workers_without_members_or_rebalances(
    kafka_servers: str, database: Database, pool: Pool
) -> None:
    topic, group = await a_topic(kafka_servers, 4), a_name()
    lanes = [Lane(topic, number) for number in range(4)]
    for lane in lanes:
        await produce(kafka_servers, lane, [Outgoing(key=b"k", value=b"%d" % lane.partition)])
    async with AsyncExitStack() as stack:
        workers = [Worker(kafka_servers, topic, pool)]
        own = await stack.enter_async_context(a_pool(database))
        workers.append(Worker(kafka_servers, topic, own))
        for worker in workers:
            await stack.enter_async_context(telling(kafka_servers, group, worker))
            await stack.enter_async_context(worker.running())
        await eventually(lambda: [len(one.consumer.lanes()) for one in workers] == [2, 2])

        async def seen() -> bool:
            found = await asyncio.to_thread(described, kafka_servers, group)
            return [found[lane].offset for lane in lanes if lane in found] == [1, 1, 1, 1]

        await eventually(seen, 60)
        found = await asyncio.to_thread(described, kafka_servers, group)
        assert [found[lane].lag for lane in lanes] == [0, 0, 0, 0]
        assert {found[lane].member for lane in lanes} == {"-"}
        state = await asyncio.to_thread(
            consumer_groups, kafka_servers, "--describe", "--state", "--group", group
        )
        assert "Empty" in state
    # Both are gone, and told where they stood; what comes now is lag for whoever scales them.
    await produce(kafka_servers, lanes[0], [Outgoing(key=b"k", value=b"more")] * 3)
    found = await asyncio.to_thread(described, kafka_servers, group)
    assert (found[lanes[0]].offset, found[lanes[0]].end, found[lanes[0]].lag) == (1, 4, 3)
