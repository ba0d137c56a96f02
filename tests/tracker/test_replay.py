"""The replay: all of a segment reaches Kafka before it is gone, whatever fails meanwhile."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager

from schemas.instant import Instant, text
from services.runtime.errors import Transient
from services.tracker.entry import RECORDED_TIME, Entry
from services.tracker.replay import Pace, Replay, Spooled
from tests.support.clock import START, ManualClock
from tests.support.eventually import eventually
from tests.tracker.producing import MemoryLog
from tests.tracker.spooling import an_entry

QUICK = Pace(slice_records=16, patience_seconds=0.2, good_seconds=0.1)


class MemoryBacklog:
    """Segments by number."""

    def __init__(self) -> None:
        self.segments: dict[int, list[list[Spooled]]] = {}
        self.done: list[int] = []
        self.aside: list[int] = []
        self.unreadable: set[int] = set()
        self.dropped = 0
        self._made = 0

    def add(self, numbers: Sequence[int], *, filtered: bool = True, block: int = 40) -> int:
        """Add a segment with an entry for each number."""
        spooled = [(an_entry(number), filtered) for number in numbers]
        blocks = [spooled[start : start + block] for start in range(0, len(spooled), block)]
        self.segments[self._made] = blocks
        self._made += 1
        return self._made - 1

    async def next_segment(self) -> int | None:
        return min(self.segments, default=None)

    async def blocks(self, segment: int) -> AsyncGenerator[Sequence[Spooled], None]:
        if segment in self.unreadable:
            del self.segments[segment]
            raise Transient("a segment of the spool cannot be read")
        for block in self.segments[segment]:
            await asyncio.sleep(0)
            yield block

    async def finished(self, segment: int, dropped: int = 0) -> None:
        del self.segments[segment]
        self.done.append(segment)
        self.dropped += dropped

    async def expire(self, segment: int) -> None:
        del self.segments[segment]
        self.aside.append(segment)


class Settings:
    def __init__(self) -> None:
        self.known = True
        self.refused: set[bytes] = set()

    def admits(self, entry: Entry) -> bool:
        assert self.known
        return entry.value not in self.refused


class Ear:
    """Hears what the circuit would."""

    def __init__(self) -> None:
        self.good = 0
        self.bad = 0
        self.idle: list[bool] = []

    def replayed(self) -> None:
        self.good += 1

    def replay_failed(self) -> None:
        self.bad += 1

    def replay_idle(self, *, idle: bool) -> None:
        if self.idle[-1:] != [idle]:
            self.idle.append(idle)


class Given:
    def __init__(self, pace: Pace) -> None:
        self.log = MemoryLog()
        self.backlog = MemoryBacklog()
        self.settings = Settings()
        self.ear = Ear()
        self.clock = ManualClock()
        self.pace = pace
        self.replay = self.a_replay(lambda: 0)

    def a_replay(self, hits: Callable[[], int]) -> Replay[int]:
        return Replay(
            self.log.build, self.backlog, self.settings, self.ear, hits, self.clock, self.pace
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(self.replay.run())
            yield
            task.cancel()

    async def done(self, count: int = 1) -> None:
        await eventually(lambda: len(self.backlog.done) == count)


def values(numbers: Iterable[int]) -> set[bytes]:
    return {an_entry(number).value for number in numbers}


async def test_segments_reach_kafka_oldest_first_and_are_gone_then() -> None:
    given = Given(QUICK)
    given.backlog.add(range(100))
    given.backlog.add(range(100, 150))
    async with given.running():
        await given.done(2)
        await eventually(lambda: given.ear.idle == [False, True])
    assert given.backlog.done == [0, 1]
    assert set(given.log.values()) == values(range(150))
    assert len(given.log.values()) == given.replay.replayed == 150
    assert given.replay.segments == 2
    assert given.ear.good == 3 + 3 + 2 + 3 + 1
    assert (given.ear.bad, given.replay.failures) == (0, 0)


async def test_what_is_replayed_is_what_was_spooled_and_when_it_is_recorded() -> None:
    given = Given(QUICK)
    given.backlog.add([7])
    async with given.running():
        await given.done()
    (records,) = given.log.records.values()
    entry = an_entry(7)
    recorded = (RECORDED_TIME, text(Instant(START)).encode())
    assert [(one.key, one.value, one.headers) for one in records] == [
        (entry.key, entry.value, (*entry.headers, recorded))
    ]
    assert given.log.timestamps == {START // 1000}


async def test_with_nothing_to_replay_it_says_so() -> None:
    given = Given(QUICK)
    async with given.running():
        await eventually(lambda: given.ear.idle == [True])
        given.backlog.add([1])
        await given.done()
        await eventually(lambda: given.ear.idle == [True, False, True])


async def test_after_a_failure_the_whole_segment_is_sent_again_by_a_new_producer() -> None:
    given = Given(QUICK)
    given.log.failure = Transient("kafka: NotEnoughReplicasError")
    given.backlog.add(range(60))
    async with given.running():
        await eventually(lambda: given.ear.bad >= 1)
        assert given.backlog.done == []
        given.log.failure = None
        await given.done()
    assert set(given.log.values()) == values(range(60))
    assert given.replay.replayed == 60
    assert given.replay.failures >= 1
    assert given.replay.incarnations >= 2
    assert given.log.built[0].closed


async def test_a_failure_in_the_middle_doubles_but_does_not_lose() -> None:
    given = Given(QUICK)
    given.backlog.add(range(200))
    async with given.running():
        await eventually(lambda: given.ear.good >= 2)
        given.log.failure = Transient("kafka: UnknownError")
        await eventually(lambda: given.ear.bad >= 1 or given.backlog.done == [0])
        given.log.failure = None
        await given.done()
    assert set(given.log.values()) == values(range(200))


async def test_a_silent_kafka_is_given_up_after_its_time() -> None:
    given = Given(QUICK)
    given.log.silent = True
    given.backlog.add(range(10))
    async with given.running():
        await eventually(lambda: given.ear.bad >= 1)
        given.log.silent = False
        await given.done()
    assert given.replay.incarnations >= 2


async def test_an_absent_kafka_is_waited_for() -> None:
    given = Given(QUICK)
    given.log.unreachable = Transient("kafka: nobody there")
    given.backlog.add(range(10))
    async with given.running():
        await eventually(lambda: given.ear.bad >= 1)
        assert given.ear.idle == [False]
        given.log.unreachable = None
        await given.done()


async def test_a_slow_acknowledgement_is_no_proof_that_kafka_is_fit() -> None:
    given = Given(Pace(slice_records=16, patience_seconds=5.0, good_seconds=0.05))
    given.log.silent = True
    given.backlog.add(range(10))
    async with given.running():
        await eventually(lambda: bool(given.log.timestamps))
        asyncio.get_running_loop().call_later(0.1, given.log.answer)
        await given.done()
    assert (given.ear.good, given.ear.bad, given.replay.failures) == (0, 1, 0)


async def test_what_was_not_judged_is_judged_before_it_is_produced() -> None:
    given = Given(QUICK)
    given.settings.refused = values([3, 5])
    given.backlog.add(range(10), filtered=False)
    given.backlog.add([3])
    async with given.running():
        await given.done(2)
    assert sorted(given.log.values()) == sorted(values(set(range(10)) - {5}))
    assert (given.replay.replayed, given.replay.dropped, given.backlog.dropped) == (9, 2, 2)


async def test_it_waits_for_the_settings_without_holding_up_the_circuit() -> None:
    given = Given(QUICK)
    given.settings.known = False
    given.settings.refused = values([3])
    given.backlog.add([2])
    given.backlog.add([3, 4], filtered=False)
    async with given.running():
        await given.done()
        await eventually(lambda: given.ear.idle == [False, True])
        assert given.log.values() == [an_entry(2).value]
        given.settings.known = True
        await given.done(2)
    assert set(given.log.values()) == values([2, 4])


async def test_a_segment_in_which_all_are_refused_is_finished_without_kafka() -> None:
    given = Given(QUICK)
    given.settings.refused = values(range(20))
    given.backlog.add(range(20), filtered=False)
    async with given.running():
        await given.done()
    assert (given.log.values(), given.replay.dropped) == ([], 20)


async def test_a_segment_that_cannot_be_read_is_no_fault_of_kafka() -> None:
    given = Given(QUICK)
    given.backlog.unreadable = {given.backlog.add([1])}
    given.backlog.add([2])
    async with given.running():
        await given.done()
    assert given.log.values() == [an_entry(2).value]
    assert (given.replay.incarnations, given.ear.bad) == (1, 0)


async def test_slices_that_the_broker_finds_too_large_become_smaller() -> None:
    given = Given(QUICK)
    given.log.refuses_above = 2
    given.backlog.add(range(30))
    async with given.running():
        await given.done()
    assert set(given.log.values()) == values(range(30))
    assert max(given.log.batches) <= 2


async def test_an_event_that_the_broker_refuses_is_kept_aside_and_keeps_up_no_other() -> None:
    given = Given(QUICK)
    given.log.refused = an_entry(3).value
    given.backlog.add(range(5))
    given.backlog.add(range(10, 15))
    async with given.running():
        await given.done()
    assert (given.backlog.aside, given.backlog.done) == ([0], [1])
    assert set(given.log.values()) == values([0, 1, 2, 4, *range(10, 15)])
    assert (given.replay.refused, given.replay.replayed, given.replay.dropped) == (1, 9, 0)


async def test_batches_that_hold_less_than_a_slice_go_one_after_the_other() -> None:
    given = Given(QUICK)
    given.log.batch_records = 3
    given.backlog.add(range(40))
    async with given.running():
        await given.done()
    assert len(given.log.values()) == 40
    assert set(given.log.values()) == values(range(40))


async def test_under_live_traffic_it_takes_a_part_of_the_time_only() -> None:
    given = Given(Pace(slice_records=4, duty=0.3))
    given.backlog.add(range(80))
    loop = asyncio.get_running_loop()
    given.log.seconds = 0.03
    hits = iter(range(0, 1_000_000, 1000))
    given.replay = given.a_replay(lambda: next(hits))
    async with given.running():
        await eventually(lambda: given.replay.incarnations == 1)
        begun = loop.time()
        await given.done()
        # Twenty slices of 30 ms; in the first quarter of a second nobody knows yet that hits come in.
        assert loop.time() - begun > 1.0


async def test_cancelled_it_leaves_the_segment() -> None:
    given = Given(Pace(patience_seconds=30.0))
    given.log.silent = True
    given.backlog.add(range(10))
    async with given.running():
        await eventually(lambda: bool(given.log.timestamps))
    assert given.backlog.done == []
    assert given.log.built[0].closed
