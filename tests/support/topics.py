"""Topics of real Kafka for one test each: made, filled and read back."""

import asyncio
import itertools
import secrets
from collections.abc import Mapping, Sequence

from services.runtime.kafka import Consumer, Outgoing, Producer, Record
from services.runtime.kafka_admin import Admin
from services.runtime.leases import Lane
from services.runtime.records import TopicSpec
from tests.support.eventually import eventually

SECONDS = 20.0
_numbers = itertools.count(1)


def a_name() -> str:
    """Return a name that no topic bears."""
    return f"test.{secrets.token_hex(4)}.{next(_numbers)}"


async def a_topic(
    servers: str,
    partitions: int = 1,
    name: str | None = None,
    config: Mapping[str, str] | None = None,
) -> str:
    """Create a topic, of a new name unless one is given, and wait until it can be described."""
    name = name or a_name()
    admin = Admin(servers, "tests")
    try:
        await admin.start(SECONDS)
        # What tests produce bears old times, and Kafka looks for what is too old half a minute after its start.
        kept = {"retention.ms": "-1"} | dict(config or {})
        spec = TopicSpec(name=name, partitions=partitions, replication=1, config=kept)
        await admin.create([spec], SECONDS)

        async def there() -> bool:
            return name in await admin.describe([name], SECONDS)

        await eventually(there)
    finally:
        await admin.close(SECONDS)
    return name


async def produce(servers: str, lane: Lane, records: Sequence[Outgoing]) -> int:
    """Write records to a lane and return the first one's offset."""
    producer = Producer(servers, "tests")
    try:
        await producer.start(SECONDS)
        return await producer.send_batch(lane, records, 1_767_225_600_000, SECONDS)
    finally:
        await producer.close(SECONDS)


async def read(servers: str, topic: str, count: int) -> list[Record]:
    """Read that many records of a topic from its beginning, in no order between partitions."""
    consumer = Consumer(servers, "tests")
    found: list[Record] = []
    try:
        await consumer.start(SECONDS)
        partitions = await consumer.partitions(topic, SECONDS)
        consumer.assign({Lane(topic, number): 0 for number in range(partitions)})
        async with asyncio.timeout(SECONDS):
            while len(found) < count:
                polled = await consumer.poll(0.05, 5000)
                for records in polled.records.values():
                    found += records
    finally:
        await consumer.close(SECONDS)
    return found
