"""A publisher in memory that keeps the contract of `services.runtime.publisher`."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping

from services.runtime.clock import Deadline
from services.runtime.errors import Poison, Transient
from services.runtime.kafka import MAX_RECORD_BYTES, Outgoing
from services.runtime.leases import Lane
from services.runtime.publisher import Acknowledged


class MemoryPublisher:
    """Keeps what is published in `records`; `trouble` makes it fail, `held` keeps waiters waiting."""

    def __init__(self, partitions: Mapping[str, int]) -> None:
        self.records: dict[Lane, list[Outgoing]] = defaultdict(list)
        self.trouble: str | None = None
        self.held = False
        self._partitions = dict(partitions)
        self._waiting: list[tuple[Lane, Outgoing, asyncio.Future[Acknowledged]]] = []
        self._draining = False

    def publish(
        self, topic: str, partition: int, record: Outgoing
    ) -> "asyncio.Future[Acknowledged]":
        """Write a record at once, or when `release` is called if held."""
        if record.size() > MAX_RECORD_BYTES:
            raise Poison("record_too_large", topic)
        if self._draining:
            raise Transient("publisher: draining")
        waiter: asyncio.Future[Acknowledged] = asyncio.get_running_loop().create_future()
        if not 0 <= partition < self._partitions.get(topic, 0):
            waiter.set_exception(Poison("no_such_partition", f"{topic}/{partition}"))
        elif self.trouble is not None:
            waiter.set_exception(Transient(self.trouble))
        else:
            self._waiting.append((Lane(topic, partition), record, waiter))
            if not self.held:
                self.release()
        return waiter

    def waiting(self) -> int:
        """Return how many records are held."""
        return len(self._waiting)

    def release(self) -> None:
        """Write and acknowledge what is held."""
        self.held = False
        for lane, record, waiter in self._waiting:
            self.records[lane].append(record)
            if not waiter.done():
                waiter.set_result(Acknowledged(lane, len(self.records[lane]) - 1))
        self._waiting.clear()

    async def partitions(self, topic: str) -> int:
        """Return the count given for the topic."""
        if self.trouble is not None or topic not in self._partitions:
            raise Transient(self.trouble or f"kafka: topic {topic} is not there")
        return self._partitions[topic]

    def healthy(self) -> str | None:
        """Return the trouble that was set."""
        return self.trouble

    async def drain(self, deadline: Deadline) -> None:
        """Write what is held and take no more."""
        self._draining = True
        self.release()

    def published(self, topic: str) -> list[Outgoing]:
        """Return a topic's records, one lane after the other."""
        return [
            one
            for lane in sorted(self.records)
            if lane.topic == topic
            for one in self.records[lane]
        ]
