"""Sharing lanes out: fair, complete, and settled once nobody comes or goes."""

from hypothesis import given
from hypothesis import strategies as st

from services.runtime.leases import Lane, decide


def lanes(count: int, topic: str = "events") -> dict[Lane, str | None]:
    return {Lane(topic, number): None for number in range(count)}


def settle(owners: dict[Lane, str | None], workers: list[str], rounds: int = 20) -> int:
    """Let the workers decide in turn until nobody changes anything; return the rounds it took."""
    for turn in range(rounds):
        changed = False
        for worker in workers:
            held = [lane for lane, owner in owners.items() if owner == worker]
            decision = decide(worker, workers, owners, held)
            for lane in decision.claim:
                assert owners[lane] is None
                owners[lane] = worker
            for lane in decision.release:
                assert owners[lane] == worker
                owners[lane] = None
            changed = changed or bool(decision.claim or decision.release)
        if not changed:
            return turn
    raise AssertionError("the workers never agree")


def held_by(owners: dict[Lane, str | None], worker: str) -> list[Lane]:
    return [lane for lane, owner in owners.items() if owner == worker]


def test_a_worker_alone_takes_every_lane() -> None:
    decision = decide("a", ["a"], lanes(3), [])
    assert sorted(decision.claim) == sorted(lanes(3))
    assert decision.release == ()


def test_a_worker_not_yet_seen_by_others_counts_itself() -> None:
    assert len(decide("b", ["a"], lanes(4), []).claim) == 2


def test_a_lane_with_a_valid_lease_is_never_claimed() -> None:
    owners = lanes(2) | {Lane("events", 0): "dead"}
    assert decide("a", ["a"], owners, []).claim == (Lane("events", 1),)


def test_a_lane_that_is_ours_but_forgotten_is_claimed_anew() -> None:
    owners: dict[Lane, str | None] = {Lane("events", 0): "a"}
    assert decide("a", ["a"], owners, []).claim == (Lane("events", 0),)
    assert decide("a", ["a"], owners, list(owners)).claim == ()


def test_a_lane_held_whose_lease_ran_out_is_left_to_whoever_gets_on_with_it() -> None:
    owners = lanes(1)
    assert decide("a", ["a", "b"], owners, list(owners)).claim == ()


def test_a_newcomer_gets_its_share_after_one_round() -> None:
    owners: dict[Lane, str | None] = dict.fromkeys(lanes(8), "a")
    settle(owners, ["a", "b"])
    assert len(held_by(owners, "a")) == len(held_by(owners, "b")) == 4


def test_each_topic_is_shared_out_by_itself() -> None:
    owners = lanes(3, "events") | lanes(3, "facts") | lanes(1, "settings")
    settle(owners, ["a", "b", "c"])
    for worker in "abc":
        held = held_by(owners, worker)
        assert len([lane for lane in held if lane.topic == "events"]) == 1
        assert len([lane for lane in held if lane.topic == "facts"]) == 1


@given(
    st.integers(1, 24),
    st.lists(st.text("abcdef", min_size=1, max_size=3), min_size=1, max_size=6, unique=True),
    st.data(),
)
def test_workers_agree_whatever_they_start_from(
    count: int, workers: list[str], data: st.DataObject
) -> None:
    owners = lanes(count)
    for lane in owners:
        owners[lane] = data.draw(st.sampled_from([None, *workers]))
    settle(owners, workers)
    shares = [len(held_by(owners, worker)) for worker in workers]
    assert sum(shares) == count
    assert max(shares) - min(shares) <= 1
