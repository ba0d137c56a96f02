"""What Kafka has of lanes, for an operator who decides about one."""

from collections.abc import Collection
from typing import Final

from services.runtime.checkpoint import digest
from services.runtime.clock import Clock
from services.runtime.errors import Transient
from services.runtime.halts import Extent
from services.runtime.kafka import Consumer
from services.runtime.leases import Lane
from services.runtime.operator.resuming import Places

_KAFKA_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.5
_AT_ONCE: Final = 100


async def extents(servers: str, lanes: Collection[Lane]) -> dict[Lane, Extent]:
    """Return what Kafka has of the lanes, without those that it has not; Transient when it does not answer."""
    consumer = Consumer(servers, "operator")
    try:
        await consumer.start(_KAFKA_SECONDS)
        topics = await consumer.topics({lane.topic for lane in lanes}, _KAFKA_SECONDS)
        there = [
            lane
            for lane in lanes
            if lane.topic in topics and lane.partition < topics[lane.topic].partitions
        ]
        if not there:
            return {}
        begins = await consumer.beginning_offsets(there, _KAFKA_SECONDS)
        ends = await consumer.end_offsets(there, _KAFKA_SECONDS)
        return {lane: Extent(begins[lane], ends[lane], topics[lane.topic].id) for lane in there}
    finally:
        await consumer.close(_KAFKA_SECONDS)


async def places(
    servers: str, lane: Lane, offsets: Collection[int], log: Extent, clock: Clock
) -> Places:
    """Return what is found at these offsets of a log, each with its digest; what cannot be read is left out.

    Transient when Kafka does not answer.
    """
    found: dict[int, tuple[int, bytes]] = {}
    consumer = Consumer(servers, "operator")
    try:
        await consumer.start(_KAFKA_SECONDS)
        for offset in offsets:
            if log.begin <= offset < log.end:
                first = await _first(consumer, lane, offset, log.end, clock)
                if first is not None:
                    found[offset] = first
    finally:
        await consumer.close(_KAFKA_SECONDS)
    return Places(found)


async def _first(
    consumer: Consumer, lane: Lane, offset: int, end: int, clock: Clock
) -> tuple[int, bytes] | None:
    """Return the first record from an offset on and what it is known by; None where nothing can be read."""
    consumer.assign({lane: offset})
    deadline = clock.monotonic() + _KAFKA_SECONDS
    while await consumer.position(lane, _KAFKA_SECONDS) < end:
        if clock.monotonic() > deadline:
            raise Transient(f"kafka: {lane} at {offset} was not read within {_KAFKA_SECONDS:.0f} s")
        polled = await consumer.poll(_POLL_SECONDS, _AT_ONCE)
        if lane in polled.unreadable:
            return None
        if records := polled.records.get(lane):
            return records[0].offset, digest(records[0])
    return None


async def logs_or_none(servers: str, lanes: Collection[Lane]) -> tuple[dict[Lane, Extent], str]:
    """Return what Kafka has, or nothing and why, so that lanes can be looked at while it is away."""
    try:
        return await extents(servers, lanes), ""
    except Transient as error:
        return {}, str(error)
