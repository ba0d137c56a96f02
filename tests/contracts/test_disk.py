"""What the disk of this machine and the tests' model of one both promise; the model alone can lose power."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from services.tracker.spool.disk import Disk, OsDisk
from tests.support.model_disk import ModelDisk, RuleBroken

LIMIT = 4096


class DiskContract:
    """Collected once for each disk, by its subclasses."""

    @pytest.fixture
    def folder(self, disk: Disk, tmp_path: Path) -> Path:
        folder = tmp_path / "spool" / "worker-0"
        disk.make_folder(folder)
        return folder

    def test_what_is_appended_can_be_read_whole_and_in_part(self, disk: Disk, folder: Path) -> None:
        file = disk.create(folder / "a")
        file.append(b"abc")
        file.append(b"def")
        file.sync_data()
        file.sync()
        file.close()
        assert disk.read(folder / "a") == b"abcdef"
        assert disk.read(folder / "a", 2, 4) == b"cd"
        assert disk.read(folder / "a", 4, 100) == b"ef"
        assert disk.read(folder / "a", 100) == b""
        assert disk.size(folder / "a") == 6

    def test_a_file_is_made_once(self, disk: Disk, folder: Path) -> None:
        disk.create(folder / "a").close()
        with pytest.raises(FileExistsError):
            disk.create(folder / "a")
        with pytest.raises(FileExistsError):
            disk.allocate(folder / "a", 100)

    def test_a_name_goes_to_another_folder_over_one_that_is_there(
        self, disk: Disk, folder: Path
    ) -> None:
        other = folder.parent / "other"
        disk.make_folder(other)
        disk.create(other / "b").close()
        file = disk.create(folder / "a")
        file.append(b"abc")
        file.close()
        disk.rename(folder / "a", other / "b")
        assert disk.names(folder) == []
        assert disk.names(other) == ["b"]
        assert disk.read(other / "b") == b"abc"
        assert sorted(disk.names(folder.parent)) == ["other", "worker-0"]

    def test_what_is_removed_is_gone(self, disk: Disk, folder: Path) -> None:
        disk.create(folder / "a").close()
        disk.unlink(folder / "a")
        disk.sync_folder(folder)
        assert disk.names(folder) == []
        for call in (disk.unlink, disk.read, disk.size):
            with pytest.raises(FileNotFoundError):
                call(folder / "a")
        with pytest.raises(FileNotFoundError):
            disk.rename(folder / "a", folder / "b")

    def test_what_needs_a_folder_that_is_not_there_fails(self, disk: Disk, folder: Path) -> None:
        for call in (disk.names, disk.sync_folder):
            with pytest.raises(FileNotFoundError):
                call(folder / "no")
        for call_on in (disk.create, disk.lock):
            with pytest.raises(FileNotFoundError):
                call_on(folder / "no" / "a")

    def test_a_folder_may_be_made_again_but_not_under_a_file(
        self, disk: Disk, folder: Path
    ) -> None:
        disk.make_folder(folder)
        disk.create(folder / "a").close()
        assert disk.names(folder) == ["a"]
        with pytest.raises(NotADirectoryError):
            disk.make_folder(folder / "a" / "b")

    def test_room_that_is_allocated_is_taken(self, disk: Disk, folder: Path) -> None:
        disk.allocate(folder / "ballast", 10_000)
        assert disk.size(folder / "ballast") == 10_000

    def test_a_lock_is_held_once_until_it_is_released(self, disk: Disk, folder: Path) -> None:
        lock = disk.lock(folder / "lock")
        assert lock is not None
        assert disk.lock(folder / "lock") is None
        other = disk.lock(folder / "other")
        assert other is not None
        lock.release()
        again = disk.lock(folder / "lock")
        assert again is not None
        again.release()
        other.release()
        assert sorted(disk.names(folder)) == ["lock", "other"]


@contextmanager
def _files_limited() -> Iterator[None]:
    """Limit how long any file of this process may be, for one call: the tests' own output may be a file too."""
    resource = pytest.importorskip("resource")
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


class TestOsDisk(DiskContract):
    @pytest.fixture
    def disk(self) -> Disk:
        return OsDisk()

    def test_a_short_write_fails_with_what_is_the_matter(self, disk: Disk, folder: Path) -> None:
        file = disk.create(folder / "a")
        with pytest.raises(OSError) as raised, _files_limited():  # noqa: PT011 the number says which
            file.append(b"x" * (LIMIT + 1))
        assert raised.value.errno == errno.EFBIG
        file.close()
        assert disk.size(folder / "a") == LIMIT

    def test_room_that_is_not_there_leaves_no_file(self, disk: Disk, folder: Path) -> None:
        with pytest.raises(OSError) as raised, _files_limited():  # noqa: PT011 the number says which
            disk.allocate(folder / "ballast", LIMIT + 1)
        assert raised.value.errno == errno.EFBIG
        assert disk.names(folder) == []


class TestModelDisk(DiskContract):
    @pytest.fixture
    def disk(self) -> Disk:
        return ModelDisk()


@pytest.mark.parametrize("seed", range(20))
def test_synced_names_and_bytes_outlive_a_crash_of_the_model(seed: int) -> None:
    disk = ModelDisk(seed)
    folder = Path("/spool")
    disk.make_folder(folder)
    disk.sync_folder(Path("/"))
    file = disk.create(folder / "a")
    file.append(b"x" * 5000)
    file.sync()
    disk.sync_folder(folder)
    file.append(b"y" * 5000)
    disk.create(folder / "b")
    disk.crash()
    content = disk.read(folder / "a")
    assert content[:5000] == b"x" * 5000
    assert set(content[5000:]) <= set(b"y\0")
    assert set(disk.names(folder)) <= {"a", "b"}


def test_a_crash_of_the_model_loses_what_was_not_synced() -> None:
    lengths, names, zeros = set(), set(), set()
    for seed in range(50):
        disk = ModelDisk(seed)
        folder = Path("/spool")
        disk.make_folder(folder)
        disk.sync_folder(Path("/"))
        file = disk.create(folder / "a")
        disk.sync_folder(folder)
        file.append(b"y" * 5000)
        disk.create(folder / "b")
        disk.crash()
        lengths.add(len(disk.read(folder / "a")))
        zeros.add(b"\0" in disk.read(folder / "a"))
        names.add(tuple(sorted(disk.names(folder))))
    assert len(lengths) > 10
    assert zeros == {True, False}
    assert names == {("a",), ("a", "b")}


def test_the_model_does_not_let_a_dead_file_be_used() -> None:
    disk = ModelDisk()
    disk.make_folder(Path("/spool"))
    file = disk.create(Path("/spool/a"))
    disk.errors[disk.calls] = errno.EIO
    with pytest.raises(OSError, match="told to fail"):
        file.sync_data()
    with pytest.raises(RuleBroken):
        file.append(b"x")
    with pytest.raises(RuleBroken):
        file.sync()
