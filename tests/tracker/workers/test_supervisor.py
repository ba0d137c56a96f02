"""The supervisor over workers of a few lines: who is started, replaced, restarted, drained, and what is said."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from deploy.local.ports import is_taken
from services.runtime.config import load
from services.tracker.config import Config
from services.tracker.workers.supervisor import for_supervisor
from tests.support.freezing import frozen
from tests.tracker.test_config import GIVEN
from tests.tracker.workers.running import all_gone, behave, supervised, until


async def asked(port: int) -> tuple[int, int]:
    """The number and the process of the worker that answers."""
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        number, pid = (await reader.read()).split()
        writer.close()
        await writer.wait_closed()
    return int(number), int(pid)


async def test_workers_share_the_port_and_drain_on_sigterm(tmp_path: Path) -> None:
    async with supervised(tmp_path, workers=3) as running:
        pids = running.pids()
        assert sorted(pids) == [0, 1, 2]
        for number, pid in pids.items():
            with frozen(other for other in pids.values() if other != pid):
                assert await asked(running.port) == (number, pid)
        assert await running.stop() == 0
        assert {line["process"] for line in running.said("stopped")} == {
            *("supervisor", "worker-0", "worker-1", "worker-2")
        }
        await all_gone(list(pids.values()))
        assert not is_taken(running.port)


async def test_a_killed_worker_is_replaced_at_once_and_the_others_serve_on(tmp_path: Path) -> None:
    async with supervised(tmp_path) as running:
        before = running.pids()
        for deaths in (1, 2):
            os.kill(running.pids()[1], signal.SIGKILL)
            assert (await asked(running.port))[0] == 0
            told = await running.until_said("worker_died", deaths)
            assert (told["worker"], told["code"], told["deaths"]) == (1, -9, deaths)
            assert told["again_in_seconds"] == 0.1
            await running.until_said("worker_serves", 1 + deaths, worker=1)
        assert running.pids()[0] == before[0]
        assert running.pids()[1] != before[1]
        assert await running.stop() == 0


async def test_a_connection_waits_while_the_only_ones_who_could_answer_are_gone(
    tmp_path: Path,
) -> None:
    async with supervised(tmp_path) as running:
        before = running.pids()
        for pid in before.values():
            os.kill(pid, signal.SIGKILL)
        number, pid = await asked(running.port)
        assert pid != before[number]


async def test_a_worker_that_never_comes_back_is_tried_less_and_less_often(tmp_path: Path) -> None:
    async with supervised(tmp_path) as running:
        behave(tmp_path, 1, "fatal")
        os.kill(running.pids()[1], signal.SIGKILL)
        await running.until_said("worker_died", 4)
        pauses = [line["again_in_seconds"] for line in running.said("worker_died")][:4]
        assert pauses == [0.1, 0.2, 0.4, 0.8]
        behave(tmp_path, 1, "good")
        await running.until_said("worker_serves", 2, worker=1)
        assert await running.stop() == 0


async def test_a_worker_that_does_not_come_to_serve_in_time_is_killed(tmp_path: Path) -> None:
    async with supervised(tmp_path, INKLING_TRACKER_IDLE_SECONDS="3") as running:
        behave(tmp_path, 1, "slow")
        os.kill(running.pids()[1], signal.SIGKILL)
        assert (await running.until_said("worker_not_serving"))["worker"] == 1
        assert (await running.until_said("worker_died", 2))["code"] == -9
        assert await running.stop() == 0


@pytest.mark.parametrize(("how", "code"), [("fatal", 1), ("refused", 2)])
@pytest.mark.parametrize("number", [0, 1])
async def test_a_worker_that_fails_its_first_start_stops_all_with_its_code(
    tmp_path: Path, how: str, code: int, number: int
) -> None:
    behave(tmp_path, number, how)
    async with supervised(tmp_path, workers=3, wait=False) as running:
        assert await running.ended() == code
        told = {line["process"]: line["reason"] for line in running.said("fatal")}
        assert told.keys() == {"supervisor", f"worker-{number}"}  # once, not once for each
        assert told["supervisor"] == f"worker {number} ended with {code} before it served"
        assert not is_taken(running.port)
        await all_gone(list(running.pids().values()))


async def test_hanging_up_restarts_them_one_by_one_and_twice_is_not_too_much(
    tmp_path: Path,
) -> None:
    async with supervised(tmp_path, workers=3) as running:
        before = running.pids()
        running.process.send_signal(signal.SIGHUP)
        await running.until_said("worker_retires")
        running.process.send_signal(signal.SIGHUP)
        await running.until_said("rolling_restart_done", 2)
        after = running.pids()
        assert after.keys() == before.keys()
        assert not set(after.values()) & set(before.values())
        one_by_one = [
            (line["event"], line["worker"])
            for line in running.lines
            if line["event"] in ("worker_retires", "worker_serves")
        ]
        expected = [
            (what, number) for number in range(3) for what in ("worker_retires", "worker_serves")
        ]
        assert one_by_one[3:] == expected * 2
        assert running.said("worker_died") == []
        assert await running.stop() == 0


@pytest.mark.parametrize("moment", ["rolling_restart", "worker_retires", "worker_serves"])
async def test_a_rolling_restart_may_be_cut_short_at_any_moment(
    tmp_path: Path, moment: str
) -> None:
    async with supervised(tmp_path) as running:
        served = len(running.said("worker_serves"))
        running.process.send_signal(signal.SIGHUP)
        await running.until_said(moment, served + 1 if moment == "worker_serves" else 1)
        assert await running.stop() == 0
        await all_gone([line["pid"] for line in running.lines if "pid" in line])
        assert not is_taken(running.port)


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("refused", "worker 0 did not come to serve"),
        ("unready", "worker 0 is not ready"),
    ],
)
async def test_a_rolling_restart_takes_nobody_away_after_a_successor_that_fails(
    tmp_path: Path, how: str, reason: str
) -> None:
    async with supervised(tmp_path) as running:
        before = running.pids()
        behave(tmp_path, 0, how)
        running.process.send_signal(signal.SIGHUP)
        assert (await running.until_said("rolling_restart_given_up"))["reason"] == reason
        assert running.pids()[1] == before[1]
        behave(tmp_path, 0, "good")
        if how == "refused":
            await running.until_said("worker_serves", 2, worker=0)
        running.process.send_signal(signal.SIGHUP)
        await running.until_said("rolling_restart_done")
        assert await running.stop() == 0


async def test_a_configuration_that_became_unusable_costs_no_worker(tmp_path: Path) -> None:
    async with supervised(tmp_path) as running:
        before = running.pids()
        (tmp_path / "keys").write_text("1:short")
        running.process.send_signal(signal.SIGHUP)
        told = await running.until_said("rolling_restart_given_up")
        assert told["reason"].startswith("INKLING_TOKEN_KEYS must be")
        assert "short" not in told["reason"]
        assert running.pids() == before
        assert running.said("worker_retires") == []
        assert await running.stop() == 0


async def test_workers_that_were_not_ready_are_restarted_all_the_same(tmp_path: Path) -> None:
    behave(tmp_path, 0, "unready")
    behave(tmp_path, 1, "unready")
    async with supervised(tmp_path, wait=False) as running:
        await running.until_said("workers_serve")
        running.process.send_signal(signal.SIGHUP)
        await running.until_said("rolling_restart_done")


async def test_workers_drain_when_their_supervisor_is_killed(tmp_path: Path) -> None:
    async with supervised(tmp_path) as running:
        pids = list(running.pids().values())
        os.kill(running.process.pid, signal.SIGKILL)
        await all_gone(pids)
        assert len(running.said("supervisor_gone")) == 2
        assert {line["process"] for line in running.said("stopped")} == {"worker-0", "worker-1"}
        assert not is_taken(running.port)


async def test_ctrl_c_reaches_every_process_and_is_one_signal_for_each(tmp_path: Path) -> None:
    async with supervised(tmp_path) as running:
        pids = list(running.pids().values())
        os.killpg(running.process.pid, signal.SIGINT)
        assert await running.ended() == 0
        assert len(running.said("stopped")) == 3
        await all_gone(pids)


async def test_a_second_signal_ends_all_at_once(tmp_path: Path) -> None:
    behave(tmp_path, 1, "stubborn")
    async with supervised(tmp_path, wait=False, INKLING_DRAIN_SECONDS="60") as running:
        await running.until_said("workers_serve")
        pids = list(running.pids().values())
        running.process.send_signal(signal.SIGTERM)
        await running.until_said("stopping")
        assert await running.stop() == 130
        await all_gone(pids)


async def test_a_worker_that_does_not_drain_in_time_is_seen_in_the_exit_code(
    tmp_path: Path,
) -> None:
    behave(tmp_path, 1, "stubborn")
    async with supervised(tmp_path, wait=False, INKLING_DRAIN_SECONDS="0.3") as running:
        await running.until_said("workers_serve")
        assert await running.stop() == 1
        assert running.said("drain_incomplete", process="worker-1")
        assert running.said("fatal", reason="workers ended with 0, 1")


async def test_a_worker_that_hangs_is_killed_after_its_drain(tmp_path: Path) -> None:
    async with supervised(tmp_path, INKLING_DRAIN_SECONDS="0.3") as running:
        os.kill(running.pids()[1], signal.SIGSTOP)
        assert await running.stop() == 1
        assert running.said("worker_killed", worker=1)
        await all_gone(list(running.pids().values()))


async def test_a_signal_during_the_start_leaves_nothing(tmp_path: Path) -> None:
    behave(tmp_path, 1, "slow")
    async with supervised(tmp_path, wait=False) as running:
        await running.until_said("worker_serves", worker=0)
        assert await running.stop() == 0
        await all_gone([line["pid"] for line in running.said("worker_serves")])
        assert not is_taken(running.port)


async def test_a_taken_port_is_told_in_one_line(tmp_path: Path) -> None:
    async with supervised(tmp_path) as first:
        async with supervised(tmp_path, wait=False, ports=first.ports) as second:
            assert await second.ended() == 1
            (told,) = second.said("fatal")
            assert f"cannot listen on 127.0.0.1:{first.port}" in told["reason"]
            assert not second.said("worker_serves")
        assert await first.stop() == 0


async def test_a_configuration_is_refused_once(tmp_path: Path) -> None:
    async with supervised(
        tmp_path, wait=False, INKLING_TRACKER_EDGE="a/b", INKLING_TRACKER_FLUSH_SECONDS="never"
    ) as running:
        assert await running.ended() == 2
        await until(lambda: len(running.errors) >= 2)
    assert running.lines == []
    assert [line.split()[1] for line in running.errors] == [
        "INKLING_TRACKER_EDGE",
        "INKLING_TRACKER_FLUSH_SECONDS",
    ]


def test_a_supervisor_has_longer_to_stop_than_its_workers() -> None:
    config = load(Config, GIVEN, "tracker")
    assert for_supervisor(config).process.drain_seconds == config.process.drain_seconds + 4
    # what Compose and Kubernetes wait before they kill
    assert for_supervisor(config).process.drain_seconds < 20
