"""What this machine must have before anything is installed, and how it gets what it lacks.

Runs under any Python 3.8, before there is a virtual environment, so it uses the standard library only.
"""

from __future__ import annotations

import importlib.util
import shutil
import sys

OLDEST_PYTHON = (3, 11)
_INSTALL = {
    "Python 3.11 or newer": (
        "apt install python3 python3-venv",
        "brew install python",
        "dnf install python3",
    ),
    "Python's venv module": (
        "apt install python3-venv",
        "brew install python",
        "dnf install python3",
    ),
    "Java 17 or newer": (
        "apt install default-jre-headless",
        "brew install openjdk",
        "dnf install java-latest-openjdk-headless",
    ),
    "Maven": ("apt install maven", "brew install maven", "dnf install maven"),
}


def missing() -> list[str]:
    """The requirements that this machine lacks; not Java, which a wheel brings to most machines."""
    lacks = {
        "Python 3.11 or newer": sys.version_info < OLDEST_PYTHON,
        "Python's venv module": importlib.util.find_spec("ensurepip") is None,
        "Maven": shutil.which("mvn") is None,
    }
    return [name for name, lacked in lacks.items() if lacked]


def sentence(name: str) -> str:
    """One line: what is missing and the command that installs it on each family of systems."""
    debian, macos, fedora = _INSTALL[name]
    return f"{name} is missing. Debian: {debian}; macOS: {macos}; Fedora: {fedora}"


def main() -> int:
    """Name everything that is missing, a line each; the exit status."""
    lacks = missing()
    for name in lacks:
        print(sentence(name), file=sys.stderr)
    return 1 if lacks else 0


if __name__ == "__main__":
    sys.exit(main())
