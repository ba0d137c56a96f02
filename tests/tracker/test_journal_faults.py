"""The journal while Kafka is absent, silent or failing: each event goes to the spool in time, and nothing hangs."""

import asyncio

import pytest

from services.runtime.clock import Deadline, SystemClock
from services.runtime.errors import Poison, Transient
from services.tracker.batches import Why
from services.tracker.circuit import State
from services.tracker.entry import Where
from services.tracker.journal import Journal, Limits
from tests.support.clock import ManualClock
from tests.support.eventually import eventually
from tests.tracker.journaling import a_journal
from tests.tracker.producing import MemoryLog
from tests.tracker.spooling import MemorySpool, Noting, an_entry

SECONDS = 0.1
QUICK = Limits(kafka_seconds=SECONDS)


def state(journal: Journal) -> State:
    return journal.state


async def test_before_kafka_was_ever_seen_all_goes_to_the_spool_at_once() -> None:
    log = MemoryLog()
    log.unreachable = Transient("kafka: nobody there")
    async with a_journal(log.build, QUICK, idle=False) as given:
        assert await given.written() is Where.SPOOL
        assert await given.write(filtered=False).told() is Where.SPOOL
        assert [put.filtered for put in given.spool.taken] == [True, False]
        assert given.journal.handed[Why.OPEN] == given.journal.handed[Why.UNFILTERED] == 1
        assert given.journal.problem() is None
        given.spool.trouble = "spool: full"
        assert await given.written() is Where.NOWHERE
        await eventually(lambda: given.journal.problem() == "kafka: nobody there; spool: full")
        log.unreachable = None
        given.journal.replay_idle(idle=True)
        await given.lets_through()
        assert await given.written() is Where.KAFKA
        assert given.journal.problem() is None


async def test_a_topic_that_is_made_later_is_found() -> None:
    log = MemoryLog(partitions=0)
    async with a_journal(log.build, QUICK, idle=False) as given:
        given.journal.replay_idle(idle=True)
        await eventually(lambda: len(log.built) > 1)
        assert await given.written() is Where.SPOOL
        log.partitions = 3
        await given.lets_through()
        assert await given.written() is Where.KAFKA


async def test_a_silent_kafka_costs_the_first_events_their_time_and_the_next_none() -> None:
    log = MemoryLog()
    async with a_journal(log.build, QUICK) as given:
        log.silent = True
        begun = asyncio.get_running_loop().time()
        waiters = [given.write() for _ in range(20)]
        assert [await waiter.told() for waiter in waiters] == [Where.SPOOL] * 20
        assert SECONDS * 0.9 < asyncio.get_running_loop().time() - begun < SECONDS * 5
        assert state(given.journal) is State.OPEN
        begun = asyncio.get_running_loop().time()
        assert await given.written() is Where.SPOOL
        assert asyncio.get_running_loop().time() - begun < SECONDS / 2
        assert (given.journal.handed[Why.LATE], given.journal.handed[Why.OPEN]) == (20, 1)
        await eventually(lambda: log.built[0].closed)


async def test_a_late_acknowledgement_is_counted_and_tells_nobody_twice() -> None:
    log = MemoryLog(partitions=1)
    async with a_journal(log.build, QUICK) as given:
        log.silent = True
        assert await given.written() is Where.SPOOL
        log.answer()
        assert given.journal.late == 1
        assert log.values() == given.spool.values()


async def test_one_late_batch_does_not_open_if_the_next_one_lands() -> None:
    log = MemoryLog(partitions=1)
    async with a_journal(log.build, QUICK) as given:
        await given.written()
        log.silent = True
        assert await given.written() is Where.SPOOL
        log.answer()
        assert await given.written() is Where.KAFKA
        assert (state(given.journal), given.journal.openings) == (State.CLOSED, 0)


async def test_a_single_batch_that_stays_unacknowledged_opens_all_the_same() -> None:
    log = MemoryLog(partitions=1)
    async with a_journal(log.build, QUICK) as given:
        await given.written()
        log.silent = True
        assert await given.written() is Where.SPOOL
        assert state(given.journal) is State.CLOSED
        await eventually(lambda: given.journal.openings == 1)


async def test_events_behind_a_batch_that_does_not_land_wait_no_longer_than_it() -> None:
    log = MemoryLog(partitions=1)
    limits = Limits(kafka_seconds=SECONDS, flush_seconds=0.001)
    async with a_journal(log.build, limits) as given:
        await given.written()
        log.silent = True
        first = given.write()
        await eventually(lambda: given.journal.batches == 1 and given.journal.bytes_in_flight > 0)
        behind = given.write()
        assert given.journal.oldest_seconds() < SECONDS
        assert await first.told() is await behind.told() is Where.SPOOL
        await eventually(lambda: given.journal.openings == 1)


async def test_a_failed_batch_opens_at_once_and_a_new_producer_takes_over() -> None:
    log = MemoryLog()
    async with a_journal(log.build, QUICK) as given:
        log.failure = Transient("kafka: NotEnoughReplicasError")
        waiters = [given.write() for _ in range(20)]
        assert [await waiter.told() for waiter in waiters] == [Where.SPOOL] * 20
        assert given.journal.openings == 1
        log.failure = None
        await given.lets_through()
        assert await given.written() is Where.KAFKA
        assert given.journal.incarnations >= 2
        assert sorted(given.spool.values()) == sorted(an_entry(n).value for n in range(20))


