from __future__ import annotations

import os
import subprocess
import sys

from deploy.local import identity


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
