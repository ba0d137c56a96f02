"""`python -m tests.faults [E5 …] [--seed N] [--short]`: the faults named, or all of them; prints a table.

The exit code is 1 when anything acknowledged is lost or doubled, or another promise is broken; 2 for an unknown name.
"""

import argparse
import asyncio
import logging
import secrets
import sys
import time
import traceback
from collections.abc import Sequence

from deploy.local.processes import NotReadyError, ProcessDiedError
from tests.faults.catalogue import FAULTS
from tests.faults.ground import Ground, Row, SkippedError, a_ground
from tests.faults.table import write

# What waiting for something in vain ends in, and what a program that died does.
_FAILURES = (AssertionError, OSError, ValueError, ProcessDiedError, NotReadyError, ExceptionGroup)


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="E5")
    parser.add_argument("--seed", type=int, default=None, help="repeats the choices of a run")
    parser.add_argument("--short", action="store_true", help="as long as in `make test`")
    chosen = parser.parse_args(arguments)
    unknown = sorted(set(chosen.names) - FAULTS.keys())
    if unknown:
        sys.stderr.write(f"no fault {', '.join(unknown)}; there are {', '.join(FAULTS)}\n")
        return 2
    # It tells of each try of those who judge, too.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    seed = secrets.randbelow(10**6) if chosen.seed is None else chosen.seed
    with a_ground(seed=seed, full=not chosen.short) as ground:
        rows = [_run(ground, name) for name in chosen.names or FAULTS]
    print(write(rows))
    print(
        f"\nseed {seed}; lost {sum(row.lost for row in rows)}, doubled {sum(row.doubled for row in rows)}"
    )
    return 0 if all(row.holds for row in rows) else 1


def _run(ground: Ground, name: str) -> Row:
    fault = FAULTS[name]
    told = (fault.run.__doc__ or "").splitlines()[0]
    sys.stderr.write(f"{name:<4} {told}\n")
    sys.stderr.flush()
    begun = time.monotonic()
    try:
        row = asyncio.run(_awaited(ground, name))
    except SkippedError as reason:
        row = Row(fault=name, seed=ground.seed, kill_point="", skipped=str(reason))
    except _FAILURES as error:
        traceback.print_exception(error, limit=-4)
        row = Row(fault=name, seed=ground.seed, kill_point="gave up", broken=[repr(error)[:300]])
    outcome = "holds" if row.holds else f"BROKEN: {'; '.join(row.broken)}"
    sys.stderr.write(f"     {time.monotonic() - begun:.0f} s, {outcome}\n")
    sys.stderr.flush()
    return row


async def _awaited(ground: Ground, name: str) -> Row:
    return await FAULTS[name].run(ground)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
