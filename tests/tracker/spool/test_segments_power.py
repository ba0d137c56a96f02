"""Power lost at any call, the disk failing at any call: what was acknowledged is there once, nothing else (E7, E8)."""

import errno
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.tracker.spool.quarantine import Quarantine
from services.tracker.spool.recovery import recover
from services.tracker.spool.scan import scan
from tests.support.model_disk import ModelDisk, PowerLoss
from tests.tracker.spool.world import FOLDERS, World

COMMIT = st.tuples(st.just("commit"), st.integers(1, 4))
TICK = st.tuples(st.just("tick"), st.sampled_from((1, 11)))
OTHER = st.tuples(st.sampled_from(("replay", "close", "kill", "power")), st.just(0))
STEPS = st.lists(st.one_of(COMMIT, COMMIT, COMMIT, TICK, OTHER), min_size=1, max_size=25)
ERRORS = st.dictionaries(
    st.integers(0, 60), st.sampled_from((errno.EIO, errno.ENOSPC, errno.EFBIG)), max_size=4
)


def live(world: World, steps: list[tuple[str, int]]) -> None:
    for step, number in steps:
        match step:
            case "commit":
                world.commit(number)
            case "tick":
                world.tick(number)
            case "replay":
                with suppress(OSError):
                    world.replay_one()
            case "close":
                world.close()
            case "kill":  # the process alone: what it wrote is still there
                world.start()
            case _:  # power
                world.disk.crash()
                world.start()


@given(STEPS, st.integers(0, 120), st.integers(0, 2**32))
def test_power_lost_at_any_call_loses_and_doubles_nothing(
    steps: list[tuple[str, int]], lost_at: int, seed: int
) -> None:
    disk = ModelDisk(seed, lose_power_at=lost_at)
    world = World(disk)
    with suppress(PowerLoss):
        world.start()
        live(world, steps)
    disk.crash()
    world.start()
    world.check()


@given(STEPS, st.lists(st.integers(0, 25), max_size=4), st.integers(0, 2**32))
def test_power_lost_again_and_again_during_recovery_changes_nothing(
    steps: list[tuple[str, int]], lost_at: list[int], seed: int
) -> None:
    disk = ModelDisk(seed)
    world = World(disk)
    world.start()
    live(world, steps)
    for calls in lost_at:
        disk.crash()
        disk.lose_power_at = disk.calls + calls
        with suppress(PowerLoss):
            world.start()
    disk.crash()
    world.start()
    world.check()


def failing(seed: int, errors: dict[int, int]) -> World:
    """Open a spool on a disk that will fail at those calls."""
    world = World(ModelDisk(seed))
    world.start()
    world.disk.errors = {world.disk.calls + call: error for call, error in errors.items()}
    return world


@given(STEPS, ERRORS, st.integers(0, 2**32))
@example([("commit", 1)], {1: errno.ENOSPC, 2: errno.EIO}, 0)
def test_a_disk_that_fails_at_any_call_loses_and_doubles_nothing(
    steps: list[tuple[str, int]], errors: dict[int, int], seed: int
) -> None:
    world = failing(seed, errors)
    disk = world.disk
    with suppress(OSError):  # of a start, which is then no start
        live(world, steps)
    disk.errors = {}
    world.start()
    world.check()


@given(STEPS, ERRORS, st.integers(0, 100), st.integers(0, 2**32))
def test_a_disk_that_fails_and_then_loses_power_loses_and_doubles_nothing(
    steps: list[tuple[str, int]], errors: dict[int, int], lost_at: int, seed: int
) -> None:
    world = failing(seed, errors)
    disk = world.disk
    disk.lose_power_at = disk.calls + lost_at
    with suppress(OSError, PowerLoss):
        live(world, steps)
    disk.crash()
    world.start()
    world.check()


@given(STEPS, ERRORS, st.integers(0, 2**32))
def test_what_is_read_while_the_process_lives_is_what_was_acknowledged(
    steps: list[tuple[str, int]], errors: dict[int, int], seed: int
) -> None:
    world = failing(seed, errors)
    disk = world.disk
    live(world, [step for step in steps if step[0] in ("commit", "tick")])
    disk.errors = {}
    world.tick(20)
    while world.sealed:
        world.replay_one()
    assert world.read == sorted(world.acknowledged)
    assert not any(name.endswith(".bad") for name in disk.names(FOLDERS.quarantine))


@given(STEPS, ERRORS, st.integers(0, 2**32))
def test_every_byte_of_the_files_is_counted(
    steps: list[tuple[str, int]], errors: dict[int, int], seed: int
) -> None:
    world = failing(seed, errors)
    for step in steps:
        if step[0] in ("commit", "tick"):
            live(world, [step])
            assert world.grown == world.in_files()


@given(STEPS, st.integers(0, 2**32))
def test_what_is_sealed_is_whole_whatever_happens_then(
    steps: list[tuple[str, int]], seed: int
) -> None:
    world = World(ModelDisk(seed))
    world.start()
    live(world, steps)
    sealed = {segment.path for segment in world.sealed}
    world.disk.crash()
    files = world.disk.files()
    assert sealed <= set(files)
    assert all(scan(files[path]).whole for path in sealed)


@given(STEPS, ERRORS, st.integers(0, 2**32))
def test_a_disk_that_fails_leaves_no_gaps(
    steps: list[tuple[str, int]], errors: dict[int, int], seed: int
) -> None:
    world = failing(seed, errors)
    disk = world.disk
    live(world, [step for step in steps if step[0] in ("commit", "tick")])
    disk.crash()
    assert recover(disk, FOLDERS.slot, Quarantine(disk, FOLDERS.quarantine)).gaps == 0


def test_the_judge_of_all_this_would_see_a_loss() -> None:
    world = World(ModelDisk())
    world.start()
    world.commit(3)
    world.tick(20)
    world.disk.unlink(world.sealed[0].path)
    with pytest.raises(AssertionError, match="lost"):
        world.check()
