"""How entries come in while the disk is slow, fails or never answers (E9)."""

import threading
from pathlib import Path

import pytest

from services.runtime.clock import Deadline, SystemClock
from services.tracker.entry import Where
from services.tracker.spool.bounds import Refusal
from services.tracker.spool.disk import File
from services.tracker.spool.spool import Spool
from tests.support.eventually import eventually
from tests.support.model_disk import ModelDisk
from tests.tracker.spool.given import Remembering, a_spool, an_entry, drained, entries_of, put

FOLDER = Path("/spool")


class HangingDisk(ModelDisk):
    """Syncs nothing while it is told to hang."""

    def __init__(self) -> None:
        super().__init__()
        self.answers = threading.Event()
        self.answers.set()

    def create(self, path: Path) -> File:
        return _Hanging(super().create(path), self.answers)


class _Hanging:
    def __init__(self, file: File, answers: threading.Event) -> None:
        self._file = file
        self._answers = answers
        self.append, self.sync, self.close = file.append, file.sync, file.close

    def sync_data(self) -> None:
        self._answers.wait(60)
        self._file.sync_data()


def put_all(spool: Spool, numbers: range) -> list[Remembering]:
    waiters = [Remembering() for _ in numbers]
    for number, waiter in zip(numbers, waiters, strict=True):
        spool.put(an_entry(number), waiter)
    return waiters


async def test_what_comes_while_the_disk_is_busy_goes_with_the_next_group() -> None:
    disk = HangingDisk()
    async with a_spool(FOLDER, disk=disk) as spool:
        disk.answers.clear()
        first = put_all(spool, range(3))
        await eventually(lambda: spool._intake._flight is not None)
        others = put_all(spool, range(3, 10))
        assert not any(waiter.told for waiter in (*first, *others))
        assert spool.under_way == 10
        disk.answers.set()
        await eventually(lambda: all(waiter.told for waiter in (*first, *others)))
        assert {waiter.where for waiter in (*first, *others)} == {Where.SPOOL}
        assert spool.account.commits == 2
        assert spool.under_way == 0
        assert spool.account.bounds.pending == 0


async def test_nobody_waits_for_a_disk_that_does_not_answer() -> None:
    disk = HangingDisk()
    async with a_spool(FOLDER, disk=disk, slow_seconds=0.05) as spool:
        disk.answers.clear()
        first = put_all(spool, range(3))
        await eventually(lambda: spool._intake._flight is not None)
        others = put_all(spool, range(3, 10))
        await eventually(lambda: all(waiter.told for waiter in (*first, *others)))
        assert {waiter.where for waiter in (*first, *others)} == {Where.NOWHERE}
        assert spool.problem() == "spool: slow"
        assert (spool.dead, spool.under_way) == (True, 0)
        (late,) = put_all(spool, range(10, 11))
        assert late.where is Where.NOWHERE
        assert spool.account.refused[Refusal.SLOW] == 11
        disk.answers.set()
        await eventually(lambda: spool.problem() is None)
        # those under way became safe after all; nobody was told twice
        assert spool.account.taken == 3
        assert await put(spool, [an_entry(11)]) == [Where.SPOOL]
        assert spool.account.balanced
        assert len(spool.account.bounds.tenants) == 1
    async with a_spool(FOLDER, disk=disk) as spool:
        replayed = entries_of(await drained(spool))
        assert replayed == [an_entry(number) for number in (0, 1, 2, 11)]


async def test_a_dead_disk_refuses_at_once_and_is_tried_again() -> None:
    disk = ModelDisk()
    async with a_spool(FOLDER, disk=disk) as spool:
        await put(spool, [an_entry(0)])
        disk.errors = dict.fromkeys(range(disk.calls, disk.calls + 5), 5)
        assert set(await put(spool, [an_entry(1), an_entry(2)])) == {Where.NOWHERE}
        assert spool.problem() == "spool: io_error"
        assert spool.dead
        assert await put(spool, [an_entry(3)]) == [Where.NOWHERE]
        assert spool.account.refused[Refusal.IO_ERROR] == 3
        assert spool.account.io_errors > 0
        disk.errors = {}
        await eventually(lambda: spool.problem() is None)
        assert await put(spool, [an_entry(4)]) == [Where.SPOOL]
        assert spool.account.balanced
    async with a_spool(FOLDER, disk=disk) as spool:
        assert entries_of(await drained(spool)) == [an_entry(0), an_entry(4)]


async def test_a_full_disk_refuses_what_does_not_fit_and_takes_again_when_there_is_room() -> None:
    disk = ModelDisk(room=100_000)
    async with a_spool(FOLDER, disk=disk, segment_seconds=0.05) as spool:
        told = []
        number = 0
        while spool.problem() is None:
            told += await put(spool, [an_entry(number)])
            number += 1
        assert set(told) == {Where.SPOOL}
        assert spool.problem() == "spool: no_space"
        assert await put(spool, [an_entry(number)]) == [Where.NOWHERE]
        assert spool.account.refused == {**dict.fromkeys(Refusal, 0), Refusal.NO_SPACE: 1}
        assert entries_of(await drained(spool)) == [an_entry(each) for each in range(number)]
        await eventually(lambda: spool.problem() is None)
        assert await put(spool, [an_entry(number)]) == [Where.SPOOL]
        assert spool.account.balanced


async def test_closing_does_not_wait_longer_than_it_may() -> None:
    disk = HangingDisk()
    async with a_spool(FOLDER, disk=disk) as spool:
        disk.answers.clear()
        waiters = put_all(spool, range(3))
        await spool.close(Deadline.after(SystemClock(), 0.05))
        assert [waiter.where for waiter in waiters] == [Where.NOWHERE] * 3
        disk.answers.set()


async def test_thousands_at_once_are_a_few_groups(tmp_path: Path) -> None:
    async with a_spool(tmp_path, max_bytes=10**8, pending_bytes=10**8) as spool:
        waiters = put_all(spool, range(10_000))
        await eventually(lambda: all(waiter.told for waiter in waiters))
        assert {waiter.where for waiter in waiters} == {Where.SPOOL}
        assert spool.account.commits == 2


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_when_its_thread_ends_by_a_bug_nobody_waits_and_nothing_is_taken() -> None:
    class Buggy(ModelDisk):
        def create(self, path: Path) -> File:
            raise RuntimeError("a bug")

    disk = ModelDisk()
    async with a_spool(FOLDER, disk=disk, slow_seconds=20) as spool:
        spool._segments._disk = Buggy()  # type: ignore[misc]
        (waiter,) = put_all(spool, range(1))
        await eventually(lambda: waiter.told != [])
        assert waiter.where is Where.NOWHERE
        assert spool.problem() == "spool: slow"
        await spool.close(Deadline.after(SystemClock(), 0.05))
