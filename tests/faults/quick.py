"""One row in `make test`: run short, printed, and held to its promise."""

import pytest

from tests.faults.catalogue import FAULTS
from tests.faults.ground import Ground, SkippedError
from tests.faults.table import write

PROJECTOR = [name for name, fault in FAULTS.items() if fault.quick and name.startswith("P")]
EDGE = [name for name, fault in FAULTS.items() if fault.quick and not name.startswith("P")]


async def hold(ground: Ground, name: str) -> None:
    """Run a row; what was acknowledged has to be counted, all of it, once, and nothing else be broken."""
    try:
        row = await FAULTS[name].run(ground)
    except SkippedError as reason:
        pytest.skip(str(reason))
    print("\n" + write([row]))
    assert row.acknowledged > 0
    assert row.counted == row.acknowledged
    assert (row.lost, row.doubled, row.broken) == (0, 0, [])
