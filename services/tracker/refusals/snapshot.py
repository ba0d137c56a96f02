"""Refusals on the disk, beside the spool: one file for all processes of a node, mapped by each of them.

Layout, in the machine's own byte order: a head of 128 bytes (magic, version, its own CRC-32, next offset, when it was
read and written, the last record folded, CRC-32 of the rest, count of keys, bytes of names), the sorted keys of 64 bits
each, the names of tenants that have engagement off, one a line. A file is never changed, only replaced: written under
another name, fsynced, renamed, its folder fsynced. Nothing in it names a person.
"""

import fcntl
import mmap
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from struct import Struct
from typing import BinaryIO, Final, NamedTuple
from zlib import crc32

from schemas import identity
from schemas.errors import BadIdentity
from schemas.identity import Tenant
from services.tracker.refusals.fold import Mark, State
from services.tracker.refusals.table import KEY_BYTES, Frozen

NAME: Final = "refusals"
LOCK: Final = "refusals.lock"
VERSION: Final = 1
HEAD_BYTES: Final = 128
# read as a number, so that a machine with the other byte order takes it for a foreign file
_MAGIC: Final = int.from_bytes(b"inklREF\x01", "little")
_ORDER: Final = sys.byteorder
_HEAD: Final = Struct("=QIIqqqqqIIQQ")
_CHUNK_BYTES: Final = 1 << 20
_NO_MARK: Final = Mark(-1, 0, 0)


class Unusable(Exception):
    """A snapshot that is not to be believed; the text says why, in a word fit for a log."""


class Head(NamedTuple):
    """What a snapshot says of itself."""

    next_offset: int
    read_at: int
    written_at: int
    mark: Mark | None
    crc: int
    keys: int
    name_bytes: int

    def size(self) -> int:
        """Return how many bytes the whole file must have."""
        return HEAD_BYTES + self.keys * KEY_BYTES + self.name_bytes


class Snapshot(NamedTuple):
    """A snapshot as it was read; its keys are a mapping of the file."""

    state: State
    head: Head


def pack_head(head: Head) -> bytes:
    """Write a head with the checksum of itself."""
    mark = head.mark or _NO_MARK
    rest = (head.next_offset, head.read_at, head.written_at, *mark)
    sizes = (head.crc, head.keys, head.name_bytes)
    bare = _HEAD.pack(_MAGIC, VERSION, 0, *rest, *sizes).ljust(HEAD_BYTES, b"\0")
    return bare[:12] + crc32(bare).to_bytes(4, _ORDER) + bare[16:]


def unpack_head(raw: bytes) -> Head:
    """Read a head; raises `Unusable`."""
    if len(raw) < HEAD_BYTES:
        raise Unusable("cut_short")
    magic, version, crc, *rest = _HEAD.unpack_from(raw)
    if magic != _MAGIC:
        raise Unusable("foreign")
    if crc32(raw[:12] + b"\0\0\0\0" + raw[16:HEAD_BYTES]) != crc:
        raise Unusable("damaged_head")
    if version != VERSION:
        raise Unusable("unknown_version")
    next_offset, read_at, written_at, offset, timestamp_ms, mark_crc, *sizes = rest
    mark = None if offset < 0 else Mark(offset, timestamp_ms, mark_crc)
    return Head(next_offset, read_at, written_at, mark, *sizes)


def peek(folder: Path) -> Head | None:
    """Read the head alone; None if there is no snapshot or none whose head is whole. Raises OSError."""
    try:
        with (folder / NAME).open("rb") as file:
            return unpack_head(file.read(HEAD_BYTES))
    except (FileNotFoundError, Unusable):
        return None


def load(folder: Path) -> Snapshot | None:
    """Verify and map the snapshot; None if there is none. Raises `Unusable`, or OSError where it cannot be read."""
    with suppress(FileNotFoundError), (folder / NAME).open("rb") as file:
        return _load(file)
    return None


def write(folder: Path, state: State, at: int) -> bool:
    """Put a state in the place of whatever snapshot there is; return False while another process is writing.

    Takes seconds on a slow disk: not for the event loop. Raises OSError; what was there then stays.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _lock(folder) as ours:
        if not ours:
            return False
        for left_over in folder.glob(f"{NAME}-*"):
            left_over.unlink()
        _write(folder, state, at)
        return True


def _load(file: BinaryIO) -> Snapshot:
    head = unpack_head(file.read(HEAD_BYTES))
    if os.fstat(file.fileno()).st_size != head.size():
        raise Unusable("other_length")
    # Read, not looked at through the mapping: a disk that fails answers with an error, not with SIGBUS.
    crc = 0
    while chunk := file.read(_CHUNK_BYTES):
        crc = crc32(chunk, crc)
    if crc != head.crc:
        raise Unusable("damaged")
    file.seek(-head.name_bytes, os.SEEK_END)
    off = _tenants(file.read())
    mapped = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    keys = mapped[HEAD_BYTES : HEAD_BYTES + head.keys * KEY_BYTES].cast("Q")
    state = State(Frozen(keys, {}, off), head.next_offset, head.mark, head.read_at)
    return Snapshot(state, head)


def _tenants(names: bytes) -> frozenset[Tenant]:
    try:
        return frozenset(map(identity.tenant, names.decode("ascii", "replace").splitlines()))
    except BadIdentity:
        raise Unusable("bad_name") from None


def _write(folder: Path, state: State, at: int) -> None:
    keys = state.frozen.merged()
    names = "".join(f"{name}\n" for name in sorted(state.frozen.off)).encode("ascii")
    crc = crc32(names, crc32(keys))
    sizes = (crc, len(keys), len(names))
    head = Head(state.next_offset, state.read_at, at, state.mark, *sizes)
    # 0600, as mkstemp makes it
    descriptor, temporary = tempfile.mkstemp(prefix=f"{NAME}-", dir=folder)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pack_head(head))
        file.write(keys)
        file.write(names)
        file.flush()
        os.fsync(file.fileno())
    Path(temporary).replace(folder / NAME)
    _sync(folder)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _lock(folder: Path) -> Iterator[bool]:
    """Yield whether this process, and no other, may write now; a killed one's lock goes with it."""
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)
