import orjson
import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event
from cloudevents.core.formats.json import JSONFormat

from schemas import envelope
from schemas.errors import Refused
from schemas.events import TYPE_OF, MessageOpened
from tests.schemas.examples import GOLDEN, REFUSED, Example


@pytest.mark.parametrize("example", GOLDEN, ids=lambda each: each.name)
def test_every_example_is_read_and_written_again(example: Example) -> None:
    received = envelope.decode(example.key, example.value, example.headers)
    written = envelope.encode(received.envelope, received.event, received.recorded_at)
    assert written.topic == example.topic
    assert written.key == example.key
    assert dict(written.headers) == dict(example.headers)
    assert envelope.decode(written.key, written.value, written.headers) == received


@pytest.mark.parametrize(
    "example", [each for each in GOLDEN if "r_writer" not in each.name], ids=lambda e: e.name
)
def test_what_we_write_today_is_byte_for_byte_the_example(example: Example) -> None:
    received = envelope.decode(example.key, example.value, example.headers)
    written = envelope.encode(received.envelope, received.event, received.recorded_at)
    checked = envelope.check(received.event)
    assert envelope.lay(received.envelope, received.event, checked, received.recorded_at) == written
    assert orjson.loads(written.value) == orjson.loads(example.value or b"")


@pytest.mark.parametrize("example", REFUSED, ids=lambda each: each.name)
def test_what_is_no_event_is_refused_with_reason_and_field(example: Example) -> None:
    with pytest.raises(Refused) as refusal:
        envelope.decode(example.key, example.value, example.headers)
    assert {"reason": refusal.value.reason, "field": refusal.value.field} == example.refused


@pytest.mark.parametrize("example", GOLDEN, ids=lambda each: each.name)
def test_the_cloudevents_sdk_reads_our_records(example: Example) -> None:
    message = KafkaMessage(headers=dict(example.headers), key=None, value=example.value or b"")
    foreign = from_binary_event(message, JSONFormat())
    ours = envelope.decode(example.key, example.value, example.headers)
    assert foreign.get_id() == str(ours.envelope.id)
    assert foreign.get_type() == TYPE_OF[type(ours.event)]
    assert foreign.get_source() == ours.envelope.source
    assert foreign.get_specversion() == "1.0"
    assert foreign.get_extension("tenant") == ours.envelope.tenant
    assert foreign.get_data() == orjson.loads(example.value or b"")


def test_an_event_larger_than_the_limit_is_not_written() -> None:
    opened = envelope.decode(GOLDEN[0].key, GOLDEN[0].value, GOLDEN[0].headers)
    assert not isinstance(opened.event, MessageOpened)
    huge = MessageOpened(
        message_id=opened.event.message_id,  # type: ignore[union-attr]  # the first example is about a message
        refs=(),
        method="GET",
        edge="e",
        user_agent="x" * 300_000,
    )
    with pytest.raises(Refused, match="too_large"):
        envelope.encode(opened.envelope, huge, opened.recorded_at)


def test_a_writer_is_held_to_the_closed_schema() -> None:
    opened = envelope.decode(GOLDEN[0].key, GOLDEN[0].value, GOLDEN[0].headers).event
    wrong = MessageOpened(
        message_id=opened.message_id,  # type: ignore[union-attr]  # as above
        refs=(),
        method="BREW",
        edge="e",
    )
    with pytest.raises(Refused, match="schema"):
        envelope.check(wrong)
