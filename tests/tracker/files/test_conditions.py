"""What is due to whom: preconditions, their order, and ranges only of the content that was meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import instant
from services.tracker.files.conditions import Conditions, due, range_fits, unchanged, validators
from services.tracker.files.ranges import Window

DIGEST = "ab" * 32
STORED_AT = instant.parse("2026-11-24T09:30:00.999Z")
CONTENT = validators(DIGEST, STORED_AT)
TAG = f'"{DIGEST}"'
DATE = "Tue, 24 Nov 2026 09:30:00 GMT"
BEFORE = "Tue, 24 Nov 2026 09:29:59 GMT"
SIZE = 1000


def test_the_tag_is_strong_and_the_date_whole_seconds() -> None:
    assert (CONTENT.etag, CONTENT.last_modified) == (TAG, DATE)


@pytest.mark.parametrize(
    ("header", "held"),
    [
        (TAG, True),
        (f"W/{TAG}", True),
        (f'"other", {TAG}', True),
        (f'"a,b",W/"c" ,{TAG}', True),
        ("*", True),
        (" * ", True),
        ('"other"', False),
        ('W/"other"', False),
        (DIGEST, False),
        (f'"x{DIGEST}"', False),
        ("", False),
        ('"', False),
    ],
)
def test_a_tag_tells_what_a_client_has(header: str, held: bool) -> None:
    assert unchanged(Conditions(none_match=header), CONTENT) is held
    # a date beside a tag is not looked at
    for date in (DATE, BEFORE):
        assert unchanged(Conditions(none_match=header, modified_since=date), CONTENT) is held


@pytest.mark.parametrize(
    ("header", "held"),
    [
        (DATE, True),
        ("Tue, 24 Nov 2026 10:30:00 +0100", True),
        ("Tuesday, 24-Nov-26 09:30:00 GMT", True),
        ("Tue Nov 24 09:30:00 2026", True),
        ("Fri, 31 Dec 9999 23:59:59 GMT", True),
        (BEFORE, False),
        ("Thu, 01 Jan 1970 00:00:00 GMT", False),
        ("yesterday", False),
        ("", False),
        ("Tue, 99 Nov 2026 09:30:00 GMT", False),
        ("Mon, 01 Jan 0001 00:00:00 +2359", False),
        ("9" * 4000, False),
    ],
)
def test_a_date_tells_what_a_client_has(header: str, held: bool) -> None:
    assert unchanged(Conditions(modified_since=header), CONTENT) is held


def test_without_conditions_nothing_is_held() -> None:
    assert not unchanged(Conditions(), CONTENT)


@pytest.mark.parametrize(
    ("header", "fits"),
    [
        (None, True),
        (TAG, True),
        (DATE, True),
        (f"W/{TAG}", False),
        ('"other"', False),
        (BEFORE, False),
        ("Fri, 31 Dec 9999 23:59:59 GMT", False),
        ("", False),
    ],
)
def test_a_range_is_of_the_content_that_was_meant(header: str | None, fits: bool) -> None:
    assert range_fits(Conditions(if_range=header), CONTENT) is fits


@pytest.mark.parametrize(
    ("method", "asked", "status", "window"),
    [
        ("GET", Conditions(), 200, (0, SIZE)),
        ("HEAD", Conditions(), 200, (0, SIZE)),
        ("GET", Conditions(range="bytes=1-2"), 206, (1, 3)),
        ("HEAD", Conditions(range="bytes=1-2"), 200, (0, SIZE)),
        ("HEAD", Conditions(range="bytes=1000-"), 200, (0, SIZE)),
        ("GET", Conditions(range="bytes=1000-"), 416, (0, 0)),
        ("GET", Conditions(range="bytes=1-2", if_range=TAG), 206, (1, 3)),
        ("GET", Conditions(range="bytes=1-2", if_range=DATE), 206, (1, 3)),
        ("GET", Conditions(range="bytes=1-2", if_range='"old"'), 200, (0, SIZE)),
        ("GET", Conditions(range="bytes=1000-", if_range='"old"'), 200, (0, SIZE)),
        ("GET", Conditions(if_range=TAG), 200, (0, SIZE)),
        ("GET", Conditions(none_match=TAG), 304, (0, 0)),
        ("HEAD", Conditions(none_match=TAG), 304, (0, 0)),
        ("GET", Conditions(none_match=TAG, range="bytes=1-2", if_range=TAG), 304, (0, 0)),
        ("GET", Conditions(none_match='"old"', range="bytes=1-2"), 206, (1, 3)),
        ("GET", Conditions(modified_since=DATE, range="bytes=1000-"), 304, (0, 0)),
    ],
)
def test_what_is_due(method: str, asked: Conditions, status: int, window: tuple[int, int]) -> None:
    assert due(method, asked, CONTENT, SIZE) == (status, Window(*window))


TEXTS = st.one_of(
    st.none(),
    st.text(),
    st.sampled_from([TAG, DATE, BEFORE, "*", "bytes=0-"]),
    st.from_regex(
        r"\A[MTWFS][a-z]{2}, \d{1,4} [A-Z][a-z]{2} \d{1,6} \d\d:\d\d:\d\d [A-Z+\-\d]{0,6}\Z"
    ),
)


@given(st.builds(Conditions, TEXTS, TEXTS, TEXTS, TEXTS), st.integers(0, 20))
def test_whatever_the_headers_hold_something_is_due(asked: Conditions, size: int) -> None:
    answer = due("GET", asked, CONTENT, size)
    assert answer.status in (200, 206, 304, 416)
    assert 0 <= answer.window.start <= answer.window.end <= size
    assert answer.status != 206 or answer.window.start < answer.window.end
