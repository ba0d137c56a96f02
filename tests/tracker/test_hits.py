"""Whatever a stranger sends, the event made of it is one of ours."""

from dataclasses import asdict
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas import envelope
from schemas.envelope import Envelope
from schemas.events import AttachmentViewed, LinkClicked, MessageOpened
from schemas.instant import Instant
from schemas.token import Claim
from services.tracker import hits
from services.tracker.hits import Hit
from tests.tracker.given import EDGE, MESSAGE, REFS, TENANT

AT = Instant(1_767_225_600_123_456)
CLAIM = Claim(tenant=TENANT, message_id=MESSAGE, refs=REFS, index=3, url="https://example.com/")

# As aiohttp hands them over: UTF-8 where it is, halves of surrogate pairs where it is not. And any text at all.
HEADERS = (
    st.none()
    | st.text()
    | st.binary(max_size=2000).map(lambda raw: raw.decode("utf-8", "surrogateescape"))
)
HITS = st.builds(
    Hit,
    method=st.sampled_from(["GET", "HEAD"]),
    network=st.sampled_from([None, "192.0.2.0/24", "2001:db8:1::/48"]),
    user_agent=HEADERS,
    language=HEADERS,
    purpose=HEADERS,
    sec_purpose=HEADERS,
    range=HEADERS,
    traceparent=HEADERS,
)


@given(HITS)
@example(Hit(method="GET", user_agent=r"a literal \u0000"))
@example(Hit(method="GET", user_agent=r"\u000" + "0" * 600))
@example(Hit(method="GET", user_agent=r"\\u0000"))
@example(Hit(method="GET", user_agent="x" * 510 + r"\u0000"))
@example(Hit(method="HEAD", user_agent="\x00\x1f\x7f\x85\udc80\ud83d\u2028"))
@example(Hit(method="GET", user_agent="😀" * 600, language="é" * 200, range="\t" * 99))
def test_every_request_makes_events_that_satisfy_their_schema_and_read_back(hit: Hit) -> None:
    for event in (
        hits.opened(CLAIM, hit, EDGE),
        hits.clicked(CLAIM, hit, EDGE),
        hits.viewed(CLAIM, hit, EDGE),
    ):
        envelope.check(event)
        carried = Envelope(
            id=UUID(int=1),
            source="/tracker/edge-7",
            tenant=TENANT,
            occurred_at=AT,
            traceparent=hits.traceparent(hit.traceparent),
        )
        record = envelope.encode(carried, event, AT)
        received = envelope.decode(record.key, record.value, record.headers)
        assert received.event == event
        assert received.envelope == carried


def test_a_hit_is_recorded_as_what_it_is() -> None:
    hit = Hit(
        method="HEAD",
        network="192.0.2.0/24",
        user_agent="Mozilla/5.0",
        language="de-AT, en;q=0.5",
        purpose="prefetch",
        sec_purpose="prefetch;prerender",
        range="bytes=0-0",
    )
    facts = {
        "message_id": MESSAGE,
        "refs": REFS,
        "edge": EDGE,
        "method": "HEAD",
        "network": "192.0.2.0/24",
        "user_agent": "Mozilla/5.0",
        "language": "de-AT, en;q=0.5",
        "purpose": "prefetch",
        "sec_purpose": "prefetch;prerender",
        "range": "bytes=0-0",
    }
    opened = hits.opened(CLAIM, hit, EDGE)
    assert isinstance(opened, MessageOpened)
    assert asdict(opened) == facts
    clicked = hits.clicked(CLAIM, hit, EDGE)
    assert isinstance(clicked, LinkClicked)
    assert asdict(clicked) == facts | {"link_index": 3}
    viewed = hits.viewed(CLAIM, hit, EDGE)
    assert isinstance(viewed, AttachmentViewed)
    assert asdict(viewed) == facts | {"attachment_index": 3}


def test_what_was_not_sent_and_what_was_sent_empty_are_absent() -> None:
    assert hits.opened(CLAIM, Hit(method="GET"), EDGE) == MessageOpened(
        message_id=MESSAGE, refs=REFS, method="GET", edge=EDGE
    )
    empty = Hit(method="GET", user_agent="", language="", purpose="", sec_purpose="", range="")
    assert hits.opened(CLAIM, empty, EDGE) == hits.opened(CLAIM, Hit(method="GET"), EDGE)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("Mozilla/5.0 (X11)", "Mozilla/5.0 (X11)"),
        ("café 😀", "café 😀"),
        ("a\tb", "a b"),
        ("a\x00b\x7fc\udcff", "a\ufffdb\ufffdc\ufffd"),
        (r"C:\new", r"C:\new"),
        (r"\u0000\u0001", r"\u0000\u0001"),
        ("x" * 65, "x" * 64),
        ("é" * 65, "é" * 64),
    ],
)
def test_headers_are_cleaned_and_cut(sent: str, kept: str) -> None:
    assert hits.cleaned(sent, 64) == kept


@pytest.mark.parametrize(
    ("header", "forwarded"),
    [
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", True),
        ("00-00000000000000000000000000000000-b7ad6b7169203331-01", False),
        ("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", False),
        ("00-0AF7651916CD43DD8448EB211C80319C-B7AD6B7169203331-01", False),
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x", False),
        ("ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", False),
        ("", False),
    ],
)
def test_a_trace_parent_is_forwarded_only_if_it_is_one(header: str, forwarded: bool) -> None:
    assert hits.traceparent(header) == (header if forwarded else None)
