"""One worker process as its supervisor sees it."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.tracker.workers.listening import open_listening
from services.tracker.workers.worker import Worker, spawn

# Each is told its number, the public socket's and the lifeline's.
GOOD = """
import socket, sys
line = socket.socket(fileno=int(sys.argv[3]))
listening = socket.socket(fileno=int(sys.argv[2]))
line.send(b"s")
line.send(b"r")
told = line.recv(1)
sys.exit(0 if told == b"d" and listening.getsockname()[1] and sys.argv[1] == "7" else 1)
"""
SILENT = "import time; time.sleep(600)"
DEAF = GOOD.replace("told = line.recv(1)", "import time; time.sleep(600)")


@asynccontextmanager
async def a_worker(code: str) -> AsyncIterator[tuple[Worker, socket.socket]]:
    async with asyncio.timeout(30):
        with await open_listening("127.0.0.1", 0) as listening:
            worker = await spawn(7, (sys.executable, "-c", code), listening)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(worker.listen())
                try:
                    yield worker, listening
                finally:
                    worker.kill()


async def test_it_serves_until_it_is_told_to_drain() -> None:
    async with a_worker(GOOD) as (worker, listening):
        assert await worker.until_serving(30)
        assert worker.code is None
        assert not listening.get_inheritable()
        assert await worker.end(30) == 0
        assert worker.code == 0


async def test_one_that_does_not_come_to_serve_is_killed() -> None:
    async with a_worker(SILENT) as (worker, _):
        assert not await worker.until_serving(0.2)
        assert worker.code == -9


async def test_one_that_ends_before_it_serves_is_known_by_how_it_ended() -> None:
    async with a_worker("raise SystemExit(2)") as (worker, _):
        assert not await worker.until_serving(30)
        assert worker.code == 2
        assert await worker.end(30) == 2
        assert not worker.serves


async def test_one_that_does_not_drain_in_time_is_killed() -> None:
    async with a_worker(DEAF) as (worker, _):
        assert await worker.until_serving(30)
        assert await worker.end(0.2) == -9


async def test_what_is_gone_neither_serves_nor_is_ready() -> None:
    async with a_worker(DEAF) as (worker, _):
        assert await worker.until_serving(30)
        worker.kill()
        worker.kill()
        assert await worker.ended() == -9
    assert (worker.serves, worker.ready) == (False, False)