async def test_a_batch_refused_for_its_size_is_spooled_and_a_single_event_is_not() -> None:
    log = MemoryLog(partitions=1)
    async with a_journal(log.build, QUICK) as given:
        log.failure = Poison("refused_by_broker", "kafka: MessageSizeTooLargeError")
        pair = [given.write(), given.write()]
        assert [await waiter.told() for waiter in pair] == [Where.SPOOL] * 2
        await given.lets_through()
        assert await given.written() is Where.NOWHERE
        assert given.journal.refused == 1
        log.failure = None
        await given.lets_through()
        assert await given.written() is Where.KAFKA


async def test_a_producer_that_died_unseen_is_noticed_with_the_next_event() -> None:
    log = MemoryLog()
    async with a_journal(log.build, QUICK) as given:
        log.built[0].started = False
        assert await given.written() is Where.SPOOL
        await given.lets_through()
        assert await given.written() is Where.KAFKA


async def test_it_stays_open_until_the_replay_has_shown_that_kafka_works() -> None:
    log = MemoryLog()
    async with a_journal(log.build, QUICK) as given:
        given.journal.replay_idle(idle=False)
        log.failure = Transient("kafka: UnknownError")
        assert await given.written() is Where.SPOOL
        log.failure = None
        await eventually(lambda: len(log.built) == 2 and log.built[1].started)
        for _ in range(2):
            given.journal.replayed()
        given.journal.replay_failed()
        for _ in range(3):
            assert await given.written() is Where.SPOOL
            given.journal.replayed()
        await given.lets_through()
        assert await given.written() is Where.KAFKA


async def test_above_the_limit_of_bytes_events_go_straight_to_the_spool() -> None:
    log = MemoryLog()
    limits = Limits(kafka_seconds=5.0, bytes_in_flight=5_000)
    async with a_journal(log.build, limits) as given:
        log.silent = True
        waiters = [given.write() for _ in range(10)]
        await eventually(lambda: waiters[-1].where is Where.SPOOL)
        assert waiters[0].where is None
        assert given.journal.bytes_in_flight <= 5_000
        log.answer()
        assert await waiters[0].told() is Where.KAFKA
        assert given.journal.handed[Why.FULL] == len(given.spool.taken) > 0


async def test_a_full_batch_does_not_wait_for_the_timer() -> None:
    log = MemoryLog()
    limits = Limits(kafka_seconds=5.0, flush_seconds=1.0, flush_records=10)
    async with a_journal(log.build, limits) as given:
        begun = asyncio.get_running_loop().time()
        waiters = [given.write() for _ in range(10)]
        assert [await waiter.told() for waiter in waiters] == [Where.KAFKA] * 10
        assert asyncio.get_running_loop().time() - begun < 0.9


async def test_a_waiter_that_breaks_its_promise_hurts_nobody_else() -> None:
    class Raising(Noting):
        def settle(self, where: Where) -> None:
            raise ZeroDivisionError

    log = MemoryLog(partitions=1)
    async with a_journal(log.build, QUICK) as given:
        reported: list[object] = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: reported.append(context["exception"]))
        before = given.write()
        given.journal.write(an_entry(1000), Raising())
        after = given.write()
        assert await before.told() is await after.told() is Where.KAFKA
        given.spool.trouble = "spool: full"
        log.silent = True
        given.journal.write(an_entry(1001), Raising())
        assert await given.written() is Where.NOWHERE
        assert [type(error) for error in reported] == [ZeroDivisionError] * 2


async def test_draining_gives_what_kafka_does_not_take_to_the_spool_within_its_time() -> None:
    log = MemoryLog()
    async with a_journal(log.build, Limits(kafka_seconds=30.0)) as given:
        log.silent = True
        waiters = [given.write() for _ in range(10)]
        begun = asyncio.get_running_loop().time()
        await given.journal.drain(Deadline.after(SystemClock(), 0.2))
        assert asyncio.get_running_loop().time() - begun < 1.0
        assert [await waiter.told() for waiter in waiters] == [Where.SPOOL] * 10
        assert given.journal.handed[Why.DRAINING] == 10
        await eventually(lambda: log.built[0].closed)


async def test_a_journal_that_is_drained_before_it_ran_does_not_run() -> None:
    log = MemoryLog()
    journal = Journal(log.build, MemorySpool(), ManualClock(), QUICK, lambda *_: None)
    await journal.drain(Deadline.after(SystemClock(), 1.0))
    await asyncio.wait_for(journal.run(), 1.0)
    assert log.built == []


async def test_a_stall_of_this_process_is_not_taken_for_a_fault_of_kafka() -> None:
    log = MemoryLog()
    async with a_journal(log.build, QUICK) as given:
        log.silent = True
        waiters = [given.write() for _ in range(10)]
        await eventually(lambda: given.journal.bytes_in_flight > 0 and bool(log.timestamps))
        loop = asyncio.get_running_loop()
        until = loop.time() + SECONDS * 3
        loop.call_soon(log.answer)
        while loop.time() < until:
            pass
        assert [await waiter.told() for waiter in waiters] == [Where.KAFKA] * 10
        assert given.journal.openings == 0


@pytest.mark.parametrize("partitions", [1, 7])
async def test_cancelled_it_leaves_nothing_unsettled(partitions: int) -> None:
    log = MemoryLog(partitions)
    async with a_journal(log.build, Limits(kafka_seconds=30.0)) as given:
        log.silent = True
        waiters = [given.write() for _ in range(30)]
        await eventually(lambda: bool(log.timestamps))
    assert [await waiter.told() for waiter in waiters] == [Where.SPOOL] * 30
    assert log.built[0].closed
