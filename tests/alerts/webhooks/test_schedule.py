from email.utils import format_datetime

import pytest
from hypothesis import given as law
from hypothesis import strategies as st

from schemas import instant
from schemas.instant import Instant
from services.alerts.webhooks import schedule
from services.alerts.webhooks.kinds import Dead, Result, State
from services.alerts.webhooks.schedule import STEPS_SECONDS
from tests.support.clock import START

SECOND = 1_000_000


def wait(
    result: Result, failures: int, wanted: float | None = None, fraction: float = 0.5
) -> float:
    """Return the seconds until the next attempt."""
    following = schedule.after(result, failures, START, wanted_seconds=wanted, fraction=fraction)
    assert following.state is State.PENDING
    return (following.due_at - START) / SECOND


@pytest.mark.parametrize(
    ("status", "result"),
    [
        (200, "delivered"), (202, "delivered"), (204, "delivered"), (299, "delivered"),
        (301, "redirected"), (302, "redirected"), (304, "redirected"), (308, "redirected"),
        (400, "rejected"), (401, "rejected"), (404, "rejected"), (418, "rejected"),
        (410, "gone"), (429, "throttled"),
        (500, "failed"), (501, "failed"), (599, "failed"), (600, "failed"), (101, "failed"),
        (502, "overloaded"), (503, "overloaded"), (504, "overloaded"),
    ],
)  # fmt: skip
def test_only_a_2xx_is_a_success(status: int, result: str) -> None:
    assert schedule.judge(status) == result


def test_attempts_are_made_when_the_standard_says() -> None:
    assert STEPS_SECONDS == (0, 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
    assert [wait(Result.FAILED, failures) for failures in range(9)] == list(STEPS_SECONDS[1:])


@law(st.integers(0, 8), st.floats(0, 1))
def test_each_wait_is_within_a_fifth_of_its_step(failures: int, fraction: float) -> None:
    step = STEPS_SECONDS[failures + 1]
    waited = wait(Result.FAILED, failures, fraction=fraction)
    assert 0.8 * step <= waited <= 1.2 * step
    for slow in (Result.THROTTLED, Result.OVERLOADED, Result.TIMEOUT):
        assert 1.6 * step <= wait(slow, failures, fraction=fraction) <= 2.4 * step


@law(st.integers(0, 8), st.floats(0, 1), st.floats(0, 1e9))
def test_retry_after_is_honoured_up_to_twice_the_step(
    failures: int, fraction: float, wanted: float
) -> None:
    step = STEPS_SECONDS[failures + 1]
    waited = wait(Result.THROTTLED, failures, wanted, fraction)
    assert waited <= 2 * step + 1e-6
    assert waited >= min(wanted, 2 * step) - 1e-6
    assert waited >= 0.8 * step - 1e-6


def test_after_the_tenth_attempt_it_is_a_dead_letter() -> None:
    ended = schedule.after(Result.FAILED, 9, START, wanted_seconds=None, fraction=0.5)
    assert (ended.state, ended.dead_reason) == (State.DEAD, Dead.EXHAUSTED)


def test_a_success_and_a_410_end_it_at_once() -> None:
    taken = schedule.after(Result.DELIVERED, 3, START, wanted_seconds=None, fraction=0.5)
    assert (taken.state, taken.dead_reason) == (State.DELIVERED, None)
    gone = schedule.after(Result.GONE, 0, START, wanted_seconds=None, fraction=0.5)
    assert (gone.state, gone.dead_reason) == (State.DEAD, Dead.ENDPOINT_GONE)


def test_retry_after_is_read_as_seconds_or_as_a_date() -> None:
    date = format_datetime(instant.to_datetime(Instant(START + 90 * SECOND)), usegmt=True)
    assert schedule.retry_after(date, START) == 90
    assert schedule.retry_after(date, START + 100 * SECOND) == 0
    assert schedule.retry_after(" 120 ", START) == 120
    assert schedule.retry_after("9" * 400, START) == 999_999_999


@pytest.mark.parametrize(
    "written", [None, "", "soon", "-5", "1.5", "٣", "Mon, 99 Xyz 2026", "\x00", "0x10"]
)
def test_what_is_no_retry_after_says_nothing(written: str | None) -> None:
    assert schedule.retry_after(written, START) is None
