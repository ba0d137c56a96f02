"""The public port over real HTTP, with a publisher in memory behind it."""

from collections.abc import AsyncIterator
from ipaddress import ip_network

import openapi_spec_validator
import orjson
import pytest
from aiohttp.test_utils import TestServer

from schemas import envelope
from schemas.events import LinkClicked, MessageOpened
from services.tracker.answers import PIXEL
from services.tracker.entry import Where
from services.tracker.front.web import openapi_document
from tests.tracker.given import (
    TARGET,
    Tracker,
    a_tracker,
    an_application,
    click_token,
    open_token,
)
from tests.tracker.wire import ask, heard, say

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
async def tracker() -> Tracker:
    """A tracker that knows its topic."""
    return await a_tracker()


@pytest.fixture
async def port(tracker: Tracker) -> AsyncIterator[int]:
    """Its public port."""
    app = an_application(tracker, ip_network("127.0.0.0/8"))
    async with TestServer(app, access_log=None) as server:
        assert server.port is not None
        yield server.port


def last_event(tracker: Tracker) -> MessageOpened | LinkClicked:
    record = tracker.published()[-1]
    event = envelope.decode(record.key, record.value, record.headers).event
    assert isinstance(event, MessageOpened | LinkClicked)
    return event


async def test_a_pixel(tracker: Tracker, port: int) -> None:
    answer = await ask(
        port,
        f"/o/{open_token()}.gif",
        "User-Agent: Mozilla/5.0",
        "Accept-Language: de",
        "X-Moz: prefetch",
        "Sec-Purpose: prefetch",
        "Range: bytes=0-0",
        "X-Forwarded-For: 192.0.2.1, 203.0.113.9",
        f"traceparent: {TRACE}",
    )
    assert (answer.status, answer.body) == (200, PIXEL)
    assert answer.headers["Content-Type"] == "image/gif"
    assert answer.headers["Content-Length"] == "43"
    assert answer.headers["Inkling-Recorded"] == "yes"
    assert answer.headers["Server"] == "inkling"
    assert "no-store" in answer.headers["Cache-Control"]
    event = last_event(tracker)
    assert isinstance(event, MessageOpened)
    assert event.network == "203.0.113.0/24"
    assert event.language == "de"
    assert event.purpose == event.sec_purpose == "prefetch"
    assert event.range == "bytes=0-0"
    assert dict(tracker.published()[-1].headers)["traceparent"] == TRACE.encode()


async def test_a_head_is_answered_without_body_and_recorded_as_one(
    tracker: Tracker, port: int
) -> None:
    answer = await ask(port, f"/o/{open_token()}.gif", method="HEAD")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["Content-Length"] == "43"
    assert answer.headers["Inkling-Recorded"] == "yes"
    assert last_event(tracker).method == "HEAD"
    answer = await ask(port, f"/c/{click_token()}", method="HEAD")
    assert (answer.status, answer.headers["Location"]) == (302, TARGET)
    assert last_event(tracker).method == "HEAD"


@pytest.mark.parametrize(
    "condition",
    ["Range: bytes=0-0", "If-None-Match: *", "If-Modified-Since: Fri, 31 Dec 2038 23:59:59 GMT"],
)
async def test_conditions_and_ranges_on_a_pixel_are_ignored(port: int, condition: str) -> None:
    answer = await ask(port, f"/o/{open_token()}.gif", condition)
    assert (answer.status, answer.body) == (200, PIXEL)


async def test_http_1_0_is_answered(port: int) -> None:
    answer = heard(await say(port, f"GET /o/{open_token()}.gif HTTP/1.0\r\n\r\n".encode()))
    assert (answer.status, answer.body) == (200, PIXEL)


@pytest.mark.parametrize("text", ["x", open_token()[:-1], click_token(), "%2e%2e%2fetc"])
async def test_a_pixel_of_nobody_looks_the_same(tracker: Tracker, port: int, text: str) -> None:
    answer = await ask(port, f"/o/{text}.gif")
    assert (answer.status, answer.body) == (200, PIXEL)
    assert answer.headers["Inkling-Recorded"] == "no"
    assert tracker.published() == []


async def test_without_kafka(tracker: Tracker, port: int) -> None:
    tracker.journal.where = Where.NOWHERE
    answer = await ask(port, f"/o/{open_token()}.gif")
    assert (answer.status, answer.body) == (503, PIXEL)
    assert answer.headers["Retry-After"] == "5"
    assert answer.headers["Inkling-Recorded"] == "no"
    answer = await ask(port, f"/c/{click_token()}")
    assert (answer.status, answer.headers["Location"]) == (302, TARGET)
    assert answer.headers["Inkling-Recorded"] == "no"


