"""The quick ones of the faults of the projector; `make faults` has all of them, and longer."""

import pytest

from tests.faults import quick
from tests.faults.ground import Ground


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", quick.PROJECTOR)
async def test_each_event_of_the_log_counts_once(ground: Ground, name: str) -> None:
    await quick.hold(ground, name)
