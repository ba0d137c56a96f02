"""An event is safe, or the recorder says that it is not; it never raises and never waits past the deadline."""

import asyncio

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event
from cloudevents.core.formats.json import JSONFormat

from schemas import envelope, identity, topics
from schemas.events import MessageOpened
from services.runtime.errors import Poison
from services.runtime.kafka import Outgoing
from services.runtime.leases import Lane
from services.runtime.publisher import Acknowledged
from services.tracker.recorder import Recorder
from tests.support.clock import ManualClock
from tests.support.publisher import MemoryPublisher
from tests.tracker.given import EDGE, MESSAGE, PARTITIONS, REFS, TENANT, Entropy, a_tracker

EVENT = MessageOpened(message_id=MESSAGE, refs=REFS, method="GET", edge=EDGE)
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
DEADLINE_SECONDS = 10.0


async def test_a_recorded_event_lies_in_its_lane_with_its_envelope() -> None:
    tracker = await a_tracker()
    at = tracker.clock.now()
    assert await tracker.recorder.record(TENANT, EVENT, TRACE)
    key = topics.message_key(MESSAGE)
    lane = Lane(topics.EVENTS.name, topics.partition_of(key, PARTITIONS))
    (record,) = tracker.publisher.records[lane]
    received = envelope.decode(record.key, record.value, record.headers)
    assert received.event == EVENT
    assert received.envelope.tenant == TENANT
    assert received.envelope.source == f"/tracker/{EDGE}"
    assert received.envelope.traceparent == TRACE
    assert received.envelope.occurred_at == received.recorded_at == at
    assert received.envelope.id.version == 7
    assert identity.milliseconds_of(received.envelope.id) == at // 1000


async def test_the_cloudevents_sdk_reads_what_is_recorded() -> None:
    tracker = await a_tracker()
    assert await tracker.recorder.record(TENANT, EVENT, None)
    (record,) = tracker.published()
    assert record.value is not None
    message = KafkaMessage(headers=dict(record.headers), key=record.key, value=record.value)
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


async def test_each_event_has_an_id_of_its_own() -> None:
    tracker = await a_tracker()
    for _ in range(3):
        assert await tracker.recorder.record(TENANT, EVENT, None)
    assert len({dict(one.headers)["ce_id"] for one in tracker.published()}) == 3


async def test_what_kafka_does_not_acknowledge_is_not_recorded() -> None:
    tracker = await a_tracker()
    tracker.publisher.trouble = "kafka: gone"
    assert not await tracker.recorder.record(TENANT, EVENT, None)
    assert tracker.recorder.problem() == "kafka: gone"
    tracker.publisher.trouble = None
    assert await tracker.recorder.record(TENANT, EVENT, None)
    assert tracker.recorder.problem() is None


async def test_before_the_topic_is_known_nothing_is_recorded_and_it_says_so() -> None:
    publisher = MemoryPublisher({topics.EVENTS.name: PARTITIONS})
    publisher.trouble = "kafka: not there yet"
    recorder = Recorder(publisher, ManualClock(), Entropy(), "/tracker/e")
    learning = asyncio.ensure_future(recorder.learn_partitions())
    await asyncio.sleep(0)
    assert not await recorder.record(TENANT, EVENT, None)
    publisher.trouble = None
    assert recorder.problem() == "kafka: topic engagement.events.v1 is not known yet"
    assert not await recorder.record(TENANT, EVENT, None)
    async with asyncio.timeout(DEADLINE_SECONDS):
        await learning
    assert recorder.problem() is None
    assert await recorder.record(TENANT, EVENT, None)


class FailingPublisher(MemoryPublisher):
    """Fails in ways that must not happen."""

    def __init__(self, error: Exception) -> None:
        super().__init__({topics.EVENTS.name: PARTITIONS})
        self._error = error

    def publish(
        self, topic: str, partition: int, record: Outgoing
    ) -> "asyncio.Future[Acknowledged]":
        raise self._error


@pytest.mark.parametrize("error", [Poison("refused_by_broker"), RuntimeError("unforeseen")])
async def test_what_must_not_happen_is_logged_once_and_not_for_each_hit(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    clock = ManualClock()
    recorder = Recorder(FailingPublisher(error), clock, Entropy(), "/tracker/e")
    await recorder.learn_partitions()
    for _ in range(5):
        assert not await recorder.record(TENANT, EVENT, None)
    assert [one.message for one in caplog.records] == ["hit_not_recorded"]
    clock.advance(11)
    assert not await recorder.record(TENANT, EVENT, None)
    assert len(caplog.records) == 2
