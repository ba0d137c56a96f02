"""`eval "$(.venv/bin/python -m deploy.local.shell)"`: a running stack's doors and tokens as shell variables."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

DESCRIPTION = Path(".run/stack.json")


def assignments(described: Mapping[str, Any]) -> Iterator[str]:
    """Write one assignment for each door and each token, under the names that `stack.json` uses."""
    doors = {name: value for name, value in described.items() if isinstance(value, str)}
    for name, value in {**doors, **described["tokens"]}.items():
        yield f"{name}={shlex.quote(value)}"


def main() -> int:
    """Print the assignments of the stack that runs here."""
    try:
        described = json.loads(DESCRIPTION.read_text("utf-8"))
    except FileNotFoundError:
        print("no stack runs here: make run", file=sys.stderr)
        return 1
    print("\n".join(assignments(described)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
