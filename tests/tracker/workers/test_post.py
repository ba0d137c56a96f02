"""One worker's place: at most one worker at a time, whatever happens at the same moment."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from services.tracker.workers.listening import open_listening
from services.tracker.workers.post import Post
from tests.support.eventually import eventually

# Tells a folder when it begins and when it ends; drains when told to or left alone.
WORKER = """
import os, pathlib, socket, sys
alive = pathlib.Path(sys.argv[1], str(os.getpid()))
alive.touch()
assert len(list(alive.parent.iterdir())) == 1, "two at a time"
line = socket.socket(fileno=int(sys.argv[4]))
line.send(b"s")
line.recv(1)
alive.unlink()
"""


@asynccontextmanager
async def a_post(folder: Path, code: str = WORKER) -> AsyncIterator[Post]:
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        with await open_listening("127.0.0.1", 0) as listening:
            post = Post(1, (sys.executable, "-c", code, str(folder)), listening, tasks, 20.0)
            try:
                yield post
            finally:
                await post.close(10)


async def test_it_is_filled_kept_and_closed(tmp_path: Path) -> None:
    async with a_post(tmp_path) as post:
        assert not post.serves
        assert await post.fill()
        first = post.worker.pid
        async with asyncio.TaskGroup() as keeping:
            keeping.create_task(post.keep())
            assert await post.replace(10)
            second = post.worker.pid
            assert await post.replace(10)
            assert len({first, second, post.worker.pid}) == 3
            assert await post.close(10) == 0
    assert os.listdir(tmp_path) == []


async def test_a_replacement_of_one_that_dies_at_that_moment_is_one(tmp_path: Path) -> None:
    tmp_path.joinpath("one").mkdir()
    async with a_post(tmp_path / "one") as post:
        assert await post.fill()
        killed = post.worker
        tmp_path.joinpath("one", str(killed.pid)).unlink()
        async with asyncio.TaskGroup() as keeping:
            keeping.create_task(post.keep())
            killed.kill()
            assert await post.replace(10)
            assert post.worker is not killed
            assert await post.close(10) == 0


async def test_a_machine_without_room_for_a_process_is_asked_again(tmp_path: Path) -> None:
    async with a_post(tmp_path) as post, asyncio.TaskGroup() as keeping:
        assert await post.fill()
        keeping.create_task(post.keep())
        command, post._command = post._command, ("/nowhere/python",)
        assert await post.replace(10) is False
        assert not post.serves
        post._command = command
        await eventually(lambda: post.serves)
        assert await post.close(10) == 0


async def test_closing_it_while_somebody_starts_leaves_nobody(tmp_path: Path) -> None:
    async with a_post(tmp_path) as post, asyncio.TaskGroup() as filling:
        filled = filling.create_task(post.fill())
        await eventually(lambda: filled.done() or post._worker is not None)
        assert await post.close(10) == 0
    assert os.listdir(tmp_path) == []
    assert not await post.fill()


async def test_whoever_ended_before_it_was_closed_says_nothing_of_its_end(tmp_path: Path) -> None:
    async with a_post(tmp_path, "raise SystemExit(3)") as post:
        assert not await post.fill()
        assert post.worker.code == 3
        assert await post.close(10) == 0


async def test_nobody_was_there_yet(tmp_path: Path) -> None:
    async with a_post(tmp_path) as post:
        with pytest.raises(RuntimeError, match="nobody"):
            _ = post.worker
        post.kill()
        assert (post.serves, post.ready) == (False, False)
