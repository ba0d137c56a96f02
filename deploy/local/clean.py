"""`make clean`: removes what the other targets made, unless a stack runs on it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from deploy.local.processes import AlreadyRunningError, end_leftovers, supervising
from deploy.local.unprivileged import CHECKOUT, elsewhere

_MADE = (
    ".run",
    ".venv",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    ".hypothesis",
    ".import_linter_cache",
)


def clean(checkout: Path) -> None:
    """Remove what was made in a checkout; AlreadyRunningError while something of it runs."""
    stacks = checkout / ".run"
    directories = [stacks, *stacks.glob("tests/*")] if stacks.exists() else []
    # All of them are asked before anything is removed.
    for directory in directories:
        with supervising(directory):
            end_leftovers(directory)
    for name in _MADE:
        shutil.rmtree(checkout / name, ignore_errors=True)
    for folder in ("benchmarks", "deploy", "schemas", "services", "tests"):
        for cache in (checkout / folder).rglob("__pycache__"):
            shutil.rmtree(cache, ignore_errors=True)


def main() -> int:
    """Clean this checkout; the exit status."""
    try:
        clean(CHECKOUT)
    except AlreadyRunningError as error:
        print(f"nothing was removed: {error}", file=sys.stderr)
        return 1
    shutil.rmtree(elsewhere(), ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
