"""What aiokafka has no call for, against a real broker."""

import pytest
from aiokafka.structs import BrokerMetadata

from services.runtime import kafka_requests
from services.runtime.errors import Transient
from services.runtime.kafka import Consumer
from services.runtime.kafka_admin import Admin
from services.runtime.records import Topic
from tests.support.eventually import eventually
from tests.support.topics import SECONDS, a_name, a_topic


async def test_a_topic_is_known_by_its_id_and_another_one_of_its_name_has_another(
    kafka_servers: str,
) -> None:
    name, absent = await a_topic(kafka_servers, 3), a_name()
    consumer, admin = Consumer(kafka_servers, "tests"), Admin(kafka_servers, "tests")
    try:
        await consumer.start(SECONDS)
        await admin.start(SECONDS)
        before = (await consumer.topics([name, absent], SECONDS))[name]
        assert before.partitions == 3
        assert before.id
        assert absent not in await consumer.topics([name, absent], SECONDS)
        await admin._admin.delete_topics([name])

        async def gone() -> bool:
            return await consumer.topics([name], SECONDS) == {}

        await eventually(gone)
        await a_topic(kafka_servers, 2, name)

        async def there() -> bool:
            return name in await consumer.topics([name], SECONDS)

        await eventually(there)
        after = (await consumer.topics([name], SECONDS))[name]
        assert (after.partitions, after.id == before.id) == (2, False)
    finally:
        await consumer.close(SECONDS)
        await admin.close(SECONDS)


async def test_nothing_asked_is_nothing_found_and_no_name_is_an_error(kafka_servers: str) -> None:
    consumer = Consumer(kafka_servers, "tests")
    try:
        await consumer.start(SECONDS)
        assert await consumer.topics([], SECONDS) == {}
        with pytest.raises(Transient, match="InvalidTopic"):
            await consumer.topics(["no topic may be named so"], SECONDS)
    finally:
        await consumer.close(SECONDS)


class _OldBroker:
    """aiokafka's client before brokers that know no ids: what it raises then, and what else it can tell."""

    def __init__(self) -> None:
        self.cluster = self

    def brokers(self) -> list[BrokerMetadata]:
        return [BrokerMetadata(1, "127.0.0.1", 9092, None)]

    async def send(self, node: int, request: object) -> None:
        raise NotImplementedError(f"{node} has no version of {request} in common with us")

    async def fetch_all_metadata(self) -> "_OldBroker":
        return self

    def partitions_for_topic(self, name: str) -> set[int] | None:
        return {0, 1, 2} if name == "old" else None


async def test_a_broker_that_knows_no_ids_is_asked_for_the_partitions_alone() -> None:
    found = await kafka_requests.topics(_OldBroker(), ["old", "absent"])
    assert found == {"old": Topic(3, None)}
