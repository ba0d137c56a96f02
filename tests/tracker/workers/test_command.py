"""`python -m services.tracker`: what its arguments and its environment start."""

import asyncio
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import pytest

from services.tracker.workers.command import problems_with
from tests.tracker.test_config import GIVEN
from tests.tracker.wire import ask
from tests.tracker.workers.running import SECONDS, TRACKER, supervised


async def run(*arguments: str) -> tuple[int | None, str]:
    """Run the command to its end: its exit code and what it said."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", TRACKER, *arguments), stdout=PIPE, stderr=STDOUT, stdin=PIPE
    )
    async with asyncio.timeout(SECONDS):
        said, _ = await process.communicate()
    return process.returncode, said.decode()


async def test_one_worker_is_one_process(tmp_path: Path) -> None:
    async with supervised(tmp_path, 1, TRACKER, wait=False) as running:
        await running.until_said("started")
        assert running.said("workers_serve") == []
        assert all("process" not in line for line in running.lines)
        assert (await ask(running.port, "/o/unknown.gif")).status == 200
        assert (await ask(running.private(0), "/livez")).status == 200
        assert await running.stop() == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("worker", "0", "0", "0"), "only its supervisor starts a worker"),
        (("worker", "one", "9", "9"), "only its supervisor starts a worker"),
        (("worker", "0", "999", "999"), "only its supervisor starts a worker"),
        (("wrokers",), "usage: python -m services.tracker"),
    ],
)
async def test_arguments_that_mean_nothing_are_refused(
    arguments: tuple[str, ...], said: str
) -> None:
    code, told = await run(*arguments)
    assert code == 2
    assert said in told
    assert len(told.splitlines()) == 1


def test_problems_are_those_of_the_moment(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    environ = {name: value for name, value in GIVEN.items() if name != "INKLING_TOKEN_KEYS"}
    environ["INKLING_TOKEN_KEYS_FILE"] = str(keys)
    (missing,) = problems_with(environ)
    assert missing.startswith("INKLING_TOKEN_KEYS_FILE cannot be read")
    keys.write_text(GIVEN["INKLING_TOKEN_KEYS"])
    assert problems_with(environ) == ()
