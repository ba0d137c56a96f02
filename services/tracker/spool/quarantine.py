"""Where damaged bytes are kept for an operator, so that a segment can be replayed and removed without them."""

from contextlib import suppress
from pathlib import Path
from typing import Final

from services.tracker.spool import form
from services.tracker.spool.disk import Disk
from services.tracker.spool.scan import Range

DAMAGED: Final = "bad"
TORN: Final = "torn"


class Quarantine:
    """A folder of damaged ranges; each is kept once, however often it is met. Calls block and raise OSError."""

    def __init__(self, disk: Disk, folder: Path) -> None:
        self._disk: Final = disk
        self.folder: Final = folder

    def keep(self, segment: Path, where: Range, data: bytes, kind: str = DAMAGED) -> bool:
        """Keep these bytes of a segment, durably; False if they are kept already."""
        name = f"{segment.stem}-{where.start}-{where.end}.{kind}"
        if name in self._disk.names(self.folder):
            return False
        part = self.folder / (name + form.PART_SUFFIX)
        with suppress(FileNotFoundError):  # left by a crash
            self._disk.unlink(part)
        file = self._disk.create(part)
        try:
            file.append(data[where.start : where.end])
            file.sync()
        finally:
            file.close()
        self._disk.rename(part, self.folder / name)
        self._disk.sync_folder(self.folder)
        return True
