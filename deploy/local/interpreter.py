"""Which of this machine's Pythons runs the project: the quickest, because builds of one version differ by a fifth.

Distributions and images compile theirs by the profile of a run, version managers mostly do not, and what an interpreter
says of itself does not tell. So each on the path is tried for a moment. Uses the standard library only.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local.requirements import OLDEST_PYTHON

NEWEST = (3, 14)
_NAME = re.compile(r"python3(\.\d+)?")
_TRIAL_SECONDS = 20.0
# Another than the first of the path is taken where it needs at most so much of the first's time; less may be chance.
_SHARE = 0.95
# What a service does all day: calls, members, small texts and dictionaries. The least of some rounds, in seconds.
_TRIAL = """
import importlib.util, json, sys, time

class Row:
    __slots__ = ("index", "text")
    def __init__(self, index, text):
        self.index = index
        self.text = text

def work():
    rows = [Row(index, str(index)) for index in range(4000)]
    written = [{"index": row.index, "text": row.text.upper()} for row in rows if row.text]
    return sum(len(one["text"]) + one["index"] for one in written if one["text"].startswith("1"))

def timed():
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun

json.dump({
    "executable": sys.executable,
    "version": sys.version_info[:2],
    "usable": sys.implementation.name == "cpython" and sys.version_info.releaselevel == "final"
        and importlib.util.find_spec("ensurepip") is not None,
    "seconds": min(timed() for _ in range(40)),
}, sys.stdout)
"""


@dataclass(frozen=True)
class Trial:
    """An interpreter, and how long it took for a piece of work."""

    executable: Path
    version: tuple[int, int]
    usable: bool
    seconds: float


def commands(path: str) -> list[Path]:
    """The programs on a search path that have the name of a Python 3, in its order."""
    folders = [Path(one) for one in path.split(":") if one and Path(one).is_dir()]
    return [
        one
        for folder in folders
        for one in sorted(folder.iterdir())
        if _NAME.fullmatch(one.name) and one.is_file()
    ]


def tried(programs: Iterable[Path], seconds: float = _TRIAL_SECONDS) -> list[Trial]:
    """Try each interpreter once, whatever it is called; what does not answer in time is none."""
    found: dict[Path, Trial] = {}
    for program in programs:
        trial = _tried(program, seconds)
        if trial is not None:
            found.setdefault(trial.executable.resolve(), trial)
    return list(found.values())


def _tried(program: Path, seconds: float) -> Trial | None:
    try:
        finished = subprocess.run(
            [str(program), "-I", "-c", _TRIAL],
            capture_output=True,
            text=True,
            timeout=seconds,
            check=True,
        )
        told = json.loads(finished.stdout)
        return Trial(
            executable=Path(told["executable"]),
            version=(told["version"][0], told["version"][1]),
            usable=told["usable"],
            seconds=told["seconds"],
        )
    except (OSError, subprocess.SubprocessError, ValueError, LookupError, TypeError):
        return None


def quickest(trials: Sequence[Trial]) -> Path | None:
    """The interpreter to take: the first that will do, unless another is clearly quicker; None where none will do."""
    fit = [one for one in trials if one.usable and OLDEST_PYTHON <= one.version <= NEWEST]
    if not fit:
        return None
    best = min(fit, key=lambda one: one.seconds)
    return (best if best.seconds <= _SHARE * fit[0].seconds else fit[0]).executable


def choose(path: str) -> Path:
    """The interpreter to take of those on a search path, else the one that runs this."""
    return quickest(tried(commands(path))) or Path(sys.executable)
