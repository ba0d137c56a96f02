"""`python -m tests.interop [name …]`: the encounters named, or all of them, one after the other."""

import importlib
import pkgutil
import sys
from collections.abc import Sequence

import tests.interop


def names() -> list[str]:
    """List the encounters there are."""
    found = (each.name for each in pkgutil.iter_modules(tests.interop.__path__))
    return sorted(name for name in found if not name.startswith(("_", "test_")))


def main(wanted: Sequence[str]) -> int:
    """Run what is wanted; 2 when there is no such encounter, 1 when one went wrong."""
    known = names()
    unknown = sorted(set(wanted) - set(known))
    if unknown:
        sys.stderr.write(f"no encounter {', '.join(unknown)}; there are {', '.join(known)}\n")
        return 2
    failed = []
    for name in wanted or known:
        sys.stdout.write(f"== {name}\n")
        sys.stdout.flush()
        if importlib.import_module(f"tests.interop.{name}").main() != 0:
            failed.append(name)
    sys.stdout.write(f"== {'failed: ' + ', '.join(failed) if failed else 'all well'}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
