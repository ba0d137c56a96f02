"""No faster than told, and out of live's way."""

from services.projector.rebuild.pacing import MOST_RECORDS, Pace


def test_without_a_rate_it_does_not_rest() -> None:
    assert Pace().rest(10_000, 1.0, None) == 0.0
    assert Pace().slice_records(8) == MOST_RECORDS


def test_with_a_rate_it_rests_for_what_is_left_of_the_time() -> None:
    assert Pace(rate=1_000).rest(2_000, 0.5, None) == 1.5
    assert Pace(rate=1_000).rest(2_000, 3.0, None) == 0.0


def test_a_turn_of_a_slow_one_is_short() -> None:
    assert Pace(rate=1_000).slice_records(5) == 100
    assert Pace(rate=10).slice_records(5) == 50
    assert Pace(rate=1e9).slice_records(1) == MOST_RECORDS


def test_it_leaves_live_most_of_the_time_while_that_is_behind() -> None:
    pace = Pace(behind_seconds=5.0)
    assert pace.rest(1_000, 0.5, 4.9) == 0.0
    assert pace.rest(1_000, 0.5, 5.1) == 2.0
    assert Pace(rate=100).rest(1_000, 0.5, 60.0) == 9.5
