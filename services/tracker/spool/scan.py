"""What of a segment's bytes can be believed. Never makes up a record, and never drops one of an intact block."""

from collections.abc import Iterable
from typing import NamedTuple
from zlib import crc32

from services.tracker.spool import form
from services.tracker.spool.form import Block, Footer, Header


class Range(NamedTuple):
    """Bytes from `start` up to `end`."""

    start: int
    end: int

    @property
    def size(self) -> int:
        """How many they are."""
        return self.end - self.start


class Scanned(NamedTuple):
    """A segment as it was found."""

    header: Header | None
    blocks: tuple[Block, ...]
    """Those that are intact, in order; no sequence number stands in two of them."""
    bad: tuple[Range, ...]
    """All other bytes, in order."""
    footer: Footer | None
    """There if the segment is sealed: then these are its last bytes."""
    size: int
    good: int
    """Where the last intact part ends; what follows was torn, or is being written."""
    missing: int
    """How many records lay in damaged ranges, as far as the numbers around them tell."""

    @property
    def records(self) -> int:
        """How many records are intact."""
        return sum(block.records for block in self.blocks)

    @property
    def torn(self) -> Range:
        """The bytes after the last intact part."""
        return Range(self.good, self.size)

    @property
    def damaged(self) -> tuple[Range, ...]:
        """Bad ranges with something intact behind them, which no crash explains."""
        return tuple(each for each in self.bad if each.end <= self.good)

    @property
    def next_seq(self) -> int | None:
        """The number after the last one seen; None if none was."""
        if self.footer is not None:
            return self.footer.next_seq
        if self.blocks:
            return self.blocks[-1].first_seq + self.blocks[-1].records
        return None if self.header is None else self.header.first_seq

    @property
    def whole(self) -> bool:
        """Whether it is sealed and all is there that was sealed."""
        if self.footer is None or self.bad:
            return False
        return (self.footer.records, self.footer.crc) == (self.records, crc_of(self.blocks))


def crc_of(blocks: Iterable[Block]) -> int:
    """Return the checksum of the blocks' checksums."""
    return crc32(b"".join(block.crc.to_bytes(4, "big") for block in blocks))


def scan(data: bytes) -> Scanned:
    """Find the intact parts; behind a damaged one they go on with the next that is intact."""
    header = form.decode_header(data)
    good = position = 0 if header is None else form.HEADER_BYTES
    blocks: list[Block] = []
    bad: list[Range] = []
    footer = None
    missing = 0
    expected = None if header is None else header.first_seq
    while position < len(data):
        part = _next(data, position, expected or 0)
        if part is None:
            bad.append(Range(position, len(data)))
            break
        if part.start > position:
            bad.append(Range(position, part.start))
        if expected is not None:
            missing += part.first_seq - expected
        footer = None if part.records else form.decode_footer(data, part)
        if part.records:
            blocks.append(part)
        good = position = part.end
        expected = part.first_seq + part.records
    if good < len(data):
        footer = None
    return Scanned(header, tuple(blocks), tuple(bad), footer, len(data), good, missing)


def _next(data: bytes, start: int, least: int) -> Block | None:
    """Return the first intact part from here on whose number is not one that was there before."""
    while start >= 0:
        part = form.block_at(data, start)
        if part is not None and part.first_seq >= least:
            return part
        start = data.find(form.MAGIC, start + 1)
    return None
