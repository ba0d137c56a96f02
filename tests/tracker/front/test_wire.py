"""Answers on the wire, in each form and with the date as of now; that aiohttp writes the same, the contract shows."""

import pytest

from services.tracker.answers import NO_SUCH_LINK, PIXEL, PIXEL_RECORDED, redirect
from services.tracker.front.blocks import CLOSE, HEAD, OLD
from services.tracker.front.wire import MALFORMED, Wire, body_refused

SECOND = 1_000_000
NOW = 1_766_568_600 * SECOND  # 2025-12-24T09:30:00Z


def parts(written: bytes) -> tuple[str, list[str], bytes]:
    """Return status line, headers and body."""
    head, _, body = written.partition(b"\r\n\r\n")
    first, *headers = head.decode().split("\r\n")
    return first, headers, body


def test_a_pixel() -> None:
    first, headers, body = parts(Wire(NOW).written(PIXEL_RECORDED, 0))
    assert (first, body) == ("HTTP/1.1 200 OK", PIXEL)
    assert headers == [
        *(f"{name}: {value}" for name, value in PIXEL_RECORDED.headers),
        "Content-Length: 43",
        "Date: Wed, 24 Dec 2025 09:30:00 GMT",
    ]


def test_a_redirect_each_time_anew() -> None:
    wire = Wire(NOW)
    for target in ("https://a.example/?x=%zz", "https://b.example/"):
        first, headers, body = parts(wire.written(redirect(target, recorded=True), 0))
        assert (first, body) == ("HTTP/1.1 302 Found", b"")
        assert headers[0] == f"Location: {target}"
        assert "Inkling-Recorded: yes" in headers
        assert "Content-Length: 0" in headers
    assert b"Inkling-Recorded: no" in wire.written(
        redirect("https://a.example/", recorded=False), 0
    )


@pytest.mark.parametrize(
    ("form", "version", "connection"),
    [
        (0, "1.1", None),
        (CLOSE, "1.1", "Connection: close"),
        (OLD, "1.0", "Connection: keep-alive"),
        (OLD | CLOSE, "1.0", None),
    ],
)
@pytest.mark.parametrize("answer", [PIXEL_RECORDED, NO_SUCH_LINK, body_refused("/o/x.gif")])
def test_the_form_of_an_answer(
    answer: object, form: int, version: str, connection: str | None
) -> None:
    assert isinstance(answer, type(PIXEL_RECORDED))
    wire = Wire(NOW)
    first, headers, body = parts(wire.written(answer, form))
    assert first.startswith(f"HTTP/{version} {answer.status} ")
    assert [line for line in headers if line.startswith("Connection")] == (
        [connection] if connection else []
    )
    assert body == answer.body
    assert f"Content-Length: {len(body)}" in headers
    assert parts(wire.written(answer, form | HEAD)) == (first, headers, b"")


def test_the_usual_answers_are_written_once_a_second() -> None:
    wire = Wire(NOW)
    first = wire.written(PIXEL_RECORDED, 0)
    wire.tick(NOW + SECOND - 1)
    assert wire.written(PIXEL_RECORDED, 0) is first
    wire.tick(NOW + SECOND)
    assert wire.written(PIXEL_RECORDED, 0) == first.replace(b"09:30:00", b"09:30:01")
    assert b"09:30:01" in wire.written(redirect("https://a.example/", recorded=True), 0)


def test_refusals_are_problems_and_record_nothing() -> None:
    for answer in (MALFORMED, body_refused("/c/x")):
        assert answer.status == 400
        assert b"urn:inkling:problem:malformed-request" in answer.body
        assert ("Inkling-Recorded", "no") in answer.headers
