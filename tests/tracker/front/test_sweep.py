"""One timer looks after all connections, and tells them until when they have."""

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


async def test_deadlines_are_as_of_the_last_look() -> None:
    clock = ManualClock()
    wire = Wire(clock.now())
    sweep = Sweep(PATIENCE, clock, wire)
    begun = clock.monotonic()
    assert (sweep.head_by, sweep.idle_by) == (begun + 1, begun + 2)
    assert (sweep.write_by, sweep.linger_by) == (begun + 3, begun + 0.05)
    member, other = Member(), Member()
    sweep.add(member)
    sweep.add(other)
    sweep.discard(other)
    sweep.start()
    clock.advance(10)

    async def looked() -> bool:
        return len(member.seen) >= 2

    await eventually(looked)
    sweep.stop()
    assert member.seen[-1] == sweep.now == begun + 10
    assert sweep.head_by == begun + 11
    assert other.seen == []
    assert sweep._timer is not None
    assert sweep._timer.cancelled()
