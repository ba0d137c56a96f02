"""The quick ones of the faults of the edge; `make faults` has all of them, and longer."""

import pytest

from tests.faults.catalogue import FAULTS
from tests.faults.ground import Ground, SkippedError
from tests.faults.table import write

QUICK = [name for name, fault in FAULTS.items() if fault.quick and not name.startswith("P")]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", QUICK)
async def test_what_was_acknowledged_is_in_the_log_once(ground: Ground, name: str) -> None:
    try:
        row = await FAULTS[name].run(ground)
    except SkippedError as reason:
        pytest.skip(str(reason))
    print("\n" + write([row]))
    assert row.acknowledged > 0
    assert row.counted == row.acknowledged
    assert (row.lost, row.doubled, row.broken) == (0, 0, [])
