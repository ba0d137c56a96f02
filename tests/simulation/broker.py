"""A broker in memory: logs with gaps, that are truncated, deleted from, damaged or begun anew; and a reader of them.

The reader behaves as `services.runtime.kafka.Consumer` may at its worst: what it fetched lies there for a while, a poll
that fails has lost what it had drained, and a broker that is away says nothing at all.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Collection, Mapping

from services.runtime.errors import Transient
from services.runtime.leases import Lane
from services.runtime.records import Polled, Record, Topic
from tests.simulation.loop import Process, SimulatedLoop

SERVER = "kafka"
_FETCH_RECORDS = 40


class Log:
    """One lane, and what is true of it for whoever judges."""

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self.begin = 0
        self.end = 0
        self.records: dict[int, Record] = {}
        self.lost: list[Record] = []
        """What was there once."""
        self.damaged: dict[int, int] = {}
        """Offsets that cannot be read, and how often yet."""

    def append(self, value: bytes, now_ms: int) -> None:
        """Add a record."""
        self.records[self.end] = Record(
            *self.lane, offset=self.end, key=b"k", value=value, headers=(), timestamp_ms=now_ms
        )
        self.end += 1

    def leave_gap(self, offsets: int) -> None:
        """Add what is not for readers, such as the marks of transactions."""
        self.end += offsets

    def delete_before(self, offset: int) -> None:
        """Let retention pass."""
        self.begin = max(self.begin, min(offset, self.end))
        self._drop([one for one in self.records if one < self.begin])

    def truncate(self, offset: int) -> None:
        """Lose the tail, as after an election that should not have been."""
        self.end = max(self.begin, min(offset, self.end))
        self._drop([one for one in self.records if one >= self.end])

    def begin_anew(self) -> None:
        """Be another topic under the same name."""
        self._drop(list(self.records))
        self.begin = self.end = 0

    def _drop(self, offsets: Collection[int]) -> None:
        for offset in offsets:
            self.lost.append(self.records.pop(offset))
            self.damaged.pop(offset, None)


class Broker:
    """The server."""

    def __init__(self, loop: SimulatedLoop, chance: random.Random, lanes: Collection[Lane]) -> None:
        self.loop = loop
        self.chance = chance
        self.logs = {lane: Log(lane) for lane in lanes}
        self.up = True
        self.made: Counter[str] = Counter()
        """How often each topic was made anew under its name."""
        self.failing = 0.0
        """The chance that a poll fails after it drained something."""
        self.quiet = 0.0
        """The chance that a fetch brings nothing yet."""

    def append(self, lane: Lane, value: bytes) -> None:
        """Add a record to a lane."""
        self.logs[lane].append(value, round(self.loop.time() * 1000))


class SimulatedReader:
    """Keeps the contract of `services.runtime.reader.Reader`, and not a bit more."""

    def __init__(self, broker: Broker, process: Process) -> None:
        self._broker = broker
        self._process = process
        self._chance = broker.chance
        self._positions: dict[Lane, int] = {}
        self._fetched: dict[Lane, list[Record]] = {}
        self._ends: dict[Lane, int] = {}
        self._closed = True

    async def start(self, seconds: float) -> None:
        """Connect, or raise within the seconds given."""
        await self._travel(seconds)
        self._closed = False

    async def close(self, seconds: float) -> None:
        """Disconnect."""
        if not self._closed:
            self._closed = True
            await asyncio.sleep(self._chance.random() * 0.01)

    def assign(self, positions: Mapping[Lane, int]) -> None:
        """Read exactly these lanes from these offsets on; what was fetched before is dropped."""
        self._positions = dict(positions)
        self._fetched.clear()
        self._ends.clear()

    async def poll(self, wait_seconds: float, lane_records: int) -> Polled:
        """Return records, or what cannot be read; after a raise some may have been drained and lost."""
        await asyncio.sleep(self._chance.random() * 0.003)
        polled = self._drain(lane_records)
        if not polled.records and not polled.unreadable:
            await asyncio.sleep(wait_seconds)
            polled = self._drain(lane_records)
        if self._broker.failing and self._chance.random() < self._broker.failing:
            raise Transient("kafka: a fetch failed")
        return polled

    def _drain(self, room: int) -> Polled:
        polled = Polled()
        reachable = self._broker.up and not self._process.cut_off_for(SERVER)
        for lane, position in self._positions.items():
            if not self._fetched.get(lane) and reachable:
                reason = self._fetch(lane, position)
                if reason is not None:
                    polled.unreadable[lane] = reason
                    continue
            if fetched := self._fetched.get(lane):
                taken = fetched[: min(room, self._chance.randint(1, _FETCH_RECORDS))]
                del fetched[: len(taken)]
                polled.records[lane] = taken
                self._positions[lane] = taken[-1].offset + 1
        return polled

    def _fetch(self, lane: Lane, position: int) -> str | None:
        log = self._broker.logs[lane]
        if not log.begin <= position <= log.end:
            return "offset_out_of_range"
        self._ends[lane] = log.end
        if self._broker.quiet and self._chance.random() < self._broker.quiet:
            return None
        found: list[Record] = []
        for offset in range(position, log.end):
            if log.damaged.get(offset):
                if not found:
                    log.damaged[offset] -= 1
                    return "corrupt_record"
                break
            if offset in log.records:
                found.append(log.records[offset])
        self._fetched[lane] = found[: self._chance.randint(1, _FETCH_RECORDS)]
        return None

    def end_offset(self, lane: Lane) -> int | None:
        """Return the end as of the last fetch."""
        return self._ends.get(lane)

    async def position(self, lane: Lane, seconds: float) -> int:
        """Return from where a lane is read on."""
        await self._travel(seconds)
        return self._positions[lane]

    async def topics(self, names: Collection[str], seconds: float) -> dict[str, Topic]:
        """Return those of the topics that there are, with an id each."""
        await self._travel(seconds)
        counts = {name: sum(lane.topic == name for lane in self._broker.logs) for name in names}
        made = self._broker.made
        return {
            name: Topic(count, f"{name}-{made[name]}") for name, count in counts.items() if count
        }

    async def beginning_offsets(self, lanes: Collection[Lane], seconds: float) -> dict[Lane, int]:
        """Return the first offset still kept in each lane."""
        await self._travel(seconds)
        return {lane: self._broker.logs[lane].begin for lane in lanes}

    async def end_offsets(self, lanes: Collection[Lane], seconds: float) -> dict[Lane, int]:
        """Return the offset that the next record of each lane will get."""
        await self._travel(seconds)
        return {lane: self._broker.logs[lane].end for lane in lanes}

    async def _travel(self, seconds: float) -> None:
        """Ask the broker and have its answer, or wait as long as one may."""
        there = self._chance.random() * 0.003
        await asyncio.sleep(there)
        if not self._broker.up or self._process.cut_off_for(SERVER):
            await asyncio.sleep(seconds - there)
            raise Transient("kafka: TimeoutError")
