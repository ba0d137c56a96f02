from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from deploy.local import identity
from tests.support.waiting import until

_WORKER = [sys.executable, "-c", "import time; time.sleep(600)", "service"]
_LEADER = f"import subprocess; [subprocess.Popen({[*_WORKER, 'worker']}) for _ in '12']; input()"


def test_a_living_process_keeps_its_mark() -> None:
    assert identity.mark(os.getpid()) is not None
    assert identity.mark(os.getpid()) == identity.mark(os.getpid())


def test_two_processes_differ() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        assert identity.mark(other.pid) not in {None, identity.mark(os.getpid())}


def test_one_that_ended_has_none_even_before_it_is_collected() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
    assert identity.mark(ended.pid) is None
    ended.wait()
    assert identity.mark(ended.pid) is None


@contextmanager
def a_leader() -> Iterator[subprocess.Popen[bytes]]:
    """A process with two others, in a group of their own."""
    command = [sys.executable, "-c", _LEADER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True) as leader:  # noqa: S603 -- ours
        try:
            yield leader
        finally:
            os.killpg(leader.pid, signal.SIGKILL)


@pytest.mark.parametrize("collected", [False, True])
def test_those_whom_a_process_started_are_known_also_once_it_is_dead(collected: bool) -> None:
    with a_leader() as leader:
        until(lambda: len(identity.children(leader.pid)) == 2)
        workers = identity.children(leader.pid)
        assert identity.orphans(leader.pid, _WORKER) == []  # it lives, so they are none
        os.kill(leader.pid, signal.SIGKILL)
        os.waitid(os.P_PID, leader.pid, os.WEXITED | os.WNOWAIT)
        if collected:
            leader.wait()
        until(lambda: sorted(identity.orphans(leader.pid, _WORKER)) == workers)
        assert identity.children(leader.pid) == []
        # A number alone makes nobody ours.
        assert identity.orphans(leader.pid, [sys.executable, "-m", "something.else"]) == []
        assert identity.orphans(leader.pid, []) == []


def test_without_proc_ps_tells_the_same() -> None:
    with a_leader() as leader:
        until(lambda: len(identity.children(leader.pid)) == 2)
        by_ps = {number: (parent, group) for number, parent, group in identity._processes_from_ps()}
        for child in identity.children(leader.pid):
            assert by_ps[child] == (leader.pid, leader.pid)
