"""What a worker and its supervisor tell each other, over a real pair of sockets."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress

import pytest

from services.runtime.lifecycle import Life
from services.tracker.workers import lifeline
from services.tracker.workers.lifeline import DRAIN, READY, SERVING, UNREADY

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Return the supervisor's end and the worker's."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        yield ours, theirs


@asynccontextmanager
async def serving() -> AsyncIterator[None]:
    yield


@asynccontextmanager
async def a_life() -> AsyncIterator[Life]:
    """A process's life, whose tasks end with it."""

    async def run(ready: asyncio.Future[Life]) -> None:
        async with asyncio.TaskGroup() as tasks:
            ready.set_result(Life("tracker", tasks, 5))
            await asyncio.Event().wait()

    async with asyncio.timeout(10):
        ready: asyncio.Future[Life] = asyncio.get_running_loop().create_future()
        running = asyncio.create_task(run(ready))
        yield await ready
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def test_a_worker_says_when_it_serves_and_whenever_its_readiness_changes(pair: Pair) -> None:
    ours, theirs = pair
    problems: list[str] = []
    async with a_life() as life:
        life.checks.add("spool", lambda: problems[0] if problems else None)
        async with lifeline.attended(serving(), theirs, life):
            assert await lifeline.hear(ours) == SERVING
            assert await lifeline.hear(ours) == READY
            problems.append("its disk is full")
            assert await lifeline.hear(ours) == UNREADY
            problems.clear()
            assert await lifeline.hear(ours) == READY


async def test_a_worker_drains_when_it_is_told_to(pair: Pair) -> None:
    ours, theirs = pair
    async with a_life() as life, lifeline.attended(serving(), theirs, life):
        lifeline.say(ours, DRAIN)
        await life.stopping.wait()


@pytest.mark.parametrize("unheard", [False, True])
async def test_a_worker_drains_when_its_supervisor_is_gone(pair: Pair, unheard: bool) -> None:
    ours, theirs = pair
    async with a_life() as life, lifeline.attended(serving(), theirs, life):
        if not unheard:
            assert await lifeline.hear(ours) == SERVING
        ours.close()
        await life.stopping.wait()
        lifeline.say(theirs, READY)  # nobody is there to hear it


async def test_a_worker_drains_also_while_it_starts(pair: Pair) -> None:
    ours, theirs = pair

    @asynccontextmanager
    async def starting() -> AsyncIterator[None]:
        await life.stopping.wait()
        yield

    async with a_life() as life:
        lifeline.say(ours, DRAIN)
        async with lifeline.attended(starting(), theirs, life):
            assert await lifeline.hear(ours) == SERVING
