"""The snapshot on the disk: what was written is read, everything else is refused."""

import fcntl
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tracker.refusals import snapshot
from services.tracker.refusals.fold import Fold, Mark, State
from services.tracker.refusals.snapshot import HEAD_BYTES, NAME, Unusable
from services.tracker.refusals.table import Frozen, key_of, merge
from tests.support.clock import START
from tests.tracker.refusals.given import OTHER, REF, SECOND, TENANT, engagement, log_of, preference


def a_state() -> State:
    fold = Fold()
    fold.apply(log_of(preference(REF), preference(SECOND), engagement(False, OTHER)))
    fold.reached_end(START)
    state = fold.state()
    assert state is not None
    return state


def plain(state: State) -> tuple[object, ...]:
    """Show a state so that it can be compared."""
    return (list(state.frozen.merged()), state.frozen.off, *state[1:])


@given(
    st.sets(st.integers(0, 2**64 - 1), max_size=30),
    st.sets(st.sampled_from((TENANT, OTHER))),
    st.integers(0, 2**62),
    st.none() | st.builds(Mark, st.integers(0, 2**62), st.integers(0, 2**62), st.integers(0, 9)),
)
def test_what_was_written_is_read(
    tmp_path_factory: pytest.TempPathFactory,
    keys: set[int],
    off: set[str],
    offset: int,
    mark: Mark | None,
) -> None:
    folder = tmp_path_factory.mktemp("settings")
    array = merge(memoryview(b"").cast("Q"), dict.fromkeys(keys, 1))
    frozen = Frozen(array, dict.fromkeys(sorted(keys)[:3], 0), frozenset(off))  # type: ignore[arg-type]
    state = State(frozen, offset, mark, START)
    assert snapshot.write(folder, state, START + 5)
    found = snapshot.load(folder)
    assert found is not None
    assert plain(found.state) == plain(state)
    assert found.head.written_at == START + 5
    head = snapshot.peek(folder)
    assert head is not None
    assert (head.next_offset, head.mark, head.keys) == (offset, mark, len(frozen.merged()))


def test_none_is_none(tmp_path: Path) -> None:
    assert snapshot.load(tmp_path) is None
    assert snapshot.peek(tmp_path) is None
    assert snapshot.load(tmp_path / "not-there") is None


def test_every_cut_and_every_added_byte_is_refused(tmp_path: Path) -> None:
    snapshot.write(tmp_path, a_state(), START)
    whole = (tmp_path / NAME).read_bytes()
    for length in range(len(whole)):
        (tmp_path / NAME).write_bytes(whole[:length])
        with pytest.raises(Unusable):
            snapshot.load(tmp_path)
    (tmp_path / NAME).write_bytes(whole + b"\0")
    with pytest.raises(Unusable, match="other_length"):
        snapshot.load(tmp_path)


def test_every_flipped_bit_is_refused(tmp_path: Path) -> None:
    snapshot.write(tmp_path, a_state(), START)
    whole = (tmp_path / NAME).read_bytes()
    for bit in range(8 * len(whole)):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        (tmp_path / NAME).write_bytes(flipped)
        with pytest.raises(Unusable):
            snapshot.load(tmp_path)
        assert (snapshot.peek(tmp_path) is None) == (bit < 8 * HEAD_BYTES)


def test_another_version_and_other_files_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / NAME).write_bytes(bytes(4096))
    with pytest.raises(Unusable, match="foreign"):
        snapshot.load(tmp_path)
    monkeypatch.setattr(snapshot, "VERSION", 2)
    snapshot.write(tmp_path, a_state(), START)
    monkeypatch.undo()
    with pytest.raises(Unusable, match="unknown_version"):
        snapshot.load(tmp_path)


def test_nobody_else_may_read_it_and_nothing_is_left_over(tmp_path: Path) -> None:
    folder = tmp_path / "spool" / "settings"
    snapshot.write(folder, a_state(), START)
    (folder / f"{NAME}-killed").write_bytes(b"half")
    snapshot.write(folder, a_state(), START)
    assert sorted(path.name for path in folder.iterdir()) == [NAME, snapshot.LOCK]
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_one_writes_at_a_time(tmp_path: Path) -> None:
    snapshot.write(tmp_path, a_state(), START)
    other = os.open(tmp_path / snapshot.LOCK, os.O_RDWR)
    fcntl.flock(other, fcntl.LOCK_EX)
    assert not snapshot.write(tmp_path, a_state(), START + 1)
    os.close(other)
    assert snapshot.write(tmp_path, a_state(), START + 1)


def test_what_is_mapped_stays_when_the_file_is_replaced(tmp_path: Path) -> None:
    snapshot.write(tmp_path, a_state(), START)
    found = snapshot.load(tmp_path)
    assert found is not None
    empty = a_state()._replace(frozen=Frozen(memoryview(b"").cast("Q"), {}, frozenset()))
    snapshot.write(tmp_path, empty, START)
    assert set(found.state.frozen.keys) == {key_of(TENANT, REF), key_of(TENANT, SECOND)}


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    snapshot.write(tmp_path, a_state(), START)
    (tmp_path / f"{NAME}-folder").mkdir()
    with pytest.raises(OSError, match="directory"):
        snapshot.write(tmp_path, a_state(), START + 9)
    found = snapshot.load(tmp_path)
    assert found is not None
    assert found.head.written_at == START
