"""A million refusals cost a process little, at any moment, and two processes hardly more than one."""

import subprocess
import sys
from pathlib import Path

import orjson

from services.tracker.refusals import snapshot

# the bound is 40; it is held with room for what Kafka's client needs meanwhile
MEGABYTE = 1_000_000
ROOT = Path(__file__).parents[3]


def a_process(folder: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(  # noqa: S603 our own interpreter and module
        [sys.executable, "-m", "tests.tracker.refusals.million", str(folder)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def told(process: "subprocess.Popen[str]") -> dict[str, int]:
    assert process.stdout is not None
    answer: dict[str, int] = orjson.loads(process.stdout.readline())
    return answer


def test_a_million_refusals(tmp_path: Path) -> None:
    processes = []
    try:
        for _ in range(2):
            processes.append(a_process(tmp_path))
            most = told(processes[-1])
            assert most["highest"] < 20 * MEGABYTE
            # the array alone is 8 MB: a number object for each would be four times that
            assert most["own"] < 12 * MEGABYTE
        assert (tmp_path / snapshot.NAME).stat().st_size > 8 * MEGABYTE
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("now\n")
            process.stdin.flush()
            now = told(process)
            assert now["private"] < 2 * MEGABYTE
    finally:
        for process in processes:
            process.communicate(timeout=20)
