from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.clock import Deadline, SystemClock, format_instant, parse_instant
from tests.support.clock import START, ManualClock

YEAR_1 = -62_135_596_800_000_000
YEAR_9999 = 253_402_300_799_999_999


def test_the_system_clock_tells_microseconds_of_today() -> None:
    now = SystemClock().now()
    assert abs(now - datetime.now(UTC).timestamp() * 1_000_000) < 5_000_000
    assert SystemClock().monotonic() <= SystemClock().monotonic()


def test_the_steps_of_a_deadline_share_one_budget() -> None:
    clock = ManualClock()
    deadline = Deadline.after(clock, 10)
    clock.advance(4)
    assert deadline.remaining() == pytest.approx(6)
    assert not deadline.expired()
    clock.advance(7)
    assert deadline.remaining() == 0
    assert deadline.expired()


def test_a_corrected_time_of_day_does_not_move_a_deadline() -> None:
    clock = ManualClock()
    deadline = Deadline.after(clock, 10)
    clock.step(-3600)
    assert clock.now() == START - 3_600_000_000
    assert deadline.remaining() == pytest.approx(10)


@given(st.integers(min_value=YEAR_1, max_value=YEAR_9999))
def test_an_instant_survives_being_written_and_read(instant: int) -> None:
    assert parse_instant(format_instant(instant)) == instant


def test_instants_are_written_in_utc_with_microseconds() -> None:
    assert format_instant(START) == "2026-01-01T00:00:00.000000Z"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2026-01-01T00:00:00Z", START),
        ("2026-01-01t00:00:00z", START),
        ("2026-01-01T08:00:00+08:00", START),
        ("2025-12-31T18:30:00-05:30", START),
        ("2026-01-01T00:00:00.5Z", START + 500_000),
        ("2026-01-01T00:00:00.123456789Z", START + 123_456),
    ],
)
def test_rfc_3339_is_read_in_all_its_forms(written: str, expected: int) -> None:
    assert parse_instant(written) == expected


@pytest.mark.parametrize(
    "written",
    [
        "",
        "2026-01-01",
        "2026-01-01T00:00:00",
        "2026-01-01 00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-01-01T25:00:00Z",
        "2026-01-01T00:00:60Z",
        "2026-01-01T00:00:00+25:00",
        "0000-01-01T00:00:00Z",
        "\uff12026-01-01T00:00:00Z",
        "1767225600",
        "2026-01-01T00:00:00Z\n",
    ],
)
def test_anything_else_is_refused_in_a_sentence(written: str) -> None:
    with pytest.raises(ValueError, match=r"^must be "):
        parse_instant(written)


def test_a_time_before_the_first_year_is_either_read_or_refused() -> None:
    assert parse_instant("0001-01-01T00:00:00+10:00") == YEAR_1 - timedelta(hours=10) // timedelta(
        microseconds=1
    )
