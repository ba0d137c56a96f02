"""Makes an event safe: offers it to Kafka and says whether every replica has it.

A hit is not put off: what Kafka does not acknowledge before the publisher's deadline is not recorded, and the answer
says so. (A late acknowledgement is possible; then one event is there that no answer promised.)
"""

import asyncio
from collections.abc import Callable
from random import random
from typing import Final

from schemas import envelope, identity, topics
from schemas.envelope import Envelope
from schemas.events import Event
from schemas.identity import Tenant
from schemas.instant import Instant
from services.runtime.clock import Clock
from services.runtime.errors import Fatal, Poison, Transient
from services.runtime.kafka import Outgoing
from services.runtime.lifecycle import contain
from services.runtime.log import get_logger
from services.runtime.publisher import Publishing
from services.runtime.retry import Backoff

log = get_logger(__name__)

Entropy = Callable[[int], bytes]

_ASK_AGAIN: Final = Backoff(first_seconds=0.1, ceiling_seconds=2.0)
_COMPLAIN_SECONDS: Final = 10.0


class Recorder:
    """Turns events into records of the log."""

    def __init__(self, publisher: Publishing, clock: Clock, entropy: Entropy, source: str) -> None:
        self._publisher = publisher
        self._clock = clock
        self._entropy = entropy
        self._source = source
        self._partitions: int | None = None
        self._complained_at: float | None = None

    async def learn_partitions(self) -> None:
        """Ask how the topic is spread until Kafka tells; before, nothing can be recorded."""
        attempt = 0
        while self._partitions is None:
            try:
                self._partitions = await self._publisher.partitions(topics.EVENTS.name)
            except (Transient, Fatal):  # also then links have to redirect, so the process stays
                await asyncio.sleep(_ASK_AGAIN.delay(attempt, random()))  # noqa: S311 no secret
                attempt += 1

    def problem(self) -> str | None:
        """Return None, or why hits cannot be recorded now."""
        trouble = self._publisher.healthy()
        if trouble is None and self._partitions is None:
            return f"kafka: topic {topics.EVENTS.name} is not known yet"
        return trouble

    async def record(self, tenant: Tenant, event: Event, traceparent: str | None) -> bool:
        """Return whether the event is safe; False comes within the publisher's deadline."""
        return await contain(self._record(tenant, event, traceparent), self._complain)

    async def _record(self, tenant: Tenant, event: Event, traceparent: str | None) -> bool:
        if self._partitions is None:
            return False
        at = Instant(self._clock.now())
        encoded = envelope.encode(
            Envelope(
                id=identity.uuid7(at, self._entropy(identity.ENTROPY_BYTES)),
                source=self._source,
                tenant=tenant,
                occurred_at=at,
                traceparent=traceparent,
            ),
            event,
            at,
        )
        partition = topics.partition_of(encoded.key, self._partitions)
        record = Outgoing(key=encoded.key, value=encoded.value, headers=encoded.headers)
        try:
            await self._publisher.publish(encoded.topic, partition, record)
        except Transient:
            return False
        except Poison as error:
            return self._complain(error)
        return True

    def _complain(self, error: Exception) -> bool:
        """Log what must not happen, but not for each hit: a stranger may be able to repeat it."""
        now = self._clock.monotonic()
        if self._complained_at is None or now - self._complained_at > _COMPLAIN_SECONDS:
            self._complained_at = now
            log.error("hit_not_recorded", exception=error)
        return False
