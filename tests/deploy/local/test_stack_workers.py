from __future__ import annotations

import http.client
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.description import describe
from deploy.local.identity import mark
from deploy.local.ports import is_taken
from deploy.local.processes import end_leftovers
from deploy.local.stack import Stack
from tests.support.stack import a_stack
from tests.support.waiting import until

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Kafka and a tracker with two workers."""
    with a_stack(INKLING_TRACKER_WORKERS="2") as stack:
        stack._prepare_kafka()
        yield stack


@pytest.fixture(autouse=True)
def tracker(stack: Stack) -> Iterator[list[int]]:
    """Its processes, the supervisor first."""
    stack.start_service("tracker")
    yield stack.pids()["tracker"]
    stack.stop_service("tracker")


def status(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def gone(pids: list[int]) -> bool:
    return all(mark(pid) is None for pid in pids)


def test_the_description_names_supervisor_and_workers_and_where_each_is_seen(
    stack: Stack, tracker: list[int]
) -> None:
    described = json.loads(json.dumps(describe(stack)))
    assert described["pids"]["tracker"] == tracker
    assert len(set(tracker)) == 3
    assert len(described["metrics"]["tracker"]) == 2
    for worker in range(2):
        assert status(stack.ports.private("tracker", worker), "/readyz") == 200
    assert status(stack.ports.public("tracker"), "/openapi.json") == 200


def test_a_killed_worker_comes_back_and_the_tracker_never_went(
    stack: Stack, tracker: list[int]
) -> None:
    os.kill(tracker[1], signal.SIGKILL)
    assert status(stack.ports.public("tracker"), "/openapi.json") == 200
    until(lambda: len(set(stack.pids()["tracker"]) - {tracker[1]}) == 3)
    assert stack.processes.is_running("tracker")
    stack.wait_ready("tracker")


@pytest.mark.parametrize("killed_before", [False, True])
def test_killing_the_tracker_ends_all_of_it(
    stack: Stack, tracker: list[int], killed_before: bool
) -> None:
    if killed_before:
        os.kill(tracker[0], signal.SIGKILL)
        until(lambda: not stack.processes.is_running("tracker"))
    stack.kill("tracker")
    until(lambda: gone(tracker))


def test_stopping_it_waits_for_workers_whose_supervisor_was_killed(
    stack: Stack, tracker: list[int]
) -> None:
    os.kill(tracker[0], signal.SIGKILL)
    stack.stop_service("tracker")
    assert gone(tracker)
    assert "supervisor_gone" in stack.processes.tail("tracker")
    assert not is_taken(stack.ports.public("tracker"))


def test_leftovers_are_ended_though_their_supervisor_was_killed(
    stack: Stack, tracker: list[int], tmp_path: Path
) -> None:
    # The record that a later run would find, of the tracker alone: Kafka is still needed here.
    record = json.loads((stack.processes.log("tracker").parents[1] / "processes.json").read_text())
    ours = [entry for entry in record if entry["name"] == "tracker"]
    (tmp_path / "processes.json").write_text(json.dumps(ours))
    os.kill(tracker[0], signal.SIGKILL)
    assert end_leftovers(tmp_path) in (["tracker"], [])  # they may have been quicker
    until(lambda: gone(tracker))
