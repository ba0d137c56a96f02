"""Records done and left, and when it will be there."""

from services.projector.rebuild.progress import Place, Progress, Speedometer
from services.runtime.leases import Lane

LANES = Lane("events", 0), Lane("events", 1)


def places(live: int, *beside: int | None) -> list[Place]:
    return [
        Place(lane=lane, live=live, beside=at, halted=None, age=None)
        for lane, at in zip(LANES, beside, strict=True)
    ]


def test_it_counts_from_where_the_log_begins_and_to_where_live_is() -> None:
    speed = Speedometer({LANES[0]: 100})
    found = speed.read(places(1_000, None, 400), 0.0)
    assert (found.done, found.left) == (400, 900 + 600)
    assert found.seconds_left is None


def test_the_time_left_counts_what_live_adds_meanwhile() -> None:
    speed = Speedometer({})
    speed.read(places(1_000, 0, 0), 0.0)
    found = speed.read(places(1_100, 500, 500), 10.0)
    assert found.rate == 100.0
    assert (found.done, found.left) == (1_000, 1_200)
    assert found.seconds_left == 15.0


def test_who_does_not_gain_is_never_there() -> None:
    speed = Speedometer({})
    speed.read(places(1_000, 0, 0), 0.0)
    assert speed.read(places(2_000, 500, 500), 10.0).seconds_left is None


def test_only_the_last_seconds_count() -> None:
    speed = Speedometer({})
    speed.read(places(10_000, 0, 0), 0.0)
    for second in range(30):
        speed.read(places(10_000, 5_000, 0), float(second))
    for second in range(30, 60):
        speed.read(places(10_000, 5_000 + 10 * (second - 29), 0), float(second))
    assert round(speed.read(places(10_000, 5_310, 0), 60.0).rate) == 10


def test_a_lane_that_live_never_began_has_nothing_to_do() -> None:
    lanes = [Place(lane=LANES[0], live=None, beside=None, halted=None, age=None)]
    assert Speedometer({}).read(lanes, 0.0).line() == "0 of 0 records (100.0 %), 0 a second"


def test_it_is_written_for_a_person() -> None:
    line = Progress(done=250_000, left=750_000, rate=12_345.6, seconds_left=3_725.0).line()
    assert line == "250,000 of 1,000,000 records (25.0 %), 12,346 a second, 1 h 2 min left"
    assert Progress(done=1, left=1, rate=1, seconds_left=61).line().endswith("1 min 1 s left")
    assert Progress(done=1, left=1, rate=1, seconds_left=1.4).line().endswith(" 1 s left")
