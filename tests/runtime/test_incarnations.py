"""One producer after the other: built again after any failure, buried in time, never waited for without end."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from services.runtime.errors import Transient
from services.runtime.incarnations import Incarnations
from tests.support.eventually import eventually


class Mayfly:
    """A producer that lives as it is told."""

    def __init__(self, number: int, trouble: Transient | None) -> None:
        self.number = number
        self.trouble = trouble
        self.closed = False

    async def start(self, seconds: float) -> None:
        if self.trouble is not None:
            raise self.trouble

    async def close(self, seconds: float) -> None:
        self.closed = True


class Nursery:
    def __init__(self) -> None:
        self.built: list[Mayfly] = []
        self.trouble: Transient | None = None

    def build(self, number: int) -> Mayfly:
        self.built.append(Mayfly(number, self.trouble))
        return self.built[-1]


@asynccontextmanager
async def running(incarnations: Incarnations[Mayfly]) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(incarnations.run())
        yield
        task.cancel()


def soon(seconds: float = 10.0) -> float:
    return asyncio.get_running_loop().time() + seconds


async def test_one_is_live_until_it_is_thrown_away_and_then_the_next() -> None:
    nursery = Nursery()
    incarnations = Incarnations(nursery.build)
    assert await incarnations.live(soon(0.01)) is None
    assert incarnations.trouble == "kafka: not connected yet"
    async with running(incarnations):
        first = await incarnations.live(soon())
        assert first is nursery.built[0]
        assert incarnations.trouble is None
        incarnations.throw_away(first, Transient("kafka: lost"))
        assert incarnations.trouble == "kafka: lost"
        second = await incarnations.live(soon())
        assert second is nursery.built[1]
        assert (first.closed, second.closed, incarnations.count) == (True, False, 2)
        incarnations.throw_away(first, Transient("kafka: late news"))
        assert await incarnations.live(soon()) is second
    assert second.closed


async def test_one_that_does_not_start_is_buried_and_tried_again() -> None:
    nursery = Nursery()
    nursery.trouble = Transient("kafka: nobody there")
    incarnations = Incarnations(nursery.build)
    async with running(incarnations):
        await eventually(lambda: len(nursery.built) == 2)
        assert incarnations.trouble == "kafka: nobody there"
        assert await incarnations.live(soon(0.01)) is None
        nursery.trouble = None
        assert await incarnations.live(soon()) is nursery.built[-1]
    assert all(one.closed for one in nursery.built)


async def test_its_preparation_belongs_to_the_start() -> None:
    nursery = Nursery()
    prepared: list[int] = []
    up: list[int] = []

    async def prepare(one: Mayfly) -> None:
        prepared.append(one.number)
        if one.number == 0:
            raise Transient("kafka: no topic")

    incarnations = Incarnations(nursery.build, prepare, lambda one: up.append(one.number))
    async with running(incarnations):
        assert await incarnations.live(soon()) is nursery.built[1]
        assert (prepared, up) == ([0, 1], [1])


async def test_whoever_is_told_that_one_came_up_may_throw_it_away() -> None:
    nursery = Nursery()
    throw: Callable[[Mayfly], None] = lambda one: (  # noqa: E731
        incarnations.throw_away(one, Transient("no")) if one.number == 0 else None
    )
    incarnations = Incarnations(nursery.build, None, throw)
    async with running(incarnations):
        await eventually(lambda: incarnations.count == 2)


async def test_a_burial_that_hangs_keeps_nobody() -> None:
    class Undead(Mayfly):
        async def close(self, seconds: float) -> None:
            await release.wait()
            self.closed = True

    release = asyncio.Event()
    built: list[Undead] = []

    def build(number: int) -> Undead:
        built.append(Undead(number, None))
        return built[-1]

    incarnations = Incarnations[Undead](build)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(incarnations.run())
        first = await incarnations.live(soon())
        assert first is not None
        incarnations.throw_away(first, Transient("kafka: lost"))
        assert await incarnations.live(soon()) is built[1]
        assert not first.closed
        release.set()
        task.cancel()
    assert all(one.closed for one in built)


async def test_an_outage_is_told_once_however_often_it_is_tried(
    caplog: pytest.LogCaptureFixture,
) -> None:
    nursery = Nursery()
    nursery.trouble = Transient("kafka: nobody there")
    incarnations = Incarnations(nursery.build)
    async with running(incarnations):
        await eventually(lambda: len(nursery.built) >= 4, 10.0)
    told = [each.getMessage() for each in caplog.records]
    assert told.count("producer_not_started") == 1
