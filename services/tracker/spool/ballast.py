"""A file that holds room on the disk, given back when the disk is full so that what was taken can be finished."""

import errno
from contextlib import suppress
from pathlib import Path
from typing import Final

from services.runtime.log import get_logger
from services.tracker.spool.disk import Disk

log = get_logger(__name__)

BALLAST: Final = "ballast"
BALLAST_BYTES: Final = 64 * 1024 * 1024
NO_SPACE: Final = frozenset((errno.ENOSPC, errno.EDQUOT))
"""Room on the disk helps against these; against EFBIG, the limit of one file, a new file does."""


class Ballast:
    """One file in the spool's folder; calls block."""

    def __init__(self, disk: Disk, folder: Path, size: int) -> None:
        self._disk: Final = disk
        self._folder: Final = folder
        self._path: Final = folder / BALLAST
        self._size = size
        self.there = False
        """Whether there is one."""

    def make(self) -> bool:
        """Take the room if it is not taken yet; False if the disk has none.

        Where it cannot be taken for another reason the spool goes without.
        """
        if self.there or not self._size:
            return True
        try:
            self._allocate()
        except OSError as error:
            if error.errno in NO_SPACE:
                return False
            log.warning("spool_without_ballast", reason=word(error))
            self._size = 0
            return True
        self.there = True
        return True

    def drop(self) -> None:
        """Give the room back, once; nothing happens when it is gone."""
        if not self.there:
            return
        self.there = False
        with suppress(OSError):
            self._disk.unlink(self._path)
            # until then a journal may keep it
            self._disk.sync_folder(self._folder)
        log.warning("spool_ballast_dropped")

    def _allocate(self) -> None:
        try:
            if self._disk.size(self._path) == self._size:  # of the process before
                return
            self._disk.unlink(self._path)
        except FileNotFoundError:
            pass
        self._disk.allocate(self._path, self._size)


def word(error: OSError) -> str:
    """Return what an error of the disk is called, without the path in it."""
    return errno.errorcode.get(error.errno or 0, type(error).__name__)
