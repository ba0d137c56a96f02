from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.processes import Processes, Program
from deploy.local.waiting import until_ready


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    started = Processes(tmp_path)
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    started.start(Program(name="sleeper", command=command, environment={}, folder=tmp_path))
    yield started
    started.kill("sleeper")


def test_it_asks_until_the_answer_is_yes(processes: Processes) -> None:
    answers = iter([False, False, True])
    until_ready(processes, "sleeper", lambda: next(answers), seconds=30)
    assert next(answers, "nothing more was asked") == "nothing more was asked"


def test_what_answers_at_once_is_not_waited_for(processes: Processes) -> None:
    until_ready(processes, "sleeper", lambda: True, seconds=0)
