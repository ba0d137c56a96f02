from uuid import UUID

from hypothesis import given as law
from hypothesis import strategies as st

from services.alerts.webhooks.kinds import Result
from services.alerts.webhooks.lanes import CLAIMED, Lanes

A, B, C = (UUID(int=number) for number in (1, 2, 3))


def take(lanes: Lanes, now: int = 0) -> dict[UUID, int]:
    """Claim all that is wanted, as if there were no end of it."""
    wanted = lanes.wanted(now)
    for webhook, number in wanted.items():
        lanes.took(webhook, number, number)
    return wanted


def test_a_new_endpoint_has_as_many_claimed_as_it_has_calls() -> None:
    lanes = Lanes(2)
    lanes.rung([A, B, A])
    assert take(lanes) == {A: 2, B: 2}
    assert take(lanes) == {}
    lanes.freed(A)
    assert take(lanes) == {A: 1}


def test_an_endpoint_with_nothing_more_is_not_asked_again_until_it_is_rung() -> None:
    lanes = Lanes(2)
    lanes.rung([A])
    (asked,) = lanes.wanted(0).values()
    lanes.took(A, asked, 1)
    lanes.freed(A)
    assert lanes.wanted(0) == {}
    lanes.rung([A])
    assert lanes.wanted(0) == {A: 2}


def test_a_ring_while_a_claim_is_under_way_is_not_lost() -> None:
    lanes = Lanes(2)
    lanes.rung([A])
    assert lanes.wanted(0) == {A: 2}
    lanes.rung([A])
    lanes.took(A, 2, 0)
    assert lanes.wanted(0) == {A: 2}


def test_a_quick_endpoint_has_more_claimed_ahead_until_it_is_slow_again() -> None:
    lanes = Lanes(2)
    lanes.called(A, Result.DELIVERED, 0.01)
    lanes.rung([A])
    assert take(lanes) == {A: 32}
    lanes.freed(A, 15)
    assert take(lanes) == {}  # not one by one
    lanes.freed(A, 1)
    assert take(lanes) == {A: 16}
    lanes.called(A, Result.TIMEOUT, 15)
    lanes.freed(A, 31)
    assert take(lanes) == {A: 1}


def test_a_throttled_endpoint_is_left_alone_for_a_while() -> None:
    lanes = Lanes(2)
    lanes.rung([A, B])
    lanes.called(A, Result.THROTTLED, 0.1, paused_until=50)
    assert take(lanes, now=49) == {B: 2}
    assert take(lanes, now=50) == {A: 2}


def test_slow_endpoints_together_leave_half_to_the_others() -> None:
    lanes = Lanes(2)
    slow = [UUID(int=number) for number in range(100, 300)]
    for webhook in slow:
        lanes.called(webhook, Result.TIMEOUT, 15)
    lanes.rung(slow)
    while take(lanes):
        pass
    assert lanes.claimed == CLAIMED // 2
    lanes.called(A, Result.DELIVERED, 0.01)
    lanes.rung([A])
    assert take(lanes) == {A: 32}


@law(st.lists(st.tuples(st.integers(0, 40), st.sampled_from(["ring", "free", "quick", "slow"]))))
def test_no_more_is_claimed_than_may_be(steps: list[tuple[int, str]]) -> None:
    lanes = Lanes(4)
    held: list[UUID] = []
    for number, step in steps:
        webhook = UUID(int=number)
        match step:
            case "ring":
                lanes.rung([UUID(int=number + 100 * more) for more in range(20)])
            case "free" if held:
                lanes.freed(held.pop(number % len(held)))
            case "quick":
                lanes.called(webhook, Result.DELIVERED, 0.01)
            case "slow":
                lanes.called(webhook, Result.FAILED, 3)
            case _:
                pass  # nothing is held
        for webhook, count in take(lanes).items():
            held += [webhook] * count
        assert lanes.claimed == len(held) <= CLAIMED


def test_an_endpoint_is_busy_while_something_of_it_is_claimed() -> None:
    lanes = Lanes(2)
    assert not lanes.busy(C)
    lanes.rung([C])
    take(lanes)
    assert lanes.busy(C)
    lanes.freed(C, 2)
    assert not lanes.busy(C)
