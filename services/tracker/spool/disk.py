"""The few calls to a file system that the spool makes, so that a model of a disk that loses power can stand in for it.

All may block: none is for the event loop. All raise OSError. `tests/contracts/test_disk.py` says what both keep.
"""

import errno
import fcntl
import os
from pathlib import Path
from typing import Final, Protocol

FILE_MODE: Final = 0o600
FOLDER_MODE: Final = 0o700
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


class File(Protocol):
    """A file open to be appended to."""

    def append(self, data: bytes) -> None:
        """Write at the end, with one call; that it took only a part is an error."""
        ...

    def sync_data(self) -> None:
        """Return once the content is on the disk. After an error this file must not be written or synced again."""
        ...

    def sync(self) -> None:
        """Return once the content and all that is known of the file is on the disk; else as `sync_data`."""
        ...

    def close(self) -> None:
        """Let go of it, which makes nothing durable."""
        ...


class Lock(Protocol):
    """A lock that is held until it is released or the process ends, however it ends."""

    def release(self) -> None:
        """Let others have it."""
        ...


class Disk(Protocol):
    """A file system; names are durable only once their folder was synced."""

    def create(self, path: Path) -> File:
        """Make a new file that only its owner may read; FileExistsError if there is one."""
        ...

    def read(self, path: Path, start: int = 0, end: int | None = None) -> bytes:
        """Return the bytes from `start` up to `end`, or as many as there are."""
        ...

    def size(self, path: Path) -> int:
        """Return how many bytes it has."""
        ...

    def allocate(self, path: Path, size: int) -> None:
        """Make a new file that takes so much of the disk; leaves none behind when there is no room."""
        ...

    def rename(self, old: Path, new: Path) -> None:
        """Give a file another name, also in another folder; at no moment it has none or both."""
        ...

    def unlink(self, path: Path) -> None:
        """Remove a file."""
        ...

    def names(self, folder: Path) -> list[str]:
        """Return what is in a folder, in no order; FileNotFoundError if there is no such folder."""
        ...

    def make_folder(self, folder: Path) -> None:
        """Make a folder that only its owner may enter, and those above it, if it is not there yet."""
        ...

    def sync_folder(self, folder: Path) -> None:
        """Return once the names in a folder are on the disk."""
        ...

    def lock(self, path: Path) -> Lock | None:
        """Take the lock that goes with a file, which is made if need be; None while another has it."""
        ...


class OsDisk:
    """The file system of this machine."""

    def create(self, path: Path) -> File:
        """Make a new file."""
        return _OsFile(path)

    def read(self, path: Path, start: int = 0, end: int | None = None) -> bytes:
        """Return bytes of a file."""
        with path.open("rb") as file:
            file.seek(start)
            return file.read() if end is None else file.read(max(0, end - start))

    def size(self, path: Path) -> int:
        """Return how many bytes it has."""
        return path.stat().st_size

    def allocate(self, path: Path, size: int) -> None:
        """Make a new file of that size."""
        made = os.open(path, _NEW, FILE_MODE)
        try:
            os.posix_fallocate(made, 0, size)
            os.fsync(made)
        except OSError:
            path.unlink()
            raise
        finally:
            os.close(made)

    def rename(self, old: Path, new: Path) -> None:
        """Give a file another name."""
        old.rename(new)

    def unlink(self, path: Path) -> None:
        """Remove a file."""
        path.unlink()

    def names(self, folder: Path) -> list[str]:
        """Return what is in a folder."""
        return os.listdir(folder)

    def make_folder(self, folder: Path) -> None:
        """Make a folder if it is not there yet."""
        missing = [each for each in (folder, *folder.parents) if not each.exists()]
        for each in reversed(missing):
            each.mkdir(FOLDER_MODE, exist_ok=True)

    def sync_folder(self, folder: Path) -> None:
        """Make the names in a folder durable."""
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)

    def lock(self, path: Path) -> Lock | None:
        """Take a lock."""
        opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(opened)
            return None
        except OSError:
            os.close(opened)
            raise
        return _OsLock(opened)


class _OsFile:
    def __init__(self, path: Path) -> None:
        self._file = os.open(path, _NEW | os.O_APPEND, FILE_MODE)

    def append(self, data: bytes) -> None:
        written = os.write(self._file, data)
        if written != len(data):
            # A full disk or a limit on files takes a part first and says what it is the next time.
            os.write(self._file, data[written:])
            raise OSError(errno.EIO, "short write")

    def sync_data(self) -> None:
        os.fdatasync(self._file)

    def sync(self) -> None:
        os.fsync(self._file)

    def close(self) -> None:
        os.close(self._file)


class _OsLock:
    def __init__(self, opened: int) -> None:
        self._opened = opened

    def release(self) -> None:
        os.close(self._opened)
