"""Kafka's topics, typed: made where they are missing, and described as they are."""

from collections.abc import Sequence
from typing import Any

import aiokafka.admin
import aiokafka.admin.config_resource
from aiokafka import errors

from services.runtime.errors import Fatal
from services.runtime.kafka_failures import at_best, within
from services.runtime.records import TopicSpec


class Admin:
    """Creates topics and tells what they are like."""

    def __init__(self, servers: str, client_id: str) -> None:
        self._servers = servers
        self._client_id = client_id
        self._admin: Any = None

    async def start(self, seconds: float) -> None:
        """Connect, or raise within the seconds given."""
        self._admin = aiokafka.admin.AIOKafkaAdminClient(
            bootstrap_servers=self._servers, client_id=self._client_id, request_timeout_ms=10_000
        )
        async with within(seconds):
            await self._admin.start()

    async def close(self, seconds: float) -> None:
        """Disconnect within the seconds given."""
        admin, self._admin = self._admin, None
        if admin is not None:
            async with at_best(seconds):
                await admin.close()

    async def create(self, topics: Sequence[TopicSpec], seconds: float) -> list[str]:
        """Create the topics that do not exist and return their names; leave others as they are."""
        new = aiokafka.admin.NewTopic
        wanted = [
            new(one.name, one.partitions, one.replication, topic_configs=dict(one.config))
            for one in topics
        ]
        async with within(seconds):
            answer = await self._admin.create_topics(wanted)
        created = []
        for name, code, *_ in answer.topic_errors:
            kind = errors.for_code(code)
            if kind is errors.NoError:
                created.append(str(name))
            elif kind is not errors.TopicAlreadyExistsError:
                raise Fatal(f"kafka: topic {name} is refused: {kind.__name__}: {kind.description}")
        return created

    async def describe(self, names: Sequence[str], seconds: float) -> dict[str, TopicSpec]:
        """Return the topics among those names that exist, with every setting they have."""
        async with within(seconds):
            described = await self._admin.describe_topics(list(names))
            found = {one["topic"]: one["partitions"] for one in described if one["partitions"]}
            config = await self._configs(list(found))
        return {
            name: TopicSpec(
                name=name,
                partitions=len(partitions),
                replication=len(partitions[0]["replicas"]),
                config=config[name],
            )
            for name, partitions in found.items()
        }

    async def _configs(self, names: list[str]) -> dict[str, dict[str, str]]:
        kind = aiokafka.admin.config_resource.ConfigResourceType.TOPIC
        asked = [aiokafka.admin.config_resource.ConfigResource(kind, name) for name in names]
        found: dict[str, dict[str, str]] = {}
        for answer in await self._admin.describe_configs(asked) if asked else ():
            for _code, _message, _kind, name, entries in answer.resources:
                found[str(name)] = {str(entry[0]): str(entry[1]) for entry in entries}
        return found
