"""Our four topics, empty: those that were there are removed with all that was said of them."""

import asyncio

import aiokafka.admin
from aiokafka import errors

from schemas import topics
from services.runtime.kafka_admin import Admin
from services.topics import wanted
from tests.support.brokers import SECONDS
from tests.support.eventually import eventually

_NAMES = [topic.name for topic in topics.ALL]


async def remove_topics(servers: str, names: list[str] | None = None) -> None:
    """Remove topics and return when Kafka knows them no more."""
    chosen = names or _NAMES
    admin = Admin(servers, "tests")
    raw = aiokafka.admin.AIOKafkaAdminClient(bootstrap_servers=servers)
    try:
        await admin.start(SECONDS)
        await raw.start()
        async with asyncio.timeout(SECONDS):
            await raw.delete_topics(chosen)

        async def gone() -> bool:
            return not await admin.describe(chosen, SECONDS)

        await eventually(gone, SECONDS)
    finally:
        await raw.close()
        await admin.close(SECONDS)


async def make_topics(
    servers: str, partitions: int, replication: int = 1, names: list[str] | None = None
) -> None:
    """Create topics as they should be and return when Kafka shows them."""
    chosen = names or _NAMES
    specs = [spec for spec in wanted(partitions, replication) if spec.name in chosen]
    admin = Admin(servers, "tests")
    try:
        await admin.start(SECONDS)

        async def made() -> bool:
            await admin.create(specs, SECONDS)
            return len(await admin.describe(chosen, SECONDS)) == len(chosen)

        await eventually(made, SECONDS)
    finally:
        await admin.close(SECONDS)


async def fresh_topics(servers: str, partitions: int, replication: int = 1) -> None:
    """Have all topics be there and be empty."""
    await remove_topics(servers)
    await make_topics(servers, partitions, replication)


async def delete_records(servers: str, before: dict[tuple[str, int], int]) -> None:
    """Delete what lies before these offsets, as `kafka-delete-records` does."""
    admin = aiokafka.admin.AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        wanted_offsets = {
            aiokafka.TopicPartition(*place): aiokafka.admin.RecordsToDelete(before_offset=offset)
            for place, offset in before.items()
        }
        async with asyncio.timeout(SECONDS):
            await admin.delete_records(wanted_offsets)
    except errors.KafkaError as error:
        raise AssertionError(f"records cannot be deleted: {error!r}") from error
    finally:
        await admin.close()
