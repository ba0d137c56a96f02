"""What is to be replayed: segments, oldest first; records, block by block; and what becomes of a segment in the end."""

from bisect import insort
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from services.runtime.errors import Poison
from services.runtime.log import get_logger
from services.tracker.entry import Entry
from services.tracker.spool import form, records
from services.tracker.spool.disk import Disk
from services.tracker.spool.form import Block
from services.tracker.spool.growing import Sealed
from services.tracker.spool.quarantine import Quarantine
from services.tracker.spool.scan import Range, scan

log = get_logger(__name__)

_BATCH_RECORDS: Final = 512


class Spooled(NamedTuple):
    """An event out of the spool."""

    entry: Entry
    filtered: bool
    """Whether it was known who refuses when it came in; if not it is judged now, before it is produced."""


class Backlog:
    """The segments that wait to be replayed, in the order in which they were begun."""

    def __init__(self) -> None:
        self._segments: Final[list[Sealed]] = []
        self.records = 0
        """How many records wait in them."""

    def __len__(self) -> int:
        return len(self._segments)

    def first(self) -> Sealed | None:
        """Return the oldest."""
        return self._segments[0] if self._segments else None

    def add(self, segment: Sealed) -> None:
        """Take one in."""
        insort(self._segments, segment, key=_order)
        self.records += segment.records

    def remove(self, segment: Sealed) -> None:
        """Take one out; ValueError if it is not in."""
        self._segments.remove(segment)
        self.records -= segment.records

    def set_aside(self, segment: Sealed) -> None:
        """Pass one over from now on, which stays counted as waiting."""
        self._segments.remove(segment)


class Reading:
    """The records of one segment, of which all bytes are in memory while it is read. Calls block."""

    def __init__(self, disk: Disk, segment: Sealed, quarantine: Quarantine) -> None:
        """Read it and put its damaged ranges aside; raises OSError."""
        self.segment: Final = segment
        self.quarantined = 0
        self.corrupt_bytes = 0
        self.damaged = 0
        """How many of its records are not what was written; known once all are read."""
        self._quarantine: Final = quarantine
        self._data: Final = disk.read(segment.path, 0, segment.length)
        scanned = scan(self._data)
        for each in scanned.bad:
            self._put_aside(each)
        self.damaged = max(0, segment.records - scanned.records)
        self._blocks: Final = iter(scanned.blocks)

    def next(self) -> list[Spooled]:
        """Return some records more, in their order; none when all were read."""
        batch: list[Spooled] = []
        for block in self._blocks:
            batch += self._records(block)
            if len(batch) >= _BATCH_RECORDS:
                break
        return batch

    def _records(self, block: Block) -> Iterator[Spooled]:
        filtered = not block.flags & form.UNFILTERED
        try:
            packed = form.records_of(self._data, block)
        except Poison:
            self._put_aside(Range(block.start, block.end))
            self.damaged += block.records
            return
        for each in packed:
            try:
                entry = records.unpack(each)
            except Poison:
                self._put_aside(Range(block.start, block.end))
                self.damaged += 1
            else:
                yield Spooled(entry, filtered)

    def _put_aside(self, each: Range) -> None:
        if self._quarantine.keep(self.segment.path, each, self._data):
            self.quarantined += 1
            self.corrupt_bytes += each.size
            log.error("spool_segment_damaged", segment=self.segment.path.name, bytes=each.size)


def remove(disk: Disk, segment: Sealed) -> None:
    """Remove a segment that was replayed, durably; raises OSError."""
    disk.unlink(segment.path)
    disk.sync_folder(segment.path.parent)


def expire(disk: Disk, segment: Sealed, folder: Path) -> None:
    """Move a segment that is too old into a folder, durably; raises OSError."""
    disk.rename(segment.path, folder / segment.path.name)
    disk.sync_folder(folder)
    disk.sync_folder(segment.path.parent)


def _order(segment: Sealed) -> tuple[int, str]:
    return segment.first_seq, segment.path.name
