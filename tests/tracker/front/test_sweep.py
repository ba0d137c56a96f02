"""One timer looks after all connections, and tells them until when they have."""

import pytest

from services.tracker.front.sweep import Patience, Sweep
from services.tracker.front.wire import Wire
from tests.support.clock import ManualClock
from tests.tracker.wire import eventually

PATIENCE = Patience(head_seconds=1, idle_seconds=2, write_seconds=3, linger_seconds=0.05)


class Member:
    """Remembers when it was looked at."""

    def __init__(self) -> None:
        self.seen: list[float] = []

    def sweep(self, now: float) -> None:
        self.seen.append(now)


async def test_deadlines_are_as_of_the_last_look_and_standing_still_counts_for_little() -> None:
    clock = ManualClock()
    sweep = Sweep(PATIENCE, clock, Wire(clock.now()))
    assert (sweep.now, sweep.head_by, sweep.idle_by) == (0, 1, 2)
    assert (sweep.write_by, sweep.linger_by) == (3, 0.05)
    member, other = Member(), Member()
    sweep.add(member)
    sweep.add(other)
    sweep.discard(other)
    sweep.start()
    for seconds, now in ((0.015, 0.015), (10, 0.035)):  # it looks every hundredth of a second
        clock.advance(seconds)
        looks = len(member.seen) + 2

        async def looked(looks: int = looks) -> bool:
            return len(member.seen) >= looks

        await eventually(looked)
        assert member.seen[-1] == sweep.now == pytest.approx(now)
        assert sweep.head_by == pytest.approx(now + 1)
    sweep.stop()
    assert other.seen == []
    assert sweep._timer is not None
    assert sweep._timer.cancelled()
