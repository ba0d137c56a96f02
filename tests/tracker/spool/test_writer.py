import asyncio
import threading
from pathlib import Path

import pytest

from services.runtime.clock import SystemClock
from services.tracker.spool.segments import Outcome, Segments
from services.tracker.spool.writer import Writer
from tests.support.eventually import eventually
from tests.support.model_disk import ModelDisk
from tests.tracker.spool.given import Entropy, a_record


class Told:
    """What the event loop was told, and in which thread."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []
        self.ticked: list[Outcome] = []
        self.threads: set[int] = set()
        self.failed = 0

    def take(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        self.threads.add(threading.get_ident())

    def tick(self, outcome: Outcome) -> None:
        self.ticked.append(outcome)
        self.threads.add(threading.get_ident())

    def fail(self) -> None:
        self.failed += 1


def a_writer(told: Told, segment_seconds: float = 60.0) -> tuple[Segments, Writer]:
    disk = ModelDisk()
    disk.make_folder(Path("/spool"))
    segments = Segments(
        disk,
        Path("/spool"),
        SystemClock(),
        Entropy(),
        segment_bytes=10_000,
        segment_seconds=segment_seconds,
        ballast_bytes=0,
    )
    return segments, Writer(segments, told.tick, told.fail)


async def test_work_is_done_in_order_in_another_thread_and_told_in_the_loop() -> None:
    told = Told()
    segments, writer = a_writer(told)
    threads: list[int] = []

    def work(number: int) -> Outcome:
        threads.append(threading.get_ident())
        return Outcome(grown=number)

    writer.start()
    for number in range(10):
        writer.submit(lambda number=number: work(number), told.take)  # type: ignore[misc]
    await eventually(lambda: len(told.outcomes) == 10)
    assert [outcome.grown for outcome in told.outcomes] == list(range(10))
    assert len(set(threads)) == 1
    assert told.threads == {threading.get_ident()}.difference(threads)
    writer.stop()
    assert segments.due_seconds() is None


async def test_segments_have_their_way_when_nothing_is_to_be_written() -> None:
    told = Told()
    segments, writer = a_writer(told, segment_seconds=0.05)
    writer.start()
    writer.submit(lambda: segments.commit([a_record(1)]), told.take)
    await eventually(lambda: any(outcome.sealed for outcome in told.ticked))
    assert told.outcomes[0].written
    writer.stop()


async def test_segments_have_their_way_also_while_much_is_written() -> None:
    told = Told()
    segments, writer = a_writer(told, segment_seconds=0.05)
    writer.start()

    writer.submit(lambda: segments.commit([a_record(1)]), told.take)
    busy = threading.Event()

    def wait() -> Outcome:
        busy.wait(10)
        return Outcome()

    writer.submit(wait, told.take)
    for _ in range(3):
        writer.submit(Outcome, told.take)
    await asyncio.to_thread(_until_due, segments)
    busy.set()
    await eventually(lambda: len(told.outcomes) == 5)
    assert any(outcome.sealed for outcome in told.ticked)
    writer.stop()


def _until_due(segments: Segments) -> None:
    waiting = threading.Event()
    while segments.due_seconds() != 0.0:
        waiting.wait(0.005)


async def test_it_ends_after_what_was_submitted() -> None:
    told = Told()
    _, writer = a_writer(told)
    writer.start()
    for _ in range(3):
        writer.submit(Outcome, told.take)
    writer.stop()
    await eventually(lambda: len(told.outcomes) == 3 and not _alive())
    assert told.failed == 0


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_that_it_ended_by_a_bug_is_told() -> None:
    told = Told()
    _, writer = a_writer(told)
    writer.start()

    def bug() -> Outcome:
        raise RuntimeError("a bug")

    writer.submit(bug, told.take)
    await eventually(lambda: told.failed == 1)


def _alive() -> bool:
    return any(thread.name == "spool-writer" for thread in threading.enumerate())
