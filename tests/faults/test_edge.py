"""The quick ones of the faults of the edge; `make faults` has all of them, and longer."""

import pytest

from tests.faults import quick
from tests.faults.ground import Ground


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", quick.EDGE)
async def test_what_was_acknowledged_is_in_the_log_once(ground: Ground, name: str) -> None:
    await quick.hold(ground, name)
