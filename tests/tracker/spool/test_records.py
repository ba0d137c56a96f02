import orjson
import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st

from schemas.identity import RecipientRef, Tenant
from schemas.token import Mode, Seen
from services.runtime.errors import Poison
from services.tracker.entry import Entry
from services.tracker.hits import Hit
from services.tracker.mint import Mint
from services.tracker.spool.records import pack, tenant_of, unpack
from tests.support.clock import ManualClock
from tests.tracker.spool.given import Entropy, an_entry

TEXT = st.one_of(st.none(), st.text(max_size=80))
# what HTTP libraries make of bytes that are no UTF-8
BYTES = st.binary(max_size=80).map(lambda raw: raw.decode("utf-8", "surrogateescape"))
HEADER = st.one_of(TEXT, BYTES)
HITS = st.builds(
    Hit,
    method=st.sampled_from(("GET", "HEAD")),
    network=st.sampled_from((None, "192.0.2.0/24", "2001:db8::/48")),
    user_agent=HEADER,
    language=HEADER,
    purpose=HEADER,
    sec_purpose=HEADER,
    range=HEADER,
    traceparent=st.one_of(
        HEADER, st.just("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    ),
)
SEEN = st.builds(
    Seen,
    tenant=st.text("az09-", min_size=1, max_size=32).map(Tenant),
    message=st.binary(min_size=16, max_size=16),
    refs=st.lists(
        st.text("05af", min_size=16, max_size=16).map(RecipientRef), min_size=1, max_size=8
    ).map(tuple),
    mode=st.just(Mode.FULL),
    part=st.integers(0, 65_535),
)
EDGES = st.text("Aa0._-", min_size=1, max_size=64)
KINDS = st.sampled_from(("opened", "clicked", "viewed"))


def minted(edge: str, kind: str, seen: Seen, hit: Hit) -> Entry:
    entry = getattr(Mint(edge, ManualClock(), Entropy()), kind)(seen, hit)
    assert isinstance(entry, Entry)
    return entry


@given(EDGES, KINDS, SEEN, HITS)
def test_every_entry_that_the_tracker_makes_comes_back_to_the_last_byte(
    edge: str, kind: str, seen: Seen, hit: Hit
) -> None:
    entry = minted(edge, kind, seen, hit)
    packed = pack(entry)
    assert unpack(packed) == entry
    assert pack(unpack(packed)) == packed
    assert b"\n" not in packed


@given(EDGES, KINDS, SEEN, HITS)
def test_what_lies_in_the_spool_is_a_cloudevent(edge: str, kind: str, seen: Seen, hit: Hit) -> None:
    entry = minted(edge, kind, seen, hit)
    event = JSONFormat().read(CloudEvent, pack(entry))
    headers = dict(entry.headers)
    assert event.get_specversion() == "1.0"
    assert event.get_id().encode() == headers["ce_id"]
    assert event.get_type().encode() == headers["ce_type"]
    assert event.get_source().encode() == headers["ce_source"]
    assert str(event.get_extension("partitionkey")).encode() == entry.key
    assert event.get_extension("tenant") == entry.tenant
    assert event.get_data() == orjson.loads(entry.value)


@given(EDGES, KINDS, SEEN, HITS)
def test_whose_it_is_can_be_told_without_reading_it(
    edge: str, kind: str, seen: Seen, hit: Hit
) -> None:
    assert tenant_of(pack(minted(edge, kind, seen, hit))) == seen.tenant


@given(st.text(max_size=30) | st.just('"tenant":"other"'))
def test_no_text_makes_it_another_tenants(text: str) -> None:
    trace = text.encode("utf-8", "replace")
    entry = an_entry(1, "mine")
    assert (
        tenant_of(pack(entry._replace(headers=(("traceparent", trace), *entry.headers)))) == "mine"
    )


@pytest.mark.parametrize(
    "packed", [b"", b'{"id":"1"}', b'"tenant":"', b'"tenant":""', b'"tenant":"\xff"']
)
def test_what_does_not_say_whose_it_is_is_nobodys(packed: bytes) -> None:
    assert tenant_of(packed) is None


@given(st.permutations(an_entry(1).headers), st.text(max_size=30))
def test_headers_keep_their_order_and_whatever_text_is_in_them(
    headers: list[tuple[str, bytes]], text: str
) -> None:
    strange = text.encode("utf-8", "replace") + b',"data":'
    entry = an_entry(1)._replace(headers=(*headers, ("traceparent", strange)))
    assert unpack(pack(entry)) == entry


@given(st.binary(max_size=60))
def test_what_is_no_record_is_poison(data: bytes) -> None:
    with pytest.raises(Poison, match="unreadable_record"):
        unpack(data)


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b'{"id":"1"}',
        b'{"tenant":"demo","partitionkey":"k","strange":"x","data":{}}',
        b'{"tenant":"demo","partitionkey":7,"data":{}}',
        b'{"tenant":7,"partitionkey":"k","data":{}}',
        b'{"partitionkey":"k","id":"1","data":{}}',
        b'{"tenant":"demo","id":"1","data":{}}',
        b'["partitionkey","tenant","data":{}}',
    ],
)
def test_what_is_nearly_a_record_is_poison(packed: bytes) -> None:
    with pytest.raises(Poison, match="unreadable_record"):
        unpack(packed)


@pytest.mark.parametrize(
    "changes",
    [
        {"headers": (("ce_strange", b"x"),)},
        {"headers": (("ce_id", b"1"), ("ce_id", b"1"))},
        {"headers": (("ce_id", b"\xff"),)},
        {"key": b"\xff"},
    ],
)
def test_what_could_not_come_back_is_not_packed(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 of whatever kind
        pack(an_entry(1)._replace(**changes))  # type: ignore[arg-type]


def test_a_record_can_be_read_by_eye() -> None:
    assert pack(an_entry(1)).decode() == (
        '{"specversion":"1.0","datacontenttype":"application/json","source":"/tracker/edge-7",'
        '"type":"message.opened.v1","id":"01890a5e-0000-7000-8000-000000000001","tenant":"demo",'
        '"time":"2026-01-31T09:30:00.000000Z","partitionkey":"01890a5d-ac96-774b-bcce-000000000001",'
        '"data":{"message_id":"01890a5d-ac96-774b-bcce-000000000001","refs":["00112233445566ff"],'
        '"edge":"edge-7"}}'
    )
