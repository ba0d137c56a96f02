import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.instant import Instant, parse
from services.projector.query.status import ABOUT_SENDING, Course, StatusCode, ago, status

NOW = parse("2026-03-04T12:00:00Z")


@pytest.mark.parametrize(
    ("then", "words"),
    [
        ("2026-03-04T12:00:00Z", "just now"),
        ("2026-03-04T11:59:00.000001Z", "just now"),
        ("2026-03-04T12:07:00Z", "just now"),
        ("2026-03-04T11:59:00Z", "1 minute ago"),
        ("2026-03-04T11:15:30Z", "44 minutes ago"),
        ("2026-03-04T11:00:00Z", "1 hour ago"),
        ("2026-03-04T00:00:00Z", "12 hours ago"),
        ("2026-03-03T23:59:59Z", "yesterday"),
        ("2026-03-03T00:00:00Z", "yesterday"),
        ("2026-03-02T23:00:00Z", "2 days ago"),
        ("2026-02-26T12:00:00Z", "6 days ago"),
        ("2026-02-25T23:59:59Z", "on 25 February"),
        ("2026-01-01T00:00:00Z", "on 1 January"),
        ("2025-12-31T23:59:59Z", "on 31 December 2025"),
    ],
)
def test_how_long_ago_is_said_in_words(then: str, words: str) -> None:
    assert ago(parse(then), NOW) == words


def test_a_minute_before_midnight_is_minutes_ago_after_it() -> None:
    assert ago(parse("2026-03-03T23:59:00Z"), parse("2026-03-04T00:01:00Z")) == "2 minutes ago"


YESTERDAY = parse("2026-03-03T09:00:00Z")
EVERYTHING = Course(
    followed=False,
    sent_at=None,
    scheduled_at=parse("2026-03-05T08:30:00Z"),
    cancelled_at=YESTERDAY,
    bounced_at=YESTERDAY,
    human_replied_at=YESTERDAY,
    human_clicked_at=YESTERDAY,
    human_viewed_at=YESTERDAY,
    human_opened_at=YESTERDAY,
    opened_at=YESTERDAY,
)

# each row takes away what made the one before hold
ORDER: list[tuple[dict[str, object], str, str]] = [
    ({}, "cancelled", "Cancelled yesterday"),
    ({"cancelled_at": None}, "scheduled", "Scheduled for 5 March, 08:30 UTC"),
    ({"sent_at": YESTERDAY}, "bounced", "Bounced yesterday"),
    ({"bounced_at": None}, "not_followed", "Not followed"),
    ({"followed": True}, "replied", "Last replied to yesterday"),
    ({"human_replied_at": None}, "clicked", "Last clicked yesterday"),
    ({"human_clicked_at": None}, "viewed", "Attachment last viewed yesterday"),
    ({"human_viewed_at": None}, "opened", "Last opened yesterday"),
    ({"human_opened_at": None}, "opened_by_machine", "Last opened by a machine yesterday"),
    ({"opened_at": None}, "not_opened", "Not yet opened"),
]


ABOUT = len(ABOUT_SENDING)


@pytest.mark.parametrize("number", range(len(ORDER)))
def test_the_first_that_holds_is_the_status(number: int) -> None:
    changes: dict[str, object] = {}
    for change, _, _ in ORDER[: number + 1]:
        changes |= change
    found = status(dataclasses.replace(EVERYTHING, **changes), NOW)  # type: ignore[arg-type]  # a table
    assert (found.code, found.text) == ORDER[number][1:]


def test_the_order_is_the_documented_one() -> None:
    assert [code for _, code, _ in ORDER] == [code.value for code in StatusCode]


def test_a_year_is_named_when_it_is_another_one() -> None:
    held = Course(followed=True, scheduled_at=parse("2027-01-02T00:00:00Z"))
    assert status(held, NOW).text == "Scheduled for 2 January 2027, 00:00 UTC"


@given(st.integers(0, 4_000_000_000_000_000), st.integers(0, 4_000_000_000_000_000))
def test_every_moment_has_words(then: int, now: int) -> None:
    assert ago(Instant(then), Instant(now))


@pytest.mark.parametrize("number", range(len(ORDER)))
def test_where_engagement_is_off_only_what_became_of_the_sending_is_told(number: int) -> None:
    changes: dict[str, object] = {"engaged": False}
    for change, _, _ in ORDER[: number + 1]:
        changes |= change
    found = status(dataclasses.replace(EVERYTHING, **changes), NOW)  # type: ignore[arg-type]  # a table
    told = ORDER[number][1:] if number < ABOUT else (None, None)
    assert (found.code, found.text) == told
