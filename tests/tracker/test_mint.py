"""Whatever a stranger sends, the event made of it is one of ours, and the same that the codec would write."""

from dataclasses import asdict
from uuid import UUID

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event
from cloudevents.core.formats.json import JSONFormat
from hypothesis import example, given
from hypothesis import strategies as st

from schemas import envelope, identity
from schemas.envelope import Envelope, Received
from schemas.events import AttachmentViewed, LinkClicked, MessageOpened
from schemas.instant import Instant
from schemas.token import Seen
from services.tracker.entry import Entry
from services.tracker.hits import Hit
from services.tracker.mint import Mint
from tests.support.clock import ManualClock
from tests.support.journal import recorded
from tests.tracker.given import EDGE, MESSAGE, REFS, TENANT, Entropy

SEEN = Seen(TENANT, MESSAGE.bytes, REFS, 0, 3, "https://example.com/")
RECORDED = Instant(1_767_225_600_123_456)
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

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
    traceparent=HEADERS | st.just(TRACE),
)


def a_mint(clock: ManualClock | None = None) -> Mint:
    return Mint(EDGE, clock or ManualClock(), Entropy())


def read(entry: Entry) -> Received:
    return envelope.decode(entry.key, entry.value, recorded(entry, RECORDED))


@given(HITS, st.integers(0, 2**47))
@example(Hit(method="GET", user_agent=r"a literal \u0000"), 0)
@example(Hit(method="GET", user_agent=r"\u000" + "0" * 600), 0)
@example(Hit(method="GET", user_agent=r"\\u0000"), 0)
@example(Hit(method="GET", user_agent="x" * 510 + r"\u0000"), 0)
@example(Hit(method="HEAD", user_agent="\x00\x1f\x7f\x85\udc80\ud83d\u2028"), 0)
@example(Hit(method="GET", user_agent="😀" * 600, language="é" * 200, range="\t" * 99), 0)
def test_every_request_makes_events_that_the_codec_would_write_alike(hit: Hit, after: int) -> None:
    clock = ManualClock(ManualClock().now() + after)
    mint = a_mint(clock)
    for entry in (mint.opened(SEEN, hit), mint.clicked(SEEN, hit), mint.viewed(SEEN, hit)):
        found = read(entry)
        envelope.check(found.event)
        assert found.envelope.occurred_at == clock.now()
        assert found.envelope.source == f"/tracker/{EDGE}"
        assert found.envelope.id.version == 7
        assert identity.milliseconds_of(found.envelope.id) == clock.now() // 1000
        written = envelope.encode(found.envelope, found.event, RECORDED)
        assert (entry.key, entry.value) == (written.key, written.value)
        assert dict(recorded(entry, RECORDED)) == dict(written.headers)
        assert entry.tenant == found.envelope.tenant == TENANT


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
    opened = read(a_mint().opened(SEEN, hit)).event
    assert isinstance(opened, MessageOpened)
    assert asdict(opened) == facts
    clicked = read(a_mint().clicked(SEEN, hit)).event
    assert isinstance(clicked, LinkClicked)
    assert asdict(clicked) == facts | {"link_index": 3}
    viewed = read(a_mint().viewed(SEEN, hit)).event
    assert isinstance(viewed, AttachmentViewed)
    assert asdict(viewed) == facts | {"attachment_index": 3}


def test_what_was_not_sent_and_what_was_sent_empty_are_absent() -> None:
    bare = read(a_mint().opened(SEEN, Hit(method="GET"))).event
    assert bare == MessageOpened(message_id=MESSAGE, refs=REFS, method="GET", edge=EDGE)
    empty = Hit(method="GET", user_agent="", language="", purpose="", sec_purpose="", range="")
    assert read(a_mint().opened(SEEN, empty)).event == bare


@pytest.mark.parametrize("trace", [None, "no trace", TRACE])
def test_only_a_trace_parent_is_forwarded(trace: str | None) -> None:
    entry = a_mint().opened(SEEN, Hit(method="GET", traceparent=trace))
    assert read(entry).envelope.traceparent == (TRACE if trace == TRACE else None)


def test_ids_differ_however_many_are_made() -> None:
    mint = a_mint()
    ids = {dict(mint.opened(SEEN, Hit(method="GET")).headers)["ce_id"] for _ in range(1000)}
    assert len(ids) == 1000


@given(st.integers(0, 2**48 * 1000 - 1), st.binary(min_size=10, max_size=10))
def test_ids_are_those_of_rfc_9562(at: int, entropy: bytes) -> None:
    text = identity.uuid7_text(Instant(at), entropy.hex())
    assert UUID(text) == identity.uuid7(Instant(at), entropy)
    assert text == str(UUID(text))


def test_the_cloudevents_sdk_reads_what_is_made() -> None:
    entry = a_mint().opened(SEEN, Hit(method="GET"))
    headers = dict(recorded(entry, RECORDED))
    message = KafkaMessage(headers=headers, key=entry.key, value=entry.value)
    event = from_binary_event(message, JSONFormat())
    assert event.get_type() == "message.opened.v1"
    assert event.get_source() == f"/tracker/{EDGE}"
    assert event.get_specversion() == "1.0"
    assert event.get_extension("tenant") == TENANT
    assert event.get_data() == {
        "message_id": str(MESSAGE),
        "refs": list(REFS),
        "method": "GET",
        "edge": EDGE,
        "user_agent": "",
    }


def test_the_envelope_is_the_one_of_the_token() -> None:
    clock = ManualClock()
    found = read(a_mint(clock).opened(SEEN, Hit(method="GET"))).envelope
    assert found == Envelope(
        id=found.id, source=f"/tracker/{EDGE}", tenant=TENANT, occurred_at=Instant(clock.now())
    )
