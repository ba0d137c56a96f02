"""What a record may be: anything at all. Decoding refuses with a reason from a closed list and never raises."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from schemas.errors import Refusal
from schemas.topics import PERSONAL
from services.projector.admission import Reason
from services.projector.apply import ReadModels
from services.projector.metrics import Metrics
from services.runtime.kafka import Record
from tests.projector.records import clicked, opened, prepared, record
from tests.support.clock import ManualClock
from tests.support.folding import decode

FOLD = ReadModels(ManualClock(), Metrics(CollectorRegistry()), lambda lane: None)
REASONS = {*Refusal, *Reason}
VALID = st.sampled_from([record(opened()), record(clicked()), record(prepared())])
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def _reason(one: Record) -> str | None:
    _, refused = decode(FOLD, [one])
    assert all(refusal.record is one and refusal.reason in REASONS for refusal in refused)
    return refused[0].reason if refused else None


@given(
    topic=st.sampled_from(["engagement.events.v1", "engagement.personal.v1"]),
    key=st.none() | st.binary(max_size=40),
    value=st.none() | st.binary(max_size=64),
    headers=st.lists(st.tuples(st.text(max_size=8), st.binary(max_size=16)), max_size=4),
)
def test_any_bytes_are_refused(
    topic: str, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]]
) -> None:
    found = Record(topic, 0, 0, key, value, tuple(headers), 0)
    assert _reason(found) is not None


@given(one=VALID, place=st.integers(0, 7), value=st.binary(max_size=40))
def test_any_header_may_be_anything(one: Record, place: int, value: bytes) -> None:
    headers = list(one.headers)
    headers[place] = (headers[place][0], value)
    _reason(one._replace(headers=tuple(headers)))


@given(one=VALID, data=st.data(), value=JSON)
def test_any_member_may_be_anything(one: Record, data: st.DataObject, value: Any) -> None:
    event = orjson.loads(one.value or b"")
    event[data.draw(st.sampled_from(sorted(event)))] = value
    try:
        written = orjson.dumps(event)
    except TypeError:  # an integer that no JSON writer of ours would write
        return
    _reason(one._replace(value=written))


@pytest.mark.parametrize("at", [0, 5, 100, -1])
def test_a_value_that_was_cut_or_changed_is_no_json(at: int) -> None:
    one = record(opened())
    value = one.value or b""
    assert _reason(one._replace(value=value[:at])) in (Refusal.EMPTY, Refusal.NOT_JSON)


def test_a_tombstone_means_something_on_the_personal_topic_only() -> None:
    one = record(opened())._replace(value=None)
    assert _reason(one) == Refusal.EMPTY
    assert _reason(one._replace(topic=PERSONAL.name)) is None
