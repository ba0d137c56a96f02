"""A process that holds a million refusals, and says what that costs it; run by `test_memory`.

Where there is no snapshot it reads them one by one, as from the log, and writes one; then it maps it. It prints lines
of JSON: bytes of memory beyond what the process had before, with an array of its own and at the highest; then,
whenever it is asked, what nobody else shares.
"""

import sys
from pathlib import Path

import orjson

from schemas.identity import RecipientRef, Tenant
from services.tracker.refusals import snapshot
from services.tracker.refusals.fold import Fold, Mark, State
from services.tracker.refusals.table import Table
from tests.support.clock import START

COUNT = 1_000_000
TENANT = Tenant("demo")
MARK = Mark(COUNT - 1, 0, 0)


def a_ref(number: int) -> RecipientRef:
    """Return one of many refs that differ and are spread evenly, as hashes are."""
    return RecipientRef(f"{number * 0x9E3779B97F4A7C15 % 2**64:016x}")


def memory() -> dict[str, int]:
    """Ask the kernel what this process has in memory now and at most, in bytes."""
    found: dict[str, int] = {}
    for name in ("status", "smaps_rollup"):
        for line in Path("/proc/self", name).read_text().splitlines():
            key, _, rest = line.partition(":")
            if rest.endswith(" kB"):
                found[key] = int(rest.split()[0]) * 1024
    return found


def private(found: dict[str, int]) -> int:
    """Return how much of that would be free if this process ended."""
    return found["Private_Clean"] + found["Private_Dirty"]


def loaded() -> Table:
    """Read a million refusals, as the log brings them."""
    table = Table()
    for offset in range(COUNT):
        table.set(TENANT, a_ref(offset), True, offset=offset)
    table.merge()
    return table


def main(folder: Path) -> None:
    """Hold them, say what it costs, and stay until standard input ends."""
    before = memory()
    own = 0
    if snapshot.peek(folder) is None:
        table = loaded()
        own = private(memory()) - private(before)
        snapshot.write(folder, State(table.freeze(), COUNT, MARK, START), START)
        del table
    found = snapshot.load(folder)
    assert found is not None
    fold = Fold()
    fold.start_from(found.state)
    merging = fold.table.freeze()._replace(changes={1: 1, 2: 1})
    assert len(merging.merged()) == COUNT + 2
    assert all(not fold.table.records(TENANT, (a_ref(one),)) for one in range(0, COUNT, 7))
    say(own=own, highest=memory()["VmHWM"] - before["VmRSS"])
    for _ in sys.stdin:
        say(private=private(memory()) - private(before))


def say(**figures: int) -> None:
    """Print one line."""
    sys.stdout.buffer.write(orjson.dumps(figures) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
