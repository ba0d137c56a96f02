"""Records on their way into a slice: whichever way a hit is read, and what is no hit."""

from schemas import topics
from services.projector import reading
from services.projector.admission import Reason
from services.projector.staging import HIT, Slice
from services.runtime.kafka import Record
from tests.projector.records import ANNA, message, opened, prepared, record


def test_a_hit_is_taken_in_also_when_only_the_full_reader_can() -> None:
    ready, one = Slice(), record(opened(agent='a "quoted" agent'))
    assert reading.take(ready, one) is None
    assert reading.take(ready, record(opened(agent="plain"))) is None
    agents = [row[HIT.index("user_agent")] for row in ready.hits]
    assert agents == ['a "quoted" agent', "plain"]
    assert ready.lanes == {one.key: one.partition}


def test_what_is_no_hit_is_taken_in_fully() -> None:
    ready = Slice()
    assert reading.take(ready, record(prepared())) is None
    assert len(ready.prepared) == 1


def test_a_refusal_names_the_field() -> None:
    spoilt = record(opened())._replace(value=b'{"refs": []}')
    refusal = reading.take(Slice(), spoilt)
    assert refusal is not None
    assert refusal.reason == "schema"


def test_a_tombstone_names_a_message_or_is_refused() -> None:
    def tombstone(topic: str, key: bytes | None) -> Record:
        return Record(topic, 3, 0, key, None, (), 0)

    ready = Slice()
    assert (
        reading.take(ready, tombstone(topics.PERSONAL.name, topics.message_key(message(1)))) is None
    )
    assert ready.personal == {message(1): None}
    refusal = reading.take(ready, tombstone(topics.PERSONAL.name, None))
    assert refusal is not None
    assert refusal.reason is Reason.KEY_MALFORMED
    assert reading.take(ready, tombstone(topics.SETTINGS.name, b"acme")) is None
    assert reading.take(ready, tombstone(topics.SETTINGS.name, f"acme:{ANNA}".encode())) is None
    assert ready.engagement == {"acme": None}
