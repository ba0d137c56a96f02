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
        sent: list[asyncio.Future[Acknowledged]] = []
        try:
            async with asyncio.timeout(ACKNOWLEDGE_SECONDS):
                counts = [await self._publisher.partitions(one.topic) for one in encoded]
                # No task for each: two go with every mail, and would cost as much as publishing them.
                for record, count in zip(encoded, counts, strict=True):
                    sent.append(self._send(record, count))
                acknowledged = [await one for one in sent]
        except (Transient, Fatal, TimeoutError) as error:
            raise Transient(str(error)) from error
        finally:
            # Once one has failed nobody asks about the others, and that is no error of its own.
            for one in sent:
                if one.done():
                    _hear(one)
                else:
                    one.add_done_callback(_hear)
        self._metrics.publish_seconds.observe(self._clock.monotonic() - begun)
        return acknowledged

    def _send(self, encoded: Encoded, count: int) -> "asyncio.Future[Acknowledged]":
        record = Outgoing(key=encoded.key, value=encoded.value, headers=encoded.headers)
        return self._publisher.publish(encoded.topic, partition_of(encoded.key, count), record)


def _hear(sent: "asyncio.Future[Acknowledged]") -> None:
    if not sent.cancelled():
        sent.exception()
