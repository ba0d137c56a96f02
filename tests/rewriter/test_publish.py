import asyncio
import gc

import pytest
from prometheus_client import CollectorRegistry

from schemas import topics
from schemas.instant import Instant
from services.rewriter import records
from services.rewriter.metrics import Metrics
from services.rewriter.publish import Announcer
from services.runtime.errors import Transient
from services.runtime.kafka import Outgoing
from services.runtime.publisher import Acknowledged
from tests.rewriter.given import MESSAGE, PARTITIONS, prepared
from tests.support.clock import START, ManualClock
from tests.support.publisher import MemoryPublisher

ENCODED = records.encode(prepared(), Instant(START), None)
TOPICS = {topics.EVENTS.name: PARTITIONS, topics.PERSONAL.name: PARTITIONS}


def announcer(publisher: MemoryPublisher) -> Announcer:
    return Announcer(publisher, ManualClock(), Metrics(CollectorRegistry()))


async def test_records_of_one_message_lie_in_partitions_of_one_number() -> None:
    publisher = MemoryPublisher(TOPICS)
    acknowledged = await announcer(publisher).publish(*ENCODED)
    number = topics.partition_of(topics.message_key(MESSAGE), PARTITIONS)
    assert [(one.lane.topic, one.lane.partition) for one in acknowledged] == [
        (topics.PERSONAL.name, number),
        (topics.EVENTS.name, number),
    ]


@pytest.mark.parametrize("there", [{}, {topics.EVENTS.name: PARTITIONS}])
async def test_one_record_that_is_not_acknowledged_fails_all(there: dict[str, int]) -> None:
    with pytest.raises(Transient):
        await announcer(MemoryPublisher(there)).publish(*ENCODED)


async def test_trouble_with_kafka_is_told_as_it_is() -> None:
    publisher = MemoryPublisher(TOPICS)
    publisher.trouble = "kafka: away"
    with pytest.raises(Transient, match="kafka: away"):
        await announcer(publisher).publish(*ENCODED)


class Filling(MemoryPublisher):
    """Takes one record, for which nobody answers yet, and refuses all others at once."""

    taken: "asyncio.Future[Acknowledged] | None" = None

    def publish(
        self, topic: str, partition: int, record: Outgoing
    ) -> "asyncio.Future[Acknowledged]":
        if self.taken is not None:
            raise Transient("publisher: full")
        self.taken = asyncio.get_running_loop().create_future()
        return self.taken


async def test_what_went_before_a_refused_record_fails_without_a_sound() -> None:
    lost: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: lost.append(context))
    publisher = Filling(TOPICS)
    with pytest.raises(Transient, match="publisher: full"):
        await announcer(publisher).publish(*ENCODED)
    assert publisher.taken is not None
    publisher.taken.set_exception(Transient("kafka: away"))
    await asyncio.sleep(0)
    publisher.taken = None
    gc.collect()
    assert lost == []
