"""Which records of a compacted topic a later one of the same key has replaced, so that nothing old comes back by hand.

A tombstone that erased a person's data is such a later record: an older one must never be applied after it.
"""

from collections.abc import Collection, Sequence
from typing import Final, Protocol

from services.runtime.clock import Clock
from services.runtime.errors import Transient
from services.runtime.kafka import Consumer
from services.runtime.leases import Lane
from services.runtime.records import Record

_KAFKA_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.5
_SCAN_SECONDS: Final = 300.0
_AT_ONCE: Final = 5000


class Later(Protocol):
    """Knows what came later."""

    async def replaced(self, lane: Lane, records: Sequence[Record]) -> frozenset[int]:
        """Return the offsets of those records after which another one of their key came."""
        ...

    def check(self, lane: Lane, next_offset: int) -> None:
        """Raise Transient when the lane is folded further than was looked at."""


class LaterInLog:
    """Reads the log behind the records to find out; only of compacted topics, since elsewhere a key says nothing."""

    def __init__(self, servers: str, compacted: Collection[str], clock: Clock) -> None:
        self._servers = servers
        self._compacted = compacted
        self._clock = clock
        self._seen: dict[Lane, int] = {}

    async def replaced(self, lane: Lane, records: Sequence[Record]) -> frozenset[int]:
        """Return the offsets of those records after which another one of their key came."""
        if lane.topic not in self._compacted or not records:
            return frozenset()
        consumer = Consumer(self._servers, "operator")
        try:
            await consumer.start(_KAFKA_SECONDS)
            end = (await consumer.end_offsets([lane], _KAFKA_SECONDS))[lane]
            begin = (await consumer.beginning_offsets([lane], _KAFKA_SECONDS))[lane]
            last = await self._last(
                consumer, lane, max(begin, min(one.offset for one in records)), end
            )
        finally:
            await consumer.close(_KAFKA_SECONDS)
        self._seen[lane] = end
        return frozenset(one.offset for one in records if last.get(one.key, -1) > one.offset)

    def check(self, lane: Lane, next_offset: int) -> None:
        """Raise Transient when the lane is folded further than was looked at."""
        if lane.topic in self._compacted and next_offset > self._seen.get(lane, -1):
            raise Transient(f"{lane} got on meanwhile: try again")

    async def _last(
        self, consumer: Consumer, lane: Lane, begin: int, end: int
    ) -> dict[bytes | None, int]:
        """Return the offset of the last record of each key."""
        last: dict[bytes | None, int] = {}
        consumer.assign({lane: begin})
        deadline = self._clock.monotonic() + _SCAN_SECONDS
        while await consumer.position(lane, _KAFKA_SECONDS) < end:
            if self._clock.monotonic() > deadline:
                raise Transient(f"{lane} was not read to its end within {_SCAN_SECONDS:.0f} s")
            polled = await consumer.poll(_POLL_SECONDS, _AT_ONCE)
            if lane in polled.unreadable:
                raise Transient(f"{lane} cannot be read: {polled.unreadable[lane]}")
            for record in polled.records.get(lane, ()):
                last[record.key] = record.offset
        return last
