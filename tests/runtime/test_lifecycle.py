import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson
import pytest

from services.runtime.lifecycle import Life, ReadinessChecks, contain

SECONDS = 20


@asynccontextmanager
async def tiny(behaviour: str = "good", drain: str = "5", **more: str) -> AsyncIterator[Process]:
    environ = {"INKLING_TRACKER_EDGE": behaviour, "INKLING_DRAIN_SECONDS": drain, **more}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.runtime.tiny_service",
        stdout=PIPE,
        stderr=PIPE,
        env={"PATH": os.environ["PATH"], **environ},
    )
    try:
        async with asyncio.timeout(SECONDS):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def until(process: Process, event: str) -> dict[str, object]:
    """Read the log until an event comes."""
    assert process.stdout is not None
    async for line in process.stdout:
        told: dict[str, object] = orjson.loads(line)
        if told["event"] == event:
            return told
    raise AssertionError(f"the process ended without {event}")


async def test_sigterm_drains_and_exits_with_0() -> None:
    async with tiny() as process:
        await until(process, "started")
        process.send_signal(signal.SIGTERM)
        assert (await until(process, "stopping"))["signal"] == "SIGTERM"
        await until(process, "finished")
        await until(process, "drained")
        await until(process, "stopped")
        assert await process.wait() == 0


async def test_ctrl_c_is_a_sigterm() -> None:
    async with tiny() as process:
        await until(process, "started")
        process.send_signal(signal.SIGINT)
        await until(process, "drained")
        assert await process.wait() == 0


@pytest.mark.parametrize("behaviour", ["slow-drain", "blocked-drain"])
async def test_a_second_signal_exits_at_once(behaviour: str) -> None:
    async with tiny(behaviour, drain="60") as process:
        await until(process, "started")
        process.send_signal(signal.SIGTERM)
        await until(process, "stopping")
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 130


async def test_what_must_be_done_on_a_second_signal_is_done_first() -> None:
    async with tiny("tidy", drain="60") as process:
        await until(process, "started")
        process.send_signal(signal.SIGTERM)
        await until(process, "finished")
        process.send_signal(signal.SIGTERM)
        await until(process, "abandoned")
        assert await process.wait() == 130


async def test_a_service_that_stops_by_itself_has_no_longer_than_one_that_is_told_to() -> None:
    async with tiny("stops-itself", drain="0.2") as process:
        await until(process, "finished")
        await until(process, "drain_incomplete")
        assert await process.wait() == 1


async def test_a_start_that_is_given_up_by_the_service_itself_ends_with_0() -> None:
    async with tiny("stops-in-start", drain="60") as process:
        await until(process, "stopped")
        assert await process.wait() == 0


async def test_a_drain_ends_at_its_deadline_with_1() -> None:
    async with tiny("slow-drain", drain="0.2") as process:
        await until(process, "started")
        process.send_signal(signal.SIGTERM)
        await until(process, "drain_incomplete")
        assert await process.wait() == 1


async def test_a_blocked_drain_is_ended_from_outside_the_loop_and_shows_where() -> None:
    async with tiny("blocked-drain", drain="0.2") as process:
        await until(process, "started")
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 1
        assert process.stderr is not None
        assert b"tiny_service.py" in await process.stderr.read()


async def test_a_signal_during_the_start_ends_it_with_0() -> None:
    async with tiny("slow-start", drain="60") as process:
        await until(process, "starting")
        process.send_signal(signal.SIGTERM)
        await until(process, "stopped")
        assert await process.wait() == 0


async def test_a_bad_configuration_exits_with_2_and_lists_every_problem() -> None:
    async with tiny("", drain="never", INKLING_TRACKER_EGDE="x") as process:
        stdout, stderr = await process.communicate()
        assert process.returncode == 2
        assert stdout == b""
        assert stderr.decode().splitlines() == [
            "tracker: INKLING_TRACKER_EGDE is not a name this process knows; "
            "did you mean INKLING_TRACKER_EDGE?",
            "tracker: INKLING_DRAIN_SECONDS must be seconds from 0.1 to 600, not 'never'",
            "tracker: INKLING_TRACKER_EDGE must be text, not ''",
        ]


async def test_a_configuration_that_turns_out_to_be_unusable_exits_with_2() -> None:
    async with tiny("refusing") as process:
        told = await until(process, "fatal")
        assert told["reason"] == "what the configuration names is not there"
        assert await process.wait() == 2


@pytest.mark.parametrize("behaviour", ["dying-task", "dying-lane"])
async def test_a_dying_background_task_takes_the_process_down_with_1(behaviour: str) -> None:
    async with tiny(behaviour) as process:
        told = await until(process, "crashed")
        assert told["error"] == "RuntimeError: a background task died"
        assert await process.wait() == 1


async def test_a_fatal_start_tells_its_reason_without_a_traceback() -> None:
    async with tiny("fatal-start") as process:
        told = await until(process, "fatal")
        assert told["reason"] == "run `python -m services.tracker migrate`"
        assert "traceback" not in told
        assert await process.wait() == 1


async def test_a_task_that_fails_during_the_drain_is_not_a_clean_stop() -> None:
    async with tiny("fatal-drain") as process:
        await until(process, "started")
        process.send_signal(signal.SIGTERM)
        assert (await until(process, "fatal"))["reason"] == "the spool is gone"
        assert await process.wait() == 1


async def test_contain_answers_for_what_fails_and_for_nothing_else() -> None:
    async def fails() -> str:
        raise ValueError("no")

    async def works() -> str:
        return "yes"

    assert await contain(fails(), str) == "no"
    assert await contain(works(), str) == "yes"


async def test_stopping_twice_does_not_prolong_the_drain() -> None:
    async with asyncio.TaskGroup() as tasks:
        life = Life("tracker", tasks, 10)
        assert life.remaining() == 10
        life.stop()
        first = life.deadline
        life.stop()
        assert life.deadline is first
        assert life.stopping.is_set()


async def test_the_collector_looks_seldom_and_not_at_what_was_there_at_the_start() -> None:
    async with tiny("counted") as process:
        await until(process, "young 50000, kept True")


def test_readiness_tells_what_is_wrong_by_name() -> None:
    checks = ReadinessChecks()
    checks.add("kafka", lambda: None)
    checks.add("postgres", lambda: "refused")
    assert checks.problems() == {"kafka": None, "postgres": "refused"}
    with pytest.raises(ValueError, match="kafka"):
        checks.add("kafka", lambda: None)
