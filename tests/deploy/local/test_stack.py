from __future__ import annotations

import http.client
import json

from deploy.local.description import describe
from deploy.local.ports import SERVICES
from deploy.local.stack import Stack


def status(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def test_every_service_is_ready_behind_the_ports_of_the_layout(stack: Stack) -> None:
    for service in SERVICES:
        assert status(stack.ports.private(service), "/readyz") == 200
        assert status(stack.ports.public(service), "/openapi.json") == 200


def test_the_description_names_every_process(stack: Stack) -> None:
    described = json.loads(json.dumps(describe(stack)))
    assert described["pids"].keys() == {"kafka", "postgres", *SERVICES}


def test_starting_what_runs_changes_nothing(stack: Stack) -> None:
    before = stack.pids()
    stack.start()
    assert stack.pids() == before


def test_a_killed_service_comes_back_by_name(stack: Stack) -> None:
    before = stack.pids()
    stack.kill("tracker")
    assert not stack.processes.is_running("tracker")
    stack.restart("tracker")
    assert stack.pids()["tracker"] != before["tracker"]
    assert status(stack.ports.private("tracker"), "/readyz") == 200


def test_a_service_that_is_asked_to_end_does_so_without_complaint(stack: Stack) -> None:
    stack.stop_service("rewriter")
    assert "rewriter" not in stack.pids()
    stack.start_service("rewriter")
    assert status(stack.ports.private("rewriter"), "/readyz") == 200
