"""A service of a few lines, run as a process of its own; its name of an edge says how it behaves."""

import asyncio
import gc
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from services.runtime import parsers
from services.runtime.config import ProcessConfig, group, setting
from services.runtime.errors import Fatal
from services.runtime.lifecycle import Life, Refused, run


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What this service reads."""

    process: ProcessConfig = group(ProcessConfig)
    behaviour: str = setting("INKLING_TRACKER_EDGE", parsers.text(), help="what goes wrong")


_FAILURES = {
    "fatal-start": Fatal("run `python -m services.tracker migrate`"),
    "refusing": Refused("what the configuration names is not there"),
}


async def _forever() -> None:
    await asyncio.Event().wait()


async def _die() -> None:
    raise RuntimeError("a background task died")


async def _fail_late(life: Life) -> None:
    await life.stopping.wait()
    raise Fatal("the spool is gone")


async def _finish(life: Life) -> None:
    await life.stopping.wait()
    say("finished")


def _write(line: bytes) -> None:
    os.write(1, line)


def say(event: str) -> None:
    """Tell the test, on the same pipe as the log."""
    sys.stdout.write(f'{{"event":"{event}"}}\n')
    sys.stdout.flush()


async def _start(config: Config, life: Life) -> None:
    if config.behaviour == "stops-in-start":
        life.stop()
    if config.behaviour in ("slow-start", "stops-in-start"):
        say("starting")
        await _forever()
    if config.behaviour in _FAILURES:
        raise _FAILURES[config.behaviour]


@asynccontextmanager
async def build(config: Config, life: Life) -> AsyncIterator[None]:
    """Behave as told; good behaviour is a task that is cancelled, and one that ends by itself."""
    life.tasks.create_task(_forever())
    await _start(config, life)
    async with asyncio.TaskGroup() as lanes:
        lanes.create_task(_finish(life))
        if config.behaviour == "tidy":
            # past the buffer, which may be in use at that very moment
            life.at_once = partial(_write, b'{"event":"abandoned"}\n')
        if config.behaviour == "counted":
            say(f"young {gc.get_threshold()[0]}, kept {gc.get_freeze_count() > 0}")
        if config.behaviour == "stops-itself":
            life.stop()
        if config.behaviour == "dying-task":
            life.tasks.create_task(_die())
        if config.behaviour == "dying-lane":
            lanes.create_task(_die())
        if config.behaviour == "fatal-drain":
            lanes.create_task(_fail_late(life))
        yield
    assert life.deadline is not None
    if config.behaviour in ("slow-drain", "stops-itself", "tidy"):
        await _forever()
    if config.behaviour == "blocked-drain":
        time.sleep(60)  # noqa: ASYNC251 this is the fault under test
    say("drained")


if __name__ == "__main__":
    run("tracker", Config, build, os.environ)
