"""Puts records where they belong and answers when Kafka has acknowledged all of them."""

import asyncio
from typing import Final

from schemas.envelope import Encoded
from schemas.topics import partition_of
from services.rewriter.metrics import Metrics
from services.runtime.clock import Clock
from services.runtime.errors import Fatal, Transient
from services.runtime.kafka import Outgoing
from services.runtime.publisher import Acknowledged, Publishing

# Beyond the publisher's own deadline, which is the one that is meant to pass first.
ACKNOWLEDGE_SECONDS: Final = 15.0


class Announcer:
    """Publishes encoded events under their keys."""

    def __init__(self, publisher: Publishing, clock: Clock, metrics: Metrics) -> None:
        self._publisher = publisher
        self._clock = clock
        self._metrics = metrics

    async def publish(self, *encoded: Encoded) -> list[Acknowledged]:
        """Publish side by side; raises `Transient` unless all are acknowledged, though some may be written.

        Ids and keys stay the same, so whoever repeats the call writes nothing new.
        """
        begun = self._clock.monotonic()
        failed: str | None = None
        tasks: list[asyncio.Task[Acknowledged]] = []
        try:
            async with asyncio.timeout(ACKNOWLEDGE_SECONDS), asyncio.TaskGroup() as group:
                tasks += [group.create_task(self._publish_one(one)) for one in encoded]
        except* (Transient, Fatal, TimeoutError) as errors:
            failed = str(errors.exceptions[0])
        if failed is not None:
            raise Transient(failed)
        self._metrics.publish_seconds.observe(self._clock.monotonic() - begun)
        return [task.result() for task in tasks]

    async def _publish_one(self, encoded: Encoded) -> Acknowledged:
        count = await self._publisher.partitions(encoded.topic)
        record = Outgoing(key=encoded.key, value=encoded.value, headers=encoded.headers)
        return await self._publisher.publish(
            encoded.topic, partition_of(encoded.key, count), record
        )
