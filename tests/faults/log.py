"""What lies in the log of events, read from outside: each of our hits and the events it became."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping, Set
from contextlib import suppress

import orjson

from schemas import topics
from services.runtime.errors import Transient
from services.runtime.kafka import Consumer, Record
from services.runtime.leases import Lane
from tests.faults.accounts import Accounts, Copy

SECONDS = 30.0
_POLL_SECONDS = 0.05
_POLL_RECORDS = 5_000


async def ends(servers: str) -> dict[int, int]:
    """Return where each partition of the log ends now."""
    consumer = Consumer(servers, "tests-ends")
    try:
        await consumer.start(SECONDS)
        count = await consumer.partitions(topics.EVENTS.name, SECONDS)
        lanes = [Lane(topics.EVENTS.name, number) for number in range(count)]
        found = await consumer.end_offsets(lanes, SECONDS)
        return {lane.partition: offset for lane, offset in found.items()}
    finally:
        await consumer.close(SECONDS)


class Reading:
    """Reads the log on from where a case began, and keeps what it finds of that case's hits."""

    def __init__(self, servers: str, starts: dict[int, int], accounts: Accounts) -> None:
        self._servers = servers
        self._positions = dict(starts)
        self._accounts = accounts
        self.found: dict[int, list[Copy]] = defaultdict(list)
        self.ids: set[str] = set()

    async def until_there(self, wanted: Set[int], seconds: float) -> bool:
        """Read until all of the hits are found and the log's end is reached; False if that takes too long."""
        deadline = time.monotonic() + seconds
        while True:
            # A broker that has just come back may turn a reader away.
            with suppress(Transient, TimeoutError):
                await self._read_on()
                if wanted <= self.found.keys():
                    return True
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(_POLL_SECONDS)

    async def _read_on(self) -> None:
        consumer = Consumer(self._servers, "tests-log")
        try:
            await consumer.start(SECONDS)
            lanes = [Lane(topics.EVENTS.name, number) for number in self._positions]
            reached = await consumer.end_offsets(lanes, SECONDS)
            while left := self._left(reached):
                consumer.assign(left)
                polled = await consumer.poll(1.0, _POLL_RECORDS)
                for lane, records in polled.records.items():
                    for record in records:
                        self._take(record)
                    self._positions[lane.partition] = records[-1].offset + 1
        finally:
            await consumer.close(SECONDS)

    def _left(self, reached: Mapping[Lane, int]) -> dict[Lane, int]:
        places = {lane: self._positions[lane.partition] for lane in reached}
        return {lane: offset for lane, offset in places.items() if offset < reached[lane]}

    def _take(self, record: Record) -> None:
        if not record.value:
            return
        data = orjson.loads(record.value)
        number = self._accounts.number_in(data.get("user_agent", ""))
        if number is None:
            return
        headers = dict(record.headers)
        event_id = headers["ce_id"].decode()
        self.ids.add(event_id)
        self.found[number].append(
            Copy(
                event_id, headers["ce_tenant"].decode(), data["message_id"], data.get("link_index")
            )
        )
