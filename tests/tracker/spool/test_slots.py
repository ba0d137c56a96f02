"""Whose folder is whose (E20, E21)."""

from contextlib import suppress
from pathlib import Path

import pytest

from services.tracker.spool import form, slots
from services.tracker.spool.slots import Folders
from tests.support.model_disk import ModelDisk, PowerLoss
from tests.tracker.spool.given import FIRST_SEQ, WRITER, a_segment
from tests.tracker.spool.world import FOLDERS, read_all

OTHER = Folders(FOLDERS.root, FOLDERS.root / "worker-1")
GONE = FOLDERS.root / "worker-7"
FIRST, _ = a_segment(2)
GROWING, _ = a_segment(3, sealed=False)
LARGE = 10**9


def a_disk(seed: int = 0) -> ModelDisk:
    """Make a disk with two slots in use and one whose process is gone."""
    disk = ModelDisk(seed)
    for folders in (FOLDERS, OTHER):
        slots.prepare(disk, folders)
        assert slots.take(disk, folders.slot) is not None
    disk.write_now(GONE / f"{form.name_of(FIRST_SEQ, WRITER)}.seg", FIRST)
    disk.write_now(GONE / f"{form.name_of(FIRST_SEQ, b'other' * 4)}.open", GROWING)
    return disk


def held(disk: ModelDisk, slot: Path) -> list[str]:
    names = disk.names(slot)
    return sorted(name for name in names if form.parse_name(name))


def test_a_slot_is_taken_once() -> None:
    disk = a_disk()
    assert slots.take(disk, FOLDERS.slot) is None
    lock = slots.take(disk, GONE)
    assert lock is not None
    assert slots.take(disk, GONE) is None
    lock.release()
    assert slots.take(disk, GONE) is not None


def test_what_nobody_holds_is_adopted_once_and_made_ready() -> None:
    disk = a_disk()
    adopted = slots.adopt(disk, FOLDERS, LARGE)
    assert [segment.path.parent for segment in adopted.segments] == [FOLDERS.slot] * 2
    assert [segment.path.suffix for segment in adopted.segments] == [".seg"] * 2
    assert sorted(read_all(disk, adopted.segments)) == [0, 0, 1, 1, 2]
    assert held(disk, GONE) == []
    assert slots.adopt(disk, OTHER, LARGE).segments == []
    # it is free for its own process
    assert slots.take(disk, GONE) is not None


def test_what_somebody_holds_is_left_alone() -> None:
    disk = a_disk()
    lock = slots.take(disk, GONE)
    assert lock is not None
    before = held(disk, GONE)
    assert slots.adopt(disk, FOLDERS, LARGE).segments == []
    assert held(disk, GONE) == before
    lock.release()
    assert len(slots.adopt(disk, FOLDERS, LARGE).segments) == 2


def test_no_more_is_adopted_than_there_is_room_for() -> None:
    disk = a_disk()
    adopted = slots.adopt(disk, FOLDERS, len(FIRST) + 10)
    assert len(adopted.segments) == 1
    assert len(held(disk, GONE)) == 1
    assert slots.adopt(disk, OTHER, 10).segments == []
    assert len(slots.adopt(disk, OTHER, LARGE).segments) == 1


def test_other_folders_are_no_slots() -> None:
    disk = a_disk()
    disk.write_now(FOLDERS.expired / f"{form.name_of(1, WRITER)}.seg", FIRST)
    disk.write_now(FOLDERS.root / "settings" / f"{form.name_of(2, WRITER)}.seg", FIRST)
    assert len(slots.adopt(disk, FOLDERS, LARGE).segments) == 2


def test_a_slot_that_cannot_be_adopted_does_not_keep_the_others_from_it() -> None:
    disk = a_disk()
    disk.write_now(FOLDERS.root / "worker-2" / f"{form.name_of(5, WRITER)}.seg", FIRST)
    disk.errors[disk.calls + 1] = 5  # after making the lock: renaming what is in the first
    adopted = slots.adopt(disk, FOLDERS, LARGE)
    assert {segment.first_seq for segment in adopted.segments} == {FIRST_SEQ}
    assert len(slots.adopt(disk, FOLDERS, LARGE).segments) == 1


@pytest.mark.parametrize("lost_at", range(16))
def test_power_lost_during_adoption_leaves_each_segment_in_one_place(lost_at: int) -> None:
    for seed in range(20):
        disk = a_disk(seed)
        disk.lose_power_at = disk.calls + lost_at
        with suppress(PowerLoss):
            slots.adopt(disk, FOLDERS, LARGE)
        disk.crash()
        # of the first nobody holds the slot either, any more
        adopted = slots.adopt(disk, OTHER, LARGE).segments
        assert sorted(read_all(disk, adopted)) == [0, 0, 1, 1, 2]
        assert len(held(disk, OTHER.slot)) == 2
        assert [*held(disk, FOLDERS.slot), *held(disk, GONE)] == []