@pytest.mark.parametrize(
    ("url", "location"),
    [
        (TARGET, TARGET),
        ("HTTPS://E.example:443/../a//b?x=%zz&&y='\"<>\\^`{|}#f#g", None),
        ("http://e.example/%2F%2f%C3%BC%c3%bc?a+b=%20", None),
        ("https://e.example?", None),
        ("https://e.example/ü ?q=é", "https://e.example/%C3%BC%20?q=%C3%A9"),
        ("https://bücher.example/", "https://b%C3%BCcher.example/"),
    ],
)
async def test_a_link_leads_to_the_exact_original(
    tracker: Tracker, port: int, url: str, location: str | None
) -> None:
    answer = await ask(port, f"/c/{click_token(url)}")
    assert (answer.status, answer.body) == (302, b"")
    assert answer.headers["Location"] == (location or url)
    assert answer.headers["Inkling-Recorded"] == "yes"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert isinstance(last_event(tracker), LinkClicked)


@pytest.mark.parametrize("text", ["x", click_token()[:-1], open_token(), click_token("data:,x")])
async def test_a_link_of_nobody_is_a_page_without_a_link(port: int, text: str) -> None:
    answer = await ask(port, f"/c/{text}?url=https://other.example/")
    assert answer.status == 404
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "Location" not in answer.headers
    assert b"http" not in answer.body


async def test_bytes_that_are_no_text_are_recorded_cleaned(tracker: Tracker, port: int) -> None:
    # a lone surrogate half stands for a byte that is no UTF-8
    answer = await ask(port, f"/o/{open_token()}.gif", "User-Agent: a\udcffb", "Purpose: \udce9")
    assert answer.headers["Inkling-Recorded"] == "yes"
    assert last_event(tracker).user_agent == "a\ufffdb"
    assert last_event(tracker).purpose == "\ufffd"


@pytest.mark.parametrize("path", [f"/o/{open_token()}.gif", f"/c/{click_token()}"])
@pytest.mark.parametrize("length", ["Content-Length: 3", "Transfer-Encoding: chunked"])
async def test_a_body_is_refused_and_the_connection_closed(
    tracker: Tracker, port: int, path: str, length: str
) -> None:
    body = b"abc" if "Length" in length else b"3\r\nabc\r\n0\r\n\r\n"
    lines = [f"GET {path} HTTP/1.1", "Host: t.example", length, "", ""]
    answer = heard(await say(port, "\r\n".join(lines).encode() + body))
    assert answer.status == 400
    assert answer.headers["Connection"] == "close"
    assert answer.headers["Inkling-Recorded"] == "no"
    assert orjson.loads(answer.body)["type"] == "urn:inkling:problem:malformed-request"
    assert tracker.published() == []
    kind = "open" if path.startswith("/o/") else "click"
    assert tracker.counted("refused_total", kind=kind, reason="body") == 1


@pytest.mark.parametrize(
    "path",
    ["/", "/o/", "/o/x", f"/o/{open_token()}", "/c/", "/c/a/b", "/a/", "/i/", "/favicon.ico"],
)
async def test_other_paths_are_not_there(port: int, path: str) -> None:
    answer = await ask(port, path)
    assert answer.status == 404
    assert orjson.loads(answer.body)["type"] == "urn:inkling:problem:not-found"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
async def test_other_methods_are_refused(port: int, method: str) -> None:
    for path in (f"/o/{open_token()}.gif", f"/c/{click_token()}"):
        answer = await ask(port, path, method=method)
        assert answer.status == 405
        assert answer.headers["Allow"] == "GET,HEAD"


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 9000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 129 + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET /c/x HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"GET /o/x.gif HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n",
        b"GET /c/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \r\nContent-Length: 1\r\n\r\na",
        b"GET /nobody HTTP/1.0\r\nTransfer-Encoding:\t\r\n\r\n",
    ],
)
async def test_what_is_no_request_is_refused_and_cut_off(port: int, request_bytes: bytes) -> None:
    assert heard(await say(port, request_bytes)).status == 400


async def test_the_document_is_valid_and_served(port: int) -> None:
    openapi_spec_validator.validate(orjson.loads(openapi_document()))
    answer = await ask(port, "/openapi.json")
    assert answer.status == 200
    assert answer.body == openapi_document()
