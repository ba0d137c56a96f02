"""Keeps the workers: starts them, replaces the dead, restarts them one by one, drains them all.

It has no port of its own. What it knows is in its log; each worker has a private door.
"""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from services.runtime.errors import Fatal
from services.runtime.lifecycle import Life, Refused
from services.runtime.log import get_logger
from services.tracker.config import Config
from services.tracker.workers.listening import open_listening
from services.tracker.workers.post import Post

log = get_logger(__name__)

COMMAND: Final = (sys.executable, "-m", "services.tracker", "worker")
_LOOK_SECONDS: Final = 0.05
# A worker that hangs in its drain ends itself two seconds later and shows where; only then is it killed.
_OVERRUN_SECONDS: Final = 3.0
_KILL_SECONDS: Final = 1.0
_REFUSED: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a worker may take to serve, and a successor to be as ready as the worker before it was."""

    # longer than any start that will still succeed: what the last worker left in its spool is read before
    start_seconds: float = 60.0
    ready_seconds: float = 15.0


PATIENCE: Final = Patience()


def for_supervisor(config: Config) -> Config:
    """Return the configuration with the time that the supervisor itself may take to stop."""
    seconds = config.process.drain_seconds + _OVERRUN_SECONDS + _KILL_SECONDS
    return replace(config, process=replace(config.process, drain_seconds=seconds))


@asynccontextmanager
async def supervise(
    config: Config,
    life: Life,
    command: Sequence[str] = COMMAND,
    patience: Patience = PATIENCE,
    problems: Callable[[], Sequence[str]] = tuple,
) -> AsyncIterator[None]:
    """Have workers serve while the context is open; all of them drain when it closes.

    `problems` tells what is wrong with the configuration now, before a worker is taken away for a successor.
    Raises Fatal when one ends before it serves for the first time, Refused when its configuration is to blame.
    """
    hung_up = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, hung_up.set)
    listening = await open_listening(config.doors.host, config.doors.port)
    posts = [
        Post(number, command, listening, life.tasks, patience.start_seconds)
        for number in range(config.workers)
    ]

    def kill() -> None:
        for post in posts:
            post.kill()

    life.at_once = kill
    try:
        await _fill(posts)
        for post in posts:
            life.tasks.create_task(post.keep(), name=f"post {post.number}")
        drain_seconds = life.remaining() - _KILL_SECONDS
        rolling = _Rolling(posts, drain_seconds, patience.ready_seconds, problems)
        life.tasks.create_task(rolling.on_demand(hung_up), name="rolling restart")
        log.info("workers_serve", count=len(posts), port=listening.getsockname()[1])
        yield
    finally:
        for post in posts:
            post.leave()
        # Ours first: once the last worker closes its own, whoever comes is refused, not left waiting.
        listening.close()
        await _close(posts, life.remaining() - _KILL_SECONDS)


async def _fill(posts: Sequence[Post]) -> None:
    # The first one alone: what is wrong with all of them is said once.
    await _fill_first(posts[0])
    async with asyncio.TaskGroup() as starting:
        for post in posts[1:]:
            starting.create_task(_fill_first(post))


async def _fill_first(post: Post) -> None:
    if not await post.fill():
        code = post.worker.code
        how = Refused if code == _REFUSED else Fatal
        raise how(f"worker {post.number} ended with {code} before it served")


async def _close(posts: Sequence[Post], seconds: float) -> None:
    async with asyncio.TaskGroup() as closing:
        ends = [closing.create_task(post.close(seconds)) for post in posts]
    codes = [end.result() for end in ends]
    if any(codes):
        raise Fatal(f"workers ended with {', '.join(map(str, codes))}")


class _Rolling:
    def __init__(
        self,
        posts: Sequence[Post],
        drain_seconds: float,
        ready_seconds: float,
        problems: Callable[[], Sequence[str]],
    ) -> None:
        self._posts = posts
        self._drain_seconds = drain_seconds
        self._ready_seconds = ready_seconds
        self._problems = problems

    async def on_demand(self, hung_up: asyncio.Event) -> None:
        while True:
            await hung_up.wait()
            hung_up.clear()
            log.info("rolling_restart")
            given_up = await self._roll()
            if given_up is None:
                log.info("rolling_restart_done", workers=len(self._posts))
            else:
                log.error("rolling_restart_given_up", reason=given_up)

    async def _roll(self) -> str | None:
        if found := self._problems():
            return "; ".join(found)
        for post in self._posts:
            if not await _within(self._ready_seconds, self._all_serve):
                return "a worker does not serve, so no other is taken away"
            must_be_ready = post.ready
            if not await post.replace(self._drain_seconds):
                return f"worker {post.number} did not come to serve"
            if must_be_ready and not await _within(self._ready_seconds, partial(_is_ready, post)):
                return f"worker {post.number} is not ready"
        return None

    def _all_serve(self) -> bool:
        return all(post.serves for post in self._posts)


def _is_ready(post: Post) -> bool:
    return post.ready


async def _within(seconds: float, condition: Callable[[], bool]) -> bool:
    try:
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110 what several workers have said
                await asyncio.sleep(_LOOK_SECONDS)
    except TimeoutError:
        return False
    return True
