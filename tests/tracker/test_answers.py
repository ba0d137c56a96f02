"""The answers as bytes on the wire must have them."""

import struct

import pytest

from services.tracker import answers
from services.tracker.answers import Answer

PIXELS = [answers.PIXEL_RECORDED, answers.PIXEL_NOT_RECORDED, answers.PIXEL_UNAVAILABLE]


def test_the_pixel_is_one_transparent_pixel_in_43_bytes() -> None:
    gif = answers.PIXEL
    assert len(gif) == 43
    assert gif[:6] == b"GIF89a"
    assert struct.unpack("<HH", gif[6:10]) == (1, 1)
    graphic_control = gif[19:27]
    assert graphic_control[:3] == b"\x21\xf9\x04"
    assert graphic_control[3] & 1  # a transparent colour is given
    assert gif[-1:] == b"\x3b"


@pytest.mark.parametrize("answer", PIXELS)
def test_no_cache_may_keep_a_pixel(answer: Answer) -> None:
    headers = dict(answer.headers)
    assert headers["Content-Type"] == "image/gif"
    directives = set(headers["Cache-Control"].split(", "))
    # the conditions of Gmail's proxy, and those of everybody else
    assert {"no-store", "no-cache", "max-age=0", "private", "must-revalidate"} <= directives
    assert answer.body == answers.PIXEL


def test_only_what_is_not_safe_is_a_503_and_says_when_to_come_back() -> None:
    assert [one.status for one in PIXELS] == [200, 200, 503]
    assert [dict(one.headers)["Inkling-Recorded"] for one in PIXELS] == ["yes", "no", "no"]
    assert dict(answers.PIXEL_UNAVAILABLE.headers)["Retry-After"] == "5"


def test_a_redirect_is_kept_by_nobody_and_tells_nobody_where_it_came_from() -> None:
    answer = answers.redirect("https://example.com/", recorded=True)
    assert (answer.status, answer.body) == (302, b"")
    headers = dict(answer.headers)
    assert headers["Location"] == "https://example.com/"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Inkling-Recorded"] == "yes"
    assert dict(answers.redirect("https://e/", recorded=False).headers)["Inkling-Recorded"] == "no"


@pytest.mark.parametrize(
    ("page", "status"),
    [
        (answers.NO_SUCH_LINK, 404),
        (answers.NO_SUCH_FILE, 404),
        (answers.FILE_GONE, 410),
        (answers.FILE_UNAVAILABLE, 503),
        (answers.no_such_range(48_211), 416),
    ],
)
def test_a_page_is_small_kept_by_nobody_and_leads_nowhere(page: Answer, status: int) -> None:
    assert page.status == status
    headers = dict(page.headers)
    assert "Location" not in headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert headers["Inkling-Recorded"] == "no"
    assert len(page.body) < 1024
    for leading in (b"href", b"src", b"http", b"<script", b"<form"):
        assert leading not in page.body.lower()
