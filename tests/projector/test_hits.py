"""The quick reader of hits: it finds what the full reader finds, or leaves the record to it."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import envelope, identity, topics
from schemas.envelope import Envelope
from schemas.events import AttachmentViewed, Hit, LinkClicked, MessageOpened
from schemas.identity import Tenant
from schemas.instant import SECOND, Instant
from services.projector import hits, reading
from services.projector.admission import FUTURE_LIMIT, LATENESS_WINDOW
from services.projector.staging import HIT, Slice
from services.runtime.kafka import Record
from tests.projector.records import ACME, ANNA, BERT, NOW, clicked, message, opened, record, viewed

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
SOME = st.none() | TEXT
COMMON = {
    "message_id": st.integers(1, 3).map(message),
    "refs": st.sampled_from([(ANNA,), (ANNA, BERT)]),
    "method": st.sampled_from(["GET", "HEAD"]),
    "edge": st.text("abc-1", min_size=1, max_size=5),
    "user_agent": TEXT | st.sampled_from(["", "Mozilla/5.0", "curl/8"]),
    "network": st.sampled_from([None, "192.0.2.0/24", "2001:db8::/48"]),
    "language": SOME,
    "purpose": SOME,
    "sec_purpose": SOME,
    "range": SOME,
}
HITS = st.one_of(
    st.builds(MessageOpened, **COMMON),
    st.builds(LinkClicked, **COMMON, link_index=st.integers(0, 9) | st.integers(65_534, 65_535)),
    st.builds(AttachmentViewed, **COMMON, attachment_index=st.integers(0, 65_535)),
)
NEAR = st.sampled_from([0, 1, -1, SECOND, -SECOND, 2 * SECOND])
AWAY = st.sampled_from([0, 5_000, LATENESS_WINDOW, -FUTURE_LIMIT])


@st.composite
def records(draw: st.DrawFn) -> Record:
    """Draw a hit's record, about the limits of what is admitted."""
    at = NOW + draw(st.integers(0, 10**9))
    event: Hit = draw(HITS)
    entropy = draw(st.binary(min_size=identity.ENTROPY_BYTES, max_size=identity.ENTROPY_BYTES))
    one = Envelope(
        id=identity.uuid7(Instant(at + draw(NEAR)), entropy),
        source=draw(st.sampled_from(["/tracker/edge-1", "", "/é"])),
        tenant=draw(st.sampled_from([ACME, Tenant("a-1")])),
        occurred_at=Instant(at),
        traceparent=draw(st.sampled_from([None, "00-00-00-00"])),
    )
    encoded = envelope.encode(one, event, Instant(at + draw(AWAY) + draw(NEAR)))
    return Record(encoded.topic, 3, 7, encoded.key, encoded.value, encoded.headers, 0)


WRONG = (
    *(b"", b"\xff", b" ", b"1.0", b"2.0", b"acme", b"acme\n", b"Acme", b"a" * 33),
    *(b"message.opened.v1", b"link.clicked.v1", b"message.sent.v1", b"message.opened.v2"),
    *(b"2026-11-24T09:30:00.000000Z", b"2026-11-24T09:30:00Z", b"2026-11-24t09:30:00.000000z"),
    *(
        b"2026-11-24T09:30:60.000000Z",
        b"2026-11-24T09:30:00.0000_0Z",
        b"2026-13-24T09:30:00.+00000Z",
    ),
    *(b"2026-11-24T09:30:00.00000\xb9Z", b"2026-11-24 09:30:00.000000Z"),
    *(b"0192f3a4-0000-4000-8000-000000000000", b"0192f3a4-0000-7000-c000-000000000000"),
)
NAMES = [name for name, _ in record(opened()).headers]
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 70_000),
    st.sampled_from([0.0, 1.0, 2**31, "", "GET", "x" * 513, "192.0.2.0/8", ANNA, str(message(2))]),
    st.sampled_from(["\0", "\\", '"', "\n", "é", "Mozilla/5.0\n", [], [ANNA], [ANNA, "x"], {}]),
    TEXT,
)


@st.composite
def spoilt(draw: st.DrawFn) -> Record:
    """Draw a hit's record in which something was changed."""
    one: Record = draw(records())
    headers: dict[str, Any] = dict(one.headers)
    match draw(st.sampled_from(["header", "no header", "member", "bytes", "key", "topic"])):
        case "header":
            headers[draw(st.sampled_from(NAMES))] = draw(
                st.sampled_from(WRONG) | st.binary(max_size=40)
            )
        case "no header":
            # Kafka allows a header without a value.
            absent = st.sampled_from([{}, {draw(st.sampled_from(NAMES)): None}])
            headers.pop(draw(st.sampled_from(NAMES)))
            headers |= draw(absent)
        case "member":
            event = orjson.loads(one.value or b"")
            name = draw(st.sampled_from([*COMMON, "link_index", "attachment_index", "newer"]))
            if draw(st.booleans()):
                event.pop(name, None)
            else:
                event[name] = draw(VALUES)
            one = one._replace(value=orjson.dumps(event))
        case "bytes":
            value = one.value or b""
            start = draw(st.integers(0, len(value)))
            end = draw(st.integers(start, min(len(value), start + 3)))
            one = one._replace(value=value[:start] + draw(st.binary(max_size=3)) + value[end:])
            one = draw(st.sampled_from([one, one._replace(value=None)]))
        case "key":
            keys = [None, b"", (one.key or b"").upper(), topics.message_key(message(2)), b"acme"]
            one = one._replace(key=draw(st.sampled_from(keys)))
        case _:
            one = one._replace(topic=draw(st.sampled_from([each.name for each in topics.ALL])))
    return one._replace(headers=tuple(draw(st.permutations(list(headers.items())))))


def _holds(one: Record) -> bool:
    """Compare both readers; tell whether the quick one could read it."""
    row, ready = hits.read(one), Slice()
    if row is None:
        return False
    assert reading.take_fully(ready, one) is None
    assert ready.hits == [row]
    assert list(map(type, ready.hits[0])) == list(map(type, row))
    assert ready.lanes == {one.key: one.partition}
    return True


@given(records())
def test_a_hit_as_we_write_it_is_read_quickly_when_it_may_be_folded(one: Record) -> None:
    refused = reading.take_fully(Slice(), one) is not None
    assert _holds(one) is not (refused or b"\\" in (one.value or b""))


@given(spoilt())
def test_both_readers_find_the_same(one: Record) -> None:
    _holds(one)


@given(st.sampled_from([opened(), clicked(), viewed()]), st.binary(max_size=60))
def test_no_value_makes_the_quick_reader_raise(event: Hit, value: bytes) -> None:
    _holds(record(event)._replace(value=value))


@pytest.mark.parametrize("event", [opened(), clicked(link=7), viewed(file=9)])
def test_a_row_is_as_long_as_its_columns(event: Hit) -> None:
    row = hits.read(record(event))
    assert row is not None
    assert len(row) == len(HIT)
    item = row[HIT.index("item")]
    assert item == getattr(event, "link_index", getattr(event, "attachment_index", None))
