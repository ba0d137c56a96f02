from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local import identity
from deploy.local.processes import (
    AlreadyRunningError,
    ClosedError,
    CommandFailedError,
    NotReadyError,
    ProcessDiedError,
    Processes,
    Program,
    end_leftovers,
    supervising,
)
from deploy.local.waiting import until_ready
from tests.support.waiting import until

_SLEEPER = "import time; print('here', flush=True); time.sleep(600)"
_STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {_SLEEPER}"


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    started = Processes(tmp_path)
    yield started
    started.stop(started.names(), seconds=0)


def start(processes: Processes, folder: Path, name: str, code: str) -> None:
    command = [sys.executable, "-c", code]
    processes.start(Program(name=name, command=command, environment={}, folder=folder))


def started(processes: Processes, folder: Path, code: str, name: str = "sleeper") -> int:
    """Start a program that says `here`, and wait for that; its number."""
    start(processes, folder, name, code)
    until_ready(processes, name, lambda: "here" in processes.tail(name), seconds=30)
    return processes.pid(name)


def started_with_a_worker(processes: Processes, folder: Path, does: str) -> int:
    """Start a program that starts itself once more, to do something; the number of the second."""
    code = (
        "import subprocess, sys, time\n"
        "if sys.argv[-1] == 'worker':\n"
        f"    print('here', flush=True); {does}; print('farewell', flush=True)\n"
        "else:\n"
        "    worker = subprocess.Popen([*sys.orig_argv, 'worker'])\n"
        "    print(f'worker={worker.pid}', flush=True); time.sleep(600)\n"
    )
    processes.log("leader").unlink(missing_ok=True)
    started(processes, folder, code, "leader")
    until(lambda: "worker=" in processes.tail("leader"))
    (said,) = [line for line in processes.tail("leader").splitlines() if "worker=" in line]
    return int(said.partition("=")[2])


def until_gone(pid: int) -> None:
    until(lambda: identity.mark(pid) is None)


