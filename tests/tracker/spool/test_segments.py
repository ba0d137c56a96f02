"""What is written when, and what is done when the disk fails (E5, E6)."""

import errno

import pytest

from services.tracker.spool.bounds import Refusal
from services.tracker.spool.scan import scan
from tests.support.model_disk import ModelDisk
from tests.tracker.spool.world import BALLAST_BYTES, FOLDERS, World


def a_world(room: int | None = None) -> World:
    world = World(ModelDisk(room=room))
    world.start()
    world.disk.trace.clear()
    return world


def calls(world: World) -> list[str]:
    """Return what was asked of the disk since, without the names."""
    asked = [line.split()[1] for line in world.disk.trace]
    world.disk.trace.clear()
    return asked


def suffixes(world: World) -> list[str]:
    names = world.disk.names(FOLDERS.slot)
    return sorted(name.rpartition(".")[2] for name in names if name != "ballast")


def test_a_group_is_one_write_and_one_sync() -> None:
    world = a_world()
    assert world.commit(3)
    assert calls(world) == ["create", "append", "sync", "sync_folder", "append", "sync"]
    assert world.commit(1)
    assert calls(world) == ["append", "sync"]


def test_sealing_is_a_footer_a_sync_a_name_and_its_sync() -> None:
    world = a_world()
    world.commit(1)
    calls(world)
    world.tick(10)
    assert calls(world) == ["append", "sync", "rename", "sync_folder"]
    assert suffixes(world) == ["seg"]
    assert world.outcome.open_ms is None
    (segment,) = world.sealed
    assert scan(world.disk.read(segment.path)).whole


def test_a_segment_is_sealed_by_age_from_its_first_record_on() -> None:
    world = a_world()
    assert world.segments.due_seconds() is None
    world.tick(100)
    world.commit(1)
    due = world.segments.due_seconds()
    assert due is not None
    assert 9.9 < due <= 10
    world.tick(5)
    world.commit(1)
    assert world.sealed == []
    world.tick(5)
    assert [segment.records for segment in world.sealed] == [2]
    assert world.segments.due_seconds() is None


def test_a_segment_is_sealed_before_it_grows_too_large() -> None:
    world = a_world()
    for _ in range(6):
        world.commit(2)
    assert len(world.sealed) > 1
    assert all(segment.size <= 2_200 for segment in world.sealed)
    first, second = world.sealed[:2]
    assert first.next_seq == second.first_seq


def test_after_an_error_the_file_is_dead_and_its_records_go_to_a_new_one() -> None:
    for call in ("append", "sync"):
        world = a_world()
        world.commit(1)
        calls(world)
        world.disk.errors[world.disk.calls + ("append", "sync").index(call)] = errno.EIO
        assert world.commit(2)
        dead = ["append"] if call == "append" else ["append", "sync"]
        assert calls(world) == [*dead, "create", "append", "sync", "sync_folder", "append", "sync"]
        assert world.outcome.trouble is None
        assert world.outcome.errors == 1
        (segment,) = world.sealed
        assert (segment.records, segment.path.suffix) == (1, ".open")
        assert segment.length <= segment.size
        world.tick(20)
        while world.sealed:
            world.replay_one()
        assert world.read == [0, 1, 2]


def test_when_the_new_file_fails_too_nothing_is_taken_until_a_newer_one_works() -> None:
    world = a_world()
    world.commit(1)
    for offset in range(12):
        world.disk.errors[world.disk.calls + offset] = errno.EIO
    assert not world.commit(1)
    assert world.outcome.trouble is Refusal.IO_ERROR
    calls(world)
    assert not world.commit(1)
    assert calls(world) == []
    assert world.segments.due_seconds() == pytest.approx(1.0, abs=0.01)
    world.tick(1.1)  # it still fails
    assert calls(world) == ["create"]
    assert world.outcome.trouble is Refusal.IO_ERROR
    world.disk.errors.clear()
    world.tick(0.5)
    assert calls(world) == []
    world.tick(0.6)
    assert calls(world) == ["create", "append", "sync", "sync_folder"]
    assert world.outcome.trouble is None
    assert world.commit(1)


def test_on_a_full_disk_the_ballast_lets_what_was_taken_be_safe_and_then_no_more_is() -> None:
    world = a_world(room=5_000)
    assert world.disk.used() == BALLAST_BYTES
    while world.outcome.trouble is None:
        assert world.commit(1)
    assert world.outcome.trouble is Refusal.NO_SPACE
    assert "ballast" not in world.disk.names(FOLDERS.slot)
    assert world.outcome.open_ms is None
    taken = len(world.acknowledged)
    assert taken == len(world.put) > 2
    assert not world.commit(1)
    calls(world)
    world.tick(1.1)  # still full: the ballast does not fit
    assert calls(world) == ["allocate"]
    assert world.outcome.trouble is Refusal.NO_SPACE
    while world.sealed:
        world.replay_one()
    world.tick(1.1)
    assert world.outcome.trouble is None
    assert "ballast" in world.disk.names(FOLDERS.slot)
    assert world.commit(1)
    assert world.read == list(range(taken))


def test_a_disk_that_is_full_at_the_start_takes_nothing() -> None:
    world = a_world(room=BALLAST_BYTES - 1)
    assert world.outcome.trouble is Refusal.NO_SPACE
    assert not world.commit(1)
    world.disk.room = None
    world.tick(1.1)
    assert world.commit(1)


def test_a_limit_on_files_costs_a_file_and_no_record() -> None:
    world = a_world()
    world.commit(1)
    world.disk.errors[world.disk.calls] = errno.EFBIG
    assert world.commit(1)
    assert world.outcome.trouble is None
    assert "ballast" in world.disk.names(FOLDERS.slot)


def test_a_footer_that_fails_leaves_a_segment_to_be_read_where_it_stands() -> None:
    for call in range(3):
        world = a_world()
        world.commit(2)
        world.disk.errors[world.disk.calls + call] = errno.EIO
        world.tick(20)
        assert world.outcome.errors == 1
        (segment,) = world.sealed
        assert segment.path.suffix == ".open"
        world.replay_one()
        assert world.read == [0, 1]
        assert world.commit(1)


def test_the_time_of_the_sync_is_told_and_not_that_of_one_that_failed() -> None:
    world = a_world()
    world.commit(1)
    assert len(world.outcome.seconds) == 1
    world.disk.errors[world.disk.calls + 1] = errno.EIO
    world.commit(1)
    assert len(world.outcome.seconds) == 1
    world.tick(20)
    assert world.outcome.seconds == []
