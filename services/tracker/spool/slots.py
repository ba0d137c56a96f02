"""Whose folder is whose: one slot for each process, held by a lock that ends with it.

What a process left behind is adopted by the first other that finds its lock free: under that lock each segment is
renamed into the adopter's own slot, which happens once and holds up nobody for long, also not the process that comes
back to its slot. Calls block and raise OSError.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from services.runtime.log import get_logger
from services.tracker.spool import form, recovery
from services.tracker.spool.ballast import word
from services.tracker.spool.disk import Disk, Lock
from services.tracker.spool.growing import Sealed
from services.tracker.spool.quarantine import Quarantine
from services.tracker.spool.recovery import Found

log = get_logger(__name__)

LOCK: Final = "lock"
QUARANTINE: Final = "quarantine"
EXPIRED: Final = "expired"
_SLOT: Final = re.compile(r"worker-\d{1,6}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Folders:
    """Where everything lies within the folder of the spool."""

    root: Path
    slot: Path

    @property
    def quarantine(self) -> Path:
        """Damaged bytes, of all slots."""
        return self.root / QUARANTINE

    @property
    def expired(self) -> Path:
        """Segments that were too old to be replayed, of all slots."""
        return self.root / EXPIRED


def prepare(disk: Disk, folders: Folders) -> None:
    """Make the folders that are not there yet, durably."""
    disk.make_folder(folders.root)
    disk.sync_folder(folders.root.parent)
    for each in (folders.slot, folders.quarantine, folders.expired):
        disk.make_folder(each)
    disk.sync_folder(folders.root)


def take(disk: Disk, slot: Path) -> Lock | None:
    """Take the lock of a slot; None while another process has it."""
    return disk.lock(slot / LOCK)


@dataclass(slots=True, kw_only=True)
class Adopted:
    """What was taken over, and how it was found."""

    segments: list[Sealed] = field(default_factory=list)
    found: list[Found] = field(default_factory=list)


def adopt(disk: Disk, folders: Folders, allowed: int) -> Adopted:
    """Take over segments of slots that nobody holds, oldest first, no more bytes than there is room for."""
    adopted = Adopted()
    room = allowed
    for slot in _others(disk, folders):
        if not _left(disk, slot):
            continue
        lock = take(disk, slot)
        if lock is None:
            continue
        try:
            _adopt(disk, folders, slot, room, adopted)
        except OSError as error:
            log.error("spool_slot_not_adopted", slot=slot.name, reason=word(error))
        finally:
            lock.release()
        room = allowed - sum(segment.size for segment in adopted.segments)
    return adopted


def _adopt(disk: Disk, folders: Folders, slot: Path, room: int, adopted: Adopted) -> None:
    found = recovery.recover(disk, slot, Quarantine(disk, folders.quarantine))
    adopted.found.append(found)
    moved = 0
    for segment in found.segments:
        room -= segment.size
        if room < 0:
            # What is left comes later, and so does the count of what is missing in it.
            found.gaps = 0
            break
        path = folders.slot / segment.path.name
        disk.rename(segment.path, path)
        # One by one: a failure of the next leaves this one taken over.
        adopted.segments.append(segment.at(path))
        moved += 1
    if moved:
        log.info("spool_slot_adopted", slot=slot.name, segments=moved)
        disk.sync_folder(folders.slot)
        disk.sync_folder(slot)


def _others(disk: Disk, folders: Folders) -> list[Path]:
    return [
        folders.root / name
        for name in sorted(disk.names(folders.root))
        if _SLOT.fullmatch(name) and folders.root / name != folders.slot
    ]


def _left(disk: Disk, slot: Path) -> bool:
    """Tell whether there are segments in a slot."""
    return any(form.parse_name(name) for name in disk.names(slot))
