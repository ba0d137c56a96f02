import pytest
from aiohttp.test_utils import make_mocked_request
from yarl import URL

from services.projector.query.filters import FILTERS, REPEATABLE, Label, message_filter
from services.runtime.problem import Problem
from services.runtime.requests import Query


def asked(written: str) -> Query:
    return Query(make_mocked_request("GET", str(URL(f"/?{written}"))), FILTERS, REPEATABLE)


def test_repeated_filters_add_up_and_count_once() -> None:
    wanted = message_filter(asked("label=step:1&label=vip&label=step:1&label=a:b:c&label=empty:"))
    assert wanted.labels == (
        Label(name="step", value="1"),
        Label(name="vip", value=None),
        Label(name="a", value="b:c"),
        Label(name="empty", value=""),
    )


def test_engagement_is_of_people_unless_everything_is_to_count() -> None:
    wanted = message_filter(asked("engaged=opened&engaged=viewed&not_engaged=replied"))
    assert wanted.engaged == ("human_last_opened_at", "human_last_attachment_viewed_at")
    assert wanted.not_engaged == ("human_last_replied_at",)
    assert message_filter(asked("engaged=clicked&by=all")).engaged == ("last_clicked_at",)


@pytest.mark.parametrize(
    ("written", "about"),
    [
        ("", False),
        ("from=2026-01-01T00:00:00Z", False),
        ("range=last_opened_at", False),
        ("range=last_opened_at&to=2026-01-01T00:00:00Z", True),
        ("range=scheduled_at&to=2026-01-01T00:00:00Z", False),
        ("not_engaged=opened", True),
    ],
)
def test_what_asks_for_readers_deeds_says_so(written: str, about: bool) -> None:
    assert message_filter(asked(written)).about_engagement is about


def test_a_search_is_split_into_words() -> None:
    assert message_filter(asked("q=+Your%20%20offer+your")).terms == ("Your", "offer", "your")


@pytest.mark.parametrize(
    ("written", "field"),
    [
        ("engaged=delivered", "engaged"),
        ("not_engaged=", "not_engaged"),
        ("by=machines", "by"),
        ("range=subject", "range"),
        ("label=:1", "label"),
        ("label=", "label"),
        ("label=%00", "label"),
        ("&".join(f"label=a:{number}" for number in range(9)), "label"),
        ("&".join(["engaged=opened"] * 9), "engaged"),
        ("q=" + "+".join("abcdefghi"), "q"),
        ("owner=a&owner=b", "owner"),
    ],
)
def test_a_bad_filter_is_refused_by_name(written: str, field: str) -> None:
    with pytest.raises(Problem) as refused:
        message_filter(asked(written))
    assert (refused.value.status, refused.value.field) == (400, field)
