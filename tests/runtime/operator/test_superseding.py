"""What a later record of the same key has replaced never comes back."""

import pytest

from services.runtime.clock import SystemClock
from services.runtime.errors import Transient
from services.runtime.kafka import Outgoing, Record
from services.runtime.leases import Lane
from services.runtime.operator.superseding import LaterInLog
from tests.support.topics import a_topic, produce


def a_record(lane: Lane, offset: int, key: bytes) -> Record:
    return Record(*lane, offset, key, b"old", (), 0)


async def test_of_a_compacted_topic_only_the_last_record_of_a_key_may_be_applied(
    kafka_servers: str,
) -> None:
    topic = await a_topic(kafka_servers)
    lane = Lane(topic, 0)
    keys = [b"a", b"b", b"c", b"a", b"b"]
    values = [b"1", b"2", b"3", b"4", None]
    written = [Outgoing(key=key, value=value) for key, value in zip(keys, values, strict=True)]
    await produce(kafka_servers, lane, written)
    asked = [a_record(lane, offset, keys[offset]) for offset in (0, 1, 2, 3)]
    later = LaterInLog(kafka_servers, [topic], SystemClock())
    assert await later.replaced(lane, asked) == {0, 1}
    later.check(lane, 5)
    with pytest.raises(Transient, match="try again"):
        later.check(lane, 6)
    other = LaterInLog(kafka_servers, [], SystemClock())
    assert await other.replaced(lane, asked) == frozenset()
    other.check(lane, 100)
