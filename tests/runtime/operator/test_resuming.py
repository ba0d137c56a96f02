"""Where a halted lane goes on, what is passed over by it, and what makes no sense."""

import pytest

from services.runtime.halts import Extent, HaltReason
from services.runtime.operator.resuming import (
    Places,
    Refused,
    Stand,
    Step,
    Way,
    Wish,
    another,
    around,
    step,
)

LOG = Extent(10, 100, "a")
POISON = Stand(50, HaltReason.POISON_FLOOD, "a")
GONE = Stand(5, HaltReason.LOG_STARTS_AFTER, "a")
TRUNCATED = Stand(120, HaltReason.LOG_TRUNCATED, "a")
ANOTHER = Stand(50, HaltReason.TOPIC_IS_ANOTHER, "b")
UNKNOWN = Stand(50, HaltReason.LOG_IS_ANOTHER, None)


@pytest.mark.parametrize(
    ("stand", "wish", "expected"),
    [
        (POISON, Wish(Way.AS_IT_IS), Step(None)),
        (POISON, Wish(Way.SKIP_TO, 60), Step(60, (50, 60))),
        (POISON, Wish(Way.SKIP_TO), Step(100, (50, 100))),
        (POISON, Wish(Way.AT, 50), Step(50)),
        (POISON, Wish(Way.AT, 51), Step(51, (50, 51))),
        (GONE, Wish(Way.FROM_START), Step(10, (5, 10))),
        (TRUNCATED, Wish(Way.AT, 90), Step(90)),
        (TRUNCATED, Wish(Way.AT, 100), Step(100)),
        (ANOTHER, Wish(Way.FROM_START), Step(10)),
        (ANOTHER, Wish(Way.AT, 40), Step(40, (10, 40))),
        (ANOTHER, Wish(Way.SKIP_TO), Step(100, (10, 100))),
        (UNKNOWN, Wish(Way.AT, 50), Step(50, (10, 50))),
        (Stand(None, HaltReason.OPERATOR, None), Wish(Way.SKIP_TO, 30), Step(30, (10, 30))),
    ],
)
def test_what_was_never_folded_and_is_passed_over_is_a_gap(
    stand: Stand, wish: Wish, expected: Step
) -> None:
    assert step(stand, LOG, wish) == expected


@pytest.mark.parametrize(
    ("stand", "wish", "argument"),
    [
        (Stand(50, None, "a"), Wish(Way.AS_IT_IS), Way.AS_IT_IS),
        (Stand(50, None, "a"), Wish(Way.SKIP_TO, 60), Way.AS_IT_IS),
        (POISON, Wish(Way.SKIP_TO, 50), Way.SKIP_TO),
        (POISON, Wish(Way.SKIP_TO, 101), Way.SKIP_TO),
        (POISON, Wish(Way.AT, 9), Way.AT),
        (POISON, Wish(Way.AT, 49), Way.AT),
        (POISON, Wish(Way.FROM_START), Way.FROM_START),
        (GONE, Wish(Way.AT, 5), Way.AT),
        (TRUNCATED, Wish(Way.AT, 120), Way.AT),
        (TRUNCATED, Wish(Way.SKIP_TO), Way.SKIP_TO),
    ],
)
def test_what_makes_no_sense_is_refused_and_names_the_argument(
    stand: Stand, wish: Wish, argument: str
) -> None:
    with pytest.raises(Refused) as refused:
        step(stand, LOG, wish)
    assert refused.value.argument == argument
    assert str(refused.value).startswith(f"{argument}: ")


def test_a_lane_that_kafka_does_not_have_cannot_be_told_where_to_go_on() -> None:
    with pytest.raises(Refused, match="no such partition"):
        step(POISON, None, Wish(Way.AT, 5))
    assert step(POISON, None, Wish(Way.AS_IT_IS)) == Step(None)


HELD = Stand(50, HaltReason.CORRUPT_RECORD, "a", b"folded")


@pytest.mark.parametrize(
    ("stand", "log", "found", "reason"),
    [
        (HELD, LOG, {49: (49, b"folded")}, None),
        (HELD, LOG, {49: (49, b"other")}, HaltReason.LOG_IS_ANOTHER),
        (HELD, LOG, {49: (52, b"folded")}, HaltReason.LOG_IS_ANOTHER),
        # It cannot be read, as where the damage begins in the batch that was folded in part.
        (HELD, LOG, {}, None),
        (HELD, LOG, None, None),
        (HELD, None, None, None),
        (HELD, Extent(0, 40, "a"), {}, HaltReason.LOG_TRUNCATED),
        (HELD, Extent(0, 100, "b"), {}, HaltReason.TOPIC_IS_ANOTHER),
        (HELD, Extent(60, 100, "a"), {}, None),
        (HELD._replace(anchor=None), LOG, {49: (49, b"other")}, None),
        (HELD._replace(halted=HaltReason.LOG_IS_ANOTHER), LOG, {49: (49, b"other")}, None),
        (HELD._replace(halted=None), LOG, {49: (49, b"other")}, None),
        (HELD._replace(next_offset=None), LOG, {49: (49, b"other")}, None),
    ],
)
def test_a_log_that_changed_while_its_lane_stood_still_is_found_out(
    stand: Stand,
    log: Extent | None,
    found: dict[int, tuple[int, bytes]] | None,
    reason: HaltReason | None,
) -> None:
    halt = another(stand, log, None if found is None else Places(found))
    assert (halt and halt.reason) == reason


@pytest.mark.parametrize(
    ("stand", "wish", "expected"),
    [
        (HELD, Wish(Way.SKIP_TO), [49, 99]),
        (HELD, Wish(Way.FROM_START), [49, 9]),
        (HELD._replace(next_offset=None), Wish(Way.AT, 30), [29]),
    ],
)
def test_the_records_before_where_it_stands_and_where_it_goes_on_are_looked_at(
    stand: Stand, wish: Wish, expected: list[int]
) -> None:
    assert around(stand, LOG, wish) == expected


def test_a_place_is_known_by_the_record_that_lies_there_and_no_other() -> None:
    places = Places({4: (4, b"four"), 5: (7, b"seven")})
    assert [places.digest(offset) for offset in (4, 5, 6)] == [b"four", None, None]
