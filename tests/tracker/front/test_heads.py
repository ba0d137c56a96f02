"""Heads are read or refused, whatever was read before them, and no bytes break the reader."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.tracker.front.blocks import CLOSE, HEAD, OLD
from services.tracker.front.heads import HEAD_BYTES, OURS, HeadReader, Request, Verdict
from services.tracker.hits import Hit
from services.tracker.metrics import Kind
from tests.tracker.front.table import ANSWERED, LINK, PIXEL, REFUSED, get
from tests.tracker.given import click_token, open_token

SENT = st.sampled_from([case.sent for case in (*ANSWERED, *REFUSED)])


def read(sent: bytes, at: int = 0) -> Request:
    """Read what is a request."""
    request = HeadReader().read(sent, at)
    assert isinstance(request, Request), request
    return request


def test_a_request() -> None:
    sent = get(PIXEL, b"User-Agent: Mozilla/5.0 ", b"Accept-Language:\tde", b"Range: bytes=0-0")
    request = read(b"before" + sent + b"after", 6)
    assert (request.kind, request.token) == (Kind.OPEN, open_token())
    assert (request.form, request.body) == (0, False)
    assert request.end == 6 + len(sent)
    assert request.hit("192.0.2.0/24") == Hit(
        "GET", "192.0.2.0/24", "Mozilla/5.0", "de", range="bytes=0-0"
    )


def test_a_hit_without_hints() -> None:
    assert read(get()).hit(None) == Hit("GET")
    assert type(read(get()).hit(None)) is Hit
    assert type(read(get())) is Request


def test_a_link() -> None:
    request = read(get(LINK + b"?a=b", method=b"HEAD"))
    assert (request.kind, request.token, request.form) == (Kind.CLICK, click_token(), HEAD)
    assert request.hit(None).method == "HEAD"


@pytest.mark.parametrize(
    ("sent", "form"),
    [
        (get(), 0),
        (get(PIXEL, b"Connection: close"), CLOSE),
        (get(PIXEL, b"connection: keep-alive , CLOSE"), CLOSE),
        (get(PIXEL, b"Connection: x", b"Connection: close"), CLOSE),
        (get(PIXEL, b"Proxy-Connection: close"), CLOSE),
        (get(PIXEL, b"Connection: closed"), 0),
        (get(version=b"1.0"), OLD | CLOSE),
        (get(PIXEL, b"Connection: keep-alive", version=b"1.0"), OLD),
        (get(PIXEL, b"Connection: keep-alive, close", version=b"1.0"), OLD | CLOSE),
        (get(method=b"HEAD", version=b"1.0"), HEAD | OLD | CLOSE),
    ],
)
def test_the_form_of_an_answer(sent: bytes, form: int) -> None:
    assert read(sent).form == form


@pytest.mark.parametrize(
    ("header", "body"),
    [
        (b"Content-Length: 0", False),
        (b"Content-Length: 1", True),
        (b"Transfer-Encoding: chunked", True),
    ],
)
def test_a_body_is_seen(header: bytes, body: bool) -> None:
    assert read(get(PIXEL, header)).body is body


@pytest.mark.parametrize("start", OURS)
def test_a_start_decides_as_soon_as_it_can(start: bytes) -> None:
    reader = HeadReader()
    for length in range(len(start) + 1):
        assert reader.read(start[:length]) is Verdict.UNFINISHED
        assert reader.read(start[:length] + b"?") is (
            Verdict.UNFINISHED if length == len(start) else Verdict.FOREIGN
        )


def test_a_head_is_bounded() -> None:
    room = HEAD_BYTES - len(get(PIXEL, b"X: "))
    assert read(get(PIXEL, b"X: " + b"y" * room)).end == HEAD_BYTES
    too_long = get(PIXEL, b"X: " + b"y" * (room + 1))
    reader = HeadReader()
    assert reader.read(too_long) is Verdict.MALFORMED
    assert reader.read(too_long[: HEAD_BYTES - 1]) is Verdict.UNFINISHED
    assert reader.read(too_long[:HEAD_BYTES]) is Verdict.MALFORMED


@pytest.mark.parametrize("bare", [b"\n", b"\rx", b"\0"])
def test_what_can_no_longer_become_a_head_is_not_waited_for(bare: bytes) -> None:
    begun = get()[:-2] + b"X: y"
    assert HeadReader().read(begun + b"\r") is Verdict.UNFINISHED
    assert HeadReader().read(begun + bare) is Verdict.MALFORMED


def test_lists_are_joined_and_of_others_the_first_counts() -> None:
    request = read(
        get(
            PIXEL,
            b"X-Forwarded-For: 192.0.2.1",
            b"x-forwarded-for: 192.0.2.2",
            b"Purpose: a",
            b"purpose: b",
        )
    )
    assert request.lines(b"x-forwarded-for") == ("192.0.2.1, 192.0.2.2",)
    assert request.lines(b"forwarded") == ()
    assert request.hit(None).purpose == "a"


@given(before=st.lists(SENT, max_size=4), sent=SENT)
def test_nothing_is_remembered_from_one_head_to_the_next(before: list[bytes], sent: bytes) -> None:
    reader = HeadReader()
    for earlier in before:
        reader.read(earlier)
    assert reader.read(sent) == HeadReader().read(sent)


@given(before=st.lists(SENT, max_size=4), sent=SENT)
def test_where_a_head_lies_in_the_buffer_makes_no_difference(
    before: list[bytes], sent: bytes
) -> None:
    at = len(b"".join(before))
    alone = HeadReader().read(sent)
    if isinstance(alone, Request):
        alone = alone._replace(end=alone.end + at)
    assert HeadReader().read(b"".join(before) + sent, at) == alone


@given(sent=SENT, data=st.data())
def test_a_part_of_a_head_is_waited_for_or_judged_as_the_whole(
    sent: bytes, data: st.DataObject
) -> None:
    part = sent[: data.draw(st.integers(0, len(sent)))]
    judged = HeadReader().read(part)
    assert judged in (Verdict.UNFINISHED, HeadReader().read(sent))


@given(sent=SENT, before=st.sampled_from([b"", get()]), data=st.data())
def test_what_was_searched_before_need_not_be_searched_again(
    sent: bytes, before: bytes, data: st.DataObject
) -> None:
    at, seen = len(before), 0
    whole = before + sent
    cuts = data.draw(st.lists(st.integers(at, len(whole)), max_size=20).map(sorted))
    reader = HeadReader()
    for cut in (*cuts, len(whole)):
        judged = reader.read(whole[:cut], at, seen)
        assert judged == HeadReader().read(whole[:cut], at)
        if judged is not Verdict.UNFINISHED:
            return
        seen = cut


LINES = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.from_regex(rb"[A-Za-z-]{1,12}: ?[ -~]{0,30}", fullmatch=True),
        st.sampled_from([b"Host: a", b"Content-Length: 1", b"Connection: close", b"Upgrade: x"]),
    ),
    max_size=8,
)


@settings(max_examples=300)
@given(start=st.sampled_from([get()[:-4], get(LINK)[:-4], b"GET /o/", b""]), lines=LINES)
def test_no_bytes_break_it(start: bytes, lines: list[bytes]) -> None:
    reader = HeadReader()
    sent = b"\r\n".join((start, *lines, b"", b""))
    request = reader.read(sent)
    if isinstance(request, Request):
        assert sent[: request.end].endswith(b"\r\n\r\n")
        assert sent.find(b"\r\n\r\n") + 4 == request.end
        assert request.hit(None).method == "GET"
    whole = reader.read(get())
    assert isinstance(whole, Request)
    assert whole == read(get())
