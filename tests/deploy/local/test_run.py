from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local import identity
from deploy.local.ports import SERVICES, Ports, free_ports
from deploy.local.processes import end_leftovers
from deploy.local.unprivileged import CHECKOUT
from tests.support.waiting import until

_SUPERVISOR = """
import sys
from pathlib import Path
from deploy.local.ports import Ports
from deploy.local.processes import supervising
from deploy.local.run import supervise
directory = Path(sys.argv[1])
with supervising(directory):
    sys.exit(supervise(directory, Ports(base=int(sys.argv[2])), demonstrate=False))
"""
_EVERYTHING = {"kafka", "postgres", *SERVICES}


class Run:
    """A supervisor in a process of its own, as `make run` starts one, on free ports."""

    def __init__(self, directory: Path, ports: Ports) -> None:
        self._directory = directory
        self._output = directory / "output"
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(  # noqa: S603 -- ours
                [sys.executable, "-c", _SUPERVISOR, directory, str(ports.base)],
                cwd=CHECKOUT,
                stdout=output,
                stderr=output,
            )

    @property
    def said(self) -> str:
        return self._output.read_text()

    def pids(self) -> dict[str, list[int]]:
        """The processes as `stack.json` has them now."""
        pids: dict[str, list[int]] = json.loads((self._directory / "stack.json").read_text())[
            "pids"
        ]
        return pids

    def until_it_answers(self) -> dict[str, str]:
        """What only its processes bear, by name, once everything answers."""
        until(lambda: "Where to look next" in self.said or self.process.poll() is not None, 90)
        return {name: f"{pid}/{identity.mark(pid)}" for name, (pid, *_) in self.pids().items()}

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(60)


def alive(marks: dict[str, str]) -> set[str]:
    return {
        name
        for name, mark in marks.items()
        if f"{mark.partition('/')[0]}/{identity.mark(int(mark.partition('/')[0]))}" == mark
    }


@pytest.fixture
def place(tmp_path: Path, servers: object) -> Iterator[Path]:
    assert servers is not None
    yield tmp_path
    end_leftovers(tmp_path)


def test_a_killed_supervisor_stops_no_later_run_and_a_signal_leaves_nothing(place: Path) -> None:
    ports = free_ports()
    first = Run(place, ports)
    left = first.until_it_answers()
    assert alive(left) == _EVERYTHING
    first.end(signal.SIGKILL)

    second = Run(place, ports)
    marks = second.until_it_answers()
    assert "left behind by an earlier run" in second.said
    assert alive(left) == set()
    assert alive(marks) == _EVERYTHING
    assert second.end(signal.SIGINT) == 0
    assert alive(marks) == set()
    assert not (place / "stack.json").exists()


def test_a_program_that_dies_is_named_and_takes_the_rest_down(place: Path) -> None:
    run = Run(place, free_ports())
    marks = run.until_it_answers()
    os.kill(int(marks["alerts"].partition("/")[0]), signal.SIGKILL)
    assert run.process.wait(60) == 1
    assert "alerts ended with status -9" in run.said
    assert alive(marks) == set()
    assert not (place / "stack.json").exists()


def test_a_taken_port_is_named_and_nothing_is_started(place: Path) -> None:
    ports = free_ports()
    with socket.create_server(("127.0.0.1", ports.public("alerts"))):
        run = Run(place, ports)
        assert run.process.wait(60) == 1
    assert f"port {ports.public('alerts')} (alerts) is held by process {os.getpid()}" in run.said
    assert "INKLING_PORT_BASE" in run.said
    assert not (place / "processes.json").exists()


def test_a_worker_that_dies_is_replaced_in_the_description_and_none_outlives_the_run(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INKLING_TRACKER_WORKERS", "2")
    run = Run(place, free_ports())
    marks = run.until_it_answers()
    supervisor, killed, spared = run.pids()["tracker"]
    os.kill(killed, signal.SIGKILL)
    until(lambda: len({*run.pids()["tracker"]} - {killed}) == 3)
    assert run.pids()["tracker"][0] == supervisor
    assert spared in run.pids()["tracker"]
    everybody = [pid for pids in run.pids().values() for pid in pids]
    # the supervisor of the workers dies, and so the run ends itself
    os.kill(supervisor, signal.SIGKILL)
    assert run.process.wait(60) == 1
    assert "tracker ended with status -9" in run.said
    assert alive(marks) == set()
    assert [pid for pid in everybody if identity.mark(pid) is not None] == []
