"""A segment while it grows: the records it is given, what it holds so far, and what is left to be read in the end."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from schemas.identity import Tenant
from services.tracker.spool import form
from services.tracker.spool.disk import File


class Record(NamedTuple):
    """An event as it is to be written."""

    packed: bytes
    tenant: Tenant
    filtered: bool

    @property
    def size(self) -> int:
        """How many bytes it takes in a block."""
        return len(self.packed) + form.LENGTH_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A segment that grows no more."""

    path: Path
    first_seq: int
    next_seq: int
    records: int
    created_ms: int
    oldest_ms: int
    """When its oldest record was written; its age is that of this record."""
    newest_ms: int
    size: int
    """How many bytes it takes on the disk."""
    length: int
    """Up to where it is to be read; beyond lies what was never acknowledged."""
    shares: bytes
    """How many bytes the records of each tenant take; see `form.read_shares`."""

    def at(self, path: Path) -> "Sealed":
        """Return the same segment in another place."""
        return replace(self, path=path)


class Group(NamedTuple):
    """Records that become safe together."""

    records: Sequence[Record]
    blocks: Sequence[bytes]
    data: bytes
    wall_ms: int


@dataclass(slots=True)
class Growing:
    """The segment that is being written."""

    path: Path
    file: File
    first_seq: int
    created_ms: int
    size: int
    records: int = 0
    oldest_ms: int = 0
    newest_ms: int = 0
    since: float = 0.0
    crc: int = 0
    shares: Counter[Tenant] = field(default_factory=Counter)

    def take(self, group: Group, now: float) -> None:
        """Count records that are safe."""
        if not self.records:
            self.since = now
            self.oldest_ms = group.wall_ms
        self.oldest_ms = min(self.oldest_ms, group.wall_ms)
        self.newest_ms = max(self.newest_ms, group.wall_ms)
        self.records += len(group.records)
        self.size += len(group.data)
        for block in group.blocks:
            self.crc = crc32(form.crc_of(block).to_bytes(4, "big"), self.crc)
        for record in group.records:
            self.shares[record.tenant] += record.size

    def footer(self) -> form.Footer:
        """Return what it is to end with."""
        return form.Footer(
            self.first_seq + self.records,
            self.records,
            self.crc,
            self.oldest_ms,
            self.newest_ms,
            form.write_shares(self.shares),
        )

    def sealed(self, path: Path, size: int) -> Sealed:
        """Return what is to be read of it."""
        return Sealed(
            path=path,
            first_seq=self.first_seq,
            next_seq=self.first_seq + self.records,
            records=self.records,
            created_ms=self.created_ms,
            oldest_ms=self.oldest_ms,
            newest_ms=self.newest_ms,
            size=size,
            length=self.size,
            shares=form.write_shares(self.shares),
        )


def encode(records: Sequence[Record], first_seq: int, wall_ms: int) -> Group:
    """Lay records into blocks."""
    blocks: list[bytes] = []
    seq = first_seq
    for flags, packed in _runs(records):
        blocks.append(form.encode_block(packed, seq, wall_ms, flags))
        seq += len(packed)
    return Group(records, blocks, b"".join(blocks), wall_ms)


def _runs(records: Sequence[Record]) -> Iterator[tuple[int, list[bytes]]]:
    """Divide records into blocks: of one flag, and no larger than may be."""
    for filtered, run in groupby(records, key=attrgetter("filtered")):
        flags = 0 if filtered else form.UNFILTERED
        packed: list[bytes] = []
        size = 0
        for record in run:
            size += record.size
            if packed and (size > form.MAX_BLOCK_BYTES or len(packed) == form.MAX_BLOCK_RECORDS):
                yield flags, packed
                packed, size = [], record.size
            packed.append(record.packed)
        yield flags, packed
