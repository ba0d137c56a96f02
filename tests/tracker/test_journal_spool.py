"""Journal, spool and replay together: through an outage, a crash of the replay and back, nothing is lost or refused."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from schemas import topics
from services.runtime.clock import Deadline, SystemClock
from services.runtime.errors import Transient
from services.runtime.incarnations import Offering, producers
from services.tracker.circuit import State
from services.tracker.entry import Entry, Where
from services.tracker.journal import Journal, Limits
from services.tracker.replay import Pace, Replay
from services.tracker.spool.growing import Sealed
from services.tracker.spool.spool import Spool
from tests.support.eventually import eventually
from tests.support.topics import a_topic, read
from tests.tracker.producing import MemoryLog
from tests.tracker.spool.given import a_spool, an_entry
from tests.tracker.spooling import Noting

LIMITS = Limits(kafka_seconds=0.2)
PACE = Pace(slice_records=64, patience_seconds=2.0, good_seconds=1.0)


class AdmitAll:
    known = True

    def admits(self, entry: Entry) -> bool:
        return True


class Tracker:
    """The parts of a tracker that make hits safe, wired as its app does."""

    def __init__(self, build: Callable[[int], Offering], spool: Spool, topic: str) -> None:
        clock = SystemClock()
        self.spool = spool
        self.waiters: list[Noting] = []
        self.entries: list[Entry] = []
        self.journal = Journal(build, spool, clock, LIMITS, lambda *_: None, topic)
        self.replay = Replay[Sealed](
            build, spool, AdmitAll(), self.journal, lambda: len(self.waiters), clock, PACE, topic
        )

    def write(self, count: int) -> list[Noting]:
        """Write so many events more."""
        written = []
        for _ in range(count):
            waiter = Noting()
            entry = an_entry(len(self.entries))
            self.entries.append(entry)
            self.waiters.append(waiter)
            written.append(waiter)
            self.journal.write(entry, waiter)
        return written

    async def drain(self) -> None:
        """End as the app does: the journal before the spool, which the caller closes."""
        await self.journal.drain(Deadline.after(SystemClock(), 5.0))


@asynccontextmanager
async def a_tracker(
    build: Callable[[int], Offering], folder: Path, topic: str = topics.EVENTS.name
) -> AsyncIterator[Tracker]:
    async with a_spool(folder, segment_seconds=0.2, segment_bytes=32_768) as spool:
        tracker = Tracker(build, spool, topic)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(tracker.journal.run())
            replaying = tasks.create_task(tracker.replay.run())
            yield tracker
            replaying.cancel()
            await tracker.drain()


def in_log(log: MemoryLog) -> set[bytes]:
    return set(log.values())


def two_producers(log: MemoryLog) -> Callable[[int], Offering]:
    """Build for the journal and the replay out of one log, each counting its own."""
    return lambda number: log.build(len(log.built))


async def test_an_outage_from_the_start_is_bridged_and_then_replayed(tmp_path: Path) -> None:
    log = MemoryLog()
    log.unreachable = Transient("kafka: nobody there")
    async with a_tracker(two_producers(log), tmp_path) as tracker:
        spooled = tracker.write(500)
        assert [await waiter.told() for waiter in spooled] == [Where.SPOOL] * 500
        log.unreachable = None
        await eventually(lambda: tracker.journal.state is not State.OPEN)
        live = tracker.write(50)
        assert [await waiter.told() for waiter in live] == [Where.KAFKA] * 50
        await eventually(lambda: tracker.spool.account.waiting == 0)
        assert in_log(log) == {entry.value for entry in tracker.entries}
        assert len(log.values()) == 550
        assert (tracker.replay.replayed, tracker.replay.failures) == (500, 0)
        assert tracker.spool.account.balanced


async def test_an_outage_under_load_loses_nothing(tmp_path: Path) -> None:
    log = MemoryLog()
    async with a_tracker(two_producers(log), tmp_path) as tracker:
        await eventually(lambda: tracker.journal.state is not State.OPEN)

        async def load() -> None:
            for _ in range(150):
                tracker.write(10)
                await asyncio.sleep(0.01)

        loading = asyncio.ensure_future(load())
        await eventually(lambda: tracker.journal.acknowledged >= 200)
        log.silent = True
        await eventually(lambda: tracker.journal.state is State.OPEN)
        await eventually(lambda: tracker.spool.account.taken >= 300)
        log.answer()
        await loading
        assert {await waiter.told() for waiter in tracker.waiters} == {Where.KAFKA, Where.SPOOL}
        await eventually(lambda: tracker.spool.account.waiting == 0)
        assert in_log(log) == {entry.value for entry in tracker.entries}
        assert tracker.journal.state is not State.OPEN
        assert tracker.spool.account.balanced


async def test_what_one_process_spooled_the_next_one_replays(tmp_path: Path) -> None:
    log = MemoryLog()
    log.unreachable = Transient("kafka: nobody there")
    async with a_tracker(two_producers(log), tmp_path) as tracker:
        written = tracker.write(100)
        await tracker.drain()
        late = tracker.write(5)
        assert [await waiter.told() for waiter in written + late] == [Where.SPOOL] * 105
        entries = tracker.entries
    log.unreachable = None
    async with a_tracker(two_producers(log), tmp_path) as tracker:
        assert tracker.spool.account.recovered == 105
        await eventually(lambda: tracker.spool.account.waiting == 0)
        await eventually(lambda: tracker.journal.state is not State.OPEN)
    assert in_log(log) == {entry.value for entry in entries}


async def test_over_kafka_itself_what_was_spooled_arrives_as_it_would_have(
    kafka_servers: str, tmp_path: Path
) -> None:
    topic = await a_topic(kafka_servers, 4)
    async with a_tracker(producers(kafka_servers, "tests"), tmp_path, topic) as tracker:
        spooled = tracker.write(300)
        assert [await waiter.told() for waiter in spooled] == [Where.SPOOL] * 300
        await eventually(lambda: tracker.journal.state is not State.OPEN)
        live = tracker.write(300)
        assert [await waiter.told() for waiter in live] == [Where.KAFKA] * 300
        await eventually(lambda: tracker.spool.account.waiting == 0)
        entries = tracker.entries
    found = await read(kafka_servers, topic, 600)
    assert {(one.key, one.value, one.headers[:-1]) for one in found} == {
        (entry.key, entry.value, entry.headers) for entry in entries
    }
    assert {one.headers[-1][0] for one in found} == {"ce_recordedtime"}
    assert {one.partition for one in found} == {
        topics.partition_of(entry.key, 4) for entry in entries
    }