def python(code: str, directory: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, str(directory)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603 -- ours


def test_a_program_is_asked_to_end_and_forgotten(processes: Processes, tmp_path: Path) -> None:
    pid = started(processes, tmp_path, _SLEEPER)
    assert processes.is_running("sleeper")
    processes.stop(["sleeper"], seconds=30)
    assert identity.mark(pid) is None
    assert processes.names() == ()


def test_one_that_will_not_end_is_killed(processes: Processes, tmp_path: Path) -> None:
    pid = started(processes, tmp_path, _STUBBORN)
    processes.stop(["sleeper"], seconds=0.1)
    assert identity.mark(pid) is None


def test_killing_takes_the_children_too(processes: Processes, tmp_path: Path) -> None:
    parent = (
        "import subprocess, sys, time;"
        f" child = subprocess.Popen([sys.executable, '-c', {_SLEEPER!r}]);"
        " print(child.pid, flush=True); time.sleep(600)"
    )
    started(processes, tmp_path, parent)
    child = int(processes.log("sleeper").read_text().split()[0])
    processes.kill("sleeper")
    until_gone(child)


def test_the_dead_are_named_with_their_last_words(processes: Processes, tmp_path: Path) -> None:
    start(processes, tmp_path, "brief", "print('farewell'); raise SystemExit(3)")
    with pytest.raises(ProcessDiedError, match=r"(?s)brief ended with status 3.*farewell"):
        until_ready(processes, "brief", lambda: False, seconds=30)
    assert processes.dead() == ["brief"]


def test_one_that_never_answers_is_given_up(processes: Processes, tmp_path: Path) -> None:
    started(processes, tmp_path, _SLEEPER)
    with pytest.raises(NotReadyError, match="not ready in 0 s"):
        until_ready(processes, "sleeper", lambda: False, seconds=0.1)


def test_a_command_runs_to_its_end_or_says_why_not(processes: Processes, tmp_path: Path) -> None:
    def run(code: str, seconds: float = 30) -> None:
        command = [sys.executable, "-c", code]
        program = Program(name="once", command=command, environment={}, folder=tmp_path)
        processes.run(program, seconds)

    run("print('done')")
    with pytest.raises(CommandFailedError, match=r"(?s)once failed with status 2.*no room"):
        run("print('no room'); raise SystemExit(2)")
    with pytest.raises(CommandFailedError, match="once failed with status -9"):
        run(_SLEEPER, seconds=0.1)
    assert processes.names() == ()


def test_once_closed_nothing_is_started_or_waited_for(processes: Processes, tmp_path: Path) -> None:
    started(processes, tmp_path, _SLEEPER)
    processes.close()
    with pytest.raises(ClosedError):
        until_ready(processes, "sleeper", lambda: False, seconds=30)
    with pytest.raises(ClosedError):
        start(processes, tmp_path, "late", _SLEEPER)


def test_logs_of_the_stack_before_are_kept_beside(processes: Processes, tmp_path: Path) -> None:
    started(processes, tmp_path, _SLEEPER)
    processes.kill("sleeper")
    assert Processes(tmp_path).tail("sleeper") == "(it said nothing)"
    assert "here" in (tmp_path / "logs" / "sleeper.log.1").read_text()


def test_leftovers_of_a_killed_supervisor_are_ended(tmp_path: Path) -> None:
    supervisor = (
        "import os, signal, sys; from pathlib import Path;"
        " from deploy.local.processes import Processes, Program;"
        " start = Processes(Path(sys.argv[1])).start;"
        " command = [sys.executable, '-c', 'import time; time.sleep(600)'];"
        " [start(Program(name=name, command=command, environment={}, folder=Path(sys.argv[1]),"
        "  foundation=name == 'floor')) for name in ('floor', 'house')];"
        " os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert python(supervisor, tmp_path).returncode == -signal.SIGKILL
    record = json.loads((tmp_path / "processes.json").read_text())
    assert all(identity.mark(entry["pid"]) == entry["mark"] for entry in record)

    assert sorted(end_leftovers(tmp_path)) == ["floor", "house"]
    assert not any(identity.mark(entry["pid"]) == entry["mark"] for entry in record)
    assert end_leftovers(tmp_path) == []


def test_workers_of_a_dead_program_are_waited_for(processes: Processes, tmp_path: Path) -> None:
    brief = started_with_a_worker(processes, tmp_path, "time.sleep(0.5)")
    os.kill(processes.pid("leader"), signal.SIGKILL)
    processes.stop(["leader"], seconds=30)
    assert identity.mark(brief) is None
    assert "farewell" in processes.tail("leader")


@pytest.mark.parametrize("patience", [None, 0.0])
def test_workers_of_a_dead_program_that_go_on_are_killed(
    processes: Processes, tmp_path: Path, patience: float | None
) -> None:
    endless = started_with_a_worker(processes, tmp_path, "time.sleep(600)")
    os.kill(processes.pid("leader"), signal.SIGKILL)
    until(lambda: not processes.is_running("leader"))
    if patience is None:
        processes.kill("leader")
    else:
        processes.stop(["leader"], patience)
    until_gone(endless)
    assert processes.names() == ()


def test_workers_that_outlive_their_program_and_its_supervisor_are_ended(tmp_path: Path) -> None:
    processes = Processes(tmp_path)
    worker = started_with_a_worker(processes, tmp_path, "time.sleep(600)")
    os.kill(processes.pid("leader"), signal.SIGKILL)
    until(lambda: not processes.is_running("leader"))
    assert end_leftovers(tmp_path) == ["leader"]
    until_gone(worker)
    assert end_leftovers(tmp_path) == []


def test_a_stranger_who_bears_a_recorded_number_is_left_alone(
    processes: Processes, tmp_path: Path
) -> None:
    started(processes, tmp_path, _SLEEPER)
    record = tmp_path / "processes.json"
    entries = json.loads(record.read_text())
    record.write_text(json.dumps([{**entries[0], "mark": "an earlier incarnation"}]))
    assert end_leftovers(tmp_path) == []
    assert processes.is_running("sleeper")


def test_a_record_that_was_cut_short_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "processes.json").write_text('[{"name": "tra')
    assert end_leftovers(tmp_path) == []


def test_a_second_supervisor_is_told_of_the_first(tmp_path: Path) -> None:
    second = (
        "import sys; from pathlib import Path; from deploy.local.processes import supervising;"
        " supervising(Path(sys.argv[1])).__enter__()"
    )
    with supervising(tmp_path):
        refused = python(second, tmp_path)
    assert f"running here already, as process {os.getpid()}" in refused.stderr
    assert AlreadyRunningError.__name__ in refused.stderr
    with supervising(tmp_path):
        pass
