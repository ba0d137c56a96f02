"""`python -m benchmarks [name …]`: the benchmarks named, or all of them, one after the other."""

import asyncio
import importlib
import pkgutil
import sys

import benchmarks

# They run others, which run anyway when all do.
_SUMS = {"projector"}


def names() -> list[str]:
    """List the benchmarks there are."""
    return sorted(
        found.name
        for found in pkgutil.iter_modules(benchmarks.__path__)
        if not found.ispkg and not found.name.startswith("_")
    )


def main(wanted: list[str]) -> int:
    """Run what is wanted; 2 when there is no such benchmark."""
    known = names()
    unknown = sorted(set(wanted) - set(known))
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    for name in wanted or [each for each in known if each not in _SUMS]:
        print(f"== {name}", flush=True)
        asyncio.run(importlib.import_module(f"benchmarks.{name}").main())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
