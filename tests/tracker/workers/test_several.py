"""A tracker with several workers: the real thing, without Kafka."""

import asyncio
import os
import signal
from pathlib import Path

import orjson

from deploy.local.ports import is_taken
from tests.support.eventually import eventually
from tests.support.freezing import frozen
from tests.tracker.given import click_token, open_token
from tests.tracker.wire import ask
from tests.tracker.workers.load import under_load
from tests.tracker.workers.running import SECONDS, TRACKER, Supervised, all_gone, supervised

# Nothing is recorded of them, so that they are answered without Kafka as with it.
UNKNOWN = ("/o/unknown.gif", "/c/unknown", "/openapi.json")
ANSWERS = {200, 404}
# Recorded in the spool, which each worker has for itself, since Kafka is away.
KNOWN = (f"/o/{open_token()}.gif", f"/c/{click_token()}")


async def received(running: Supervised, number: int) -> float:
    """How many hits a worker has counted."""
    exposed = (await ask(running.private(number), "/metrics")).body.decode()
    counts = [line for line in exposed.splitlines() if line.startswith("inkling_tracker_received")]
    return sum(float(line.split()[-1]) for line in counts)


async def test_workers_answer_on_one_port_and_each_on_a_private_one(tmp_path: Path) -> None:
    async with supervised(tmp_path, 3, TRACKER) as running:
        pids = running.pids()
        for number, pid in pids.items():
            version = orjson.loads((await ask(running.private(number), "/version")).body)
            assert version["service"] == "tracker"
            before = await received(running, number)
            with frozen(other for other in pids.values() if other != pid):
                assert (await ask(running.port, "/o/unknown.gif")).status == 200
            assert await received(running, number) == before + 1
        listening = {(line["process"], line["port"]) for line in running.said("listening")}
        for number in pids:
            assert (f"worker-{number}", running.private(number)) in listening
        assert await running.stop() == 0
        assert not any(is_taken(port) for port in (running.port, *map(running.private, pids)))


async def test_no_request_fails_while_workers_are_restarted_one_by_one(tmp_path: Path) -> None:
    async with supervised(tmp_path, 2, TRACKER) as running:
        before = running.pids()
        async with (
            under_load(running.port, *UNKNOWN, *KNOWN) as busy,
            under_load(running.port, *UNKNOWN, *KNOWN, pause=0.05) as calm,
        ):
            for cycle in (1, 2, 3):
                running.process.send_signal(signal.SIGHUP)
                await running.until_said("rolling_restart_done", cycle)
                reached = busy.answered + 200
                await eventually(lambda reached=reached: busy.answered > reached, SECONDS)
        for load in (busy, calm):
            assert load.failures == []
            assert load.statuses.keys() == ANSWERS | {302}
        assert not set(running.pids().values()) & set(before.values())
        assert running.said("worker_died") == []
        assert await running.stop() == 0


async def test_whoever_is_not_with_the_killed_worker_notices_nothing(tmp_path: Path) -> None:
    async with supervised(tmp_path, 2, TRACKER) as running:
        pid = running.pids()[1]
        with frozen([pid]):  # so that all of these are with the other one
            first = under_load(running.port, *UNKNOWN, clients=4)
            load = await first.__aenter__()
            await eventually(lambda: load.answered > 100 and load.connections == 4, SECONDS)
        os.kill(pid, signal.SIGKILL)
        await running.until_said("worker_serves", 2, worker=1)
        assert (await ask(running.private(1), "/livez")).status == 200
        await first.__aexit__(None, None, None)
        assert load.failures == []
        assert load.statuses.keys() == ANSWERS
        assert await running.stop() == 0


async def test_workers_end_when_their_supervisor_is_killed_and_another_can_start(
    tmp_path: Path,
) -> None:
    async with supervised(tmp_path, 2, TRACKER) as first:
        pids = list(first.pids().values())
        os.kill(first.process.pid, signal.SIGKILL)
        await all_gone(pids)
        assert {line["process"] for line in first.said("supervisor_gone")} == {
            *("worker-0", "worker-1")
        }
        async with supervised(tmp_path, 2, TRACKER, ports=first.ports) as second:
            assert (await ask(first.port, "/o/unknown.gif")).status == 200
            assert await second.stop() == 0


async def test_a_private_port_that_is_taken_is_told_in_one_line(tmp_path: Path) -> None:
    async with supervised(tmp_path, 2, TRACKER, wait=False) as running:
        server = await asyncio.start_server(lambda _, __: None, "127.0.0.1", running.private(1))
        async with server:
            assert await running.ended() == 1
        (told,) = running.said("fatal", process="worker-1")
        assert f"127.0.0.1:{running.private(1)}" in told["reason"]
        assert len(running.said("fatal")) == 2  # the supervisor says which worker it was
        await all_gone(list(running.pids().values()))
