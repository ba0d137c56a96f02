"""How the bytes of a segment are written and read: header, blocks of records, footer. `docs/spool.md` shows them.

All numbers are big-endian. A checksum covers everything before it in its part, and of a block the payload as well.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from struct import Struct
from typing import Final, NamedTuple
from zlib import crc32

from schemas.identity import Tenant
from services.runtime.errors import Poison

MAGIC: Final = b"\xb1\x0c\x5e\xed"
"""How a block begins. No record can hold it: a record is JSON, where neither 0xB1 0x0C nor a bare 0x0C may stand."""
MAX_BLOCK_BYTES: Final = 512 * 1024
MAX_BLOCK_RECORDS: Final = 65_535
UNFILTERED: Final = 0x0001
"""The settings were not known: whoever replays this block judges its events first."""
SEALED: Final = 0x8000
"""A footer, not a block of records."""
OPEN_SUFFIX: Final = ".open"
SEALED_SUFFIX: Final = ".seg"
PART_SUFFIX: Final = ".part"
"""Of a file that is worth nothing until it is renamed."""

_SIGNATURE: Final = b"EESPOOL1"
_HEADER: Final = Struct(">8sQQ16sI")
_BLOCK: Final = Struct(">4sIHHQQI")
_LENGTH: Final = Struct(">I")
_TOTALS: Final = Struct(">QIQQI")
_AMOUNT: Final = Struct(">Q")
HEADER_BYTES: Final = _HEADER.size
BLOCK_BYTES: Final = _BLOCK.size
"""What a block takes beside its payload."""
LENGTH_BYTES: Final = _LENGTH.size
"""What a record takes beside its own bytes."""
WRITER_BYTES: Final = 16
_SUM: Final = BLOCK_BYTES - 4
_NAME: Final = re.compile(r"(\d{20})-([0-9a-f]{8})(\.open|\.seg)", re.ASCII)


class Header(NamedTuple):
    """What a segment begins with."""

    first_seq: int
    created_ms: int
    writer: bytes
    """Random; all segments of one writer have it, and their numbers follow each other without a gap."""


class Block(NamedTuple):
    """Where in a segment an intact block of records lies."""

    start: int
    end: int
    first_seq: int
    wall_ms: int
    records: int
    flags: int
    crc: int


class Footer(NamedTuple):
    """What a sealed segment ends with."""

    next_seq: int
    records: int
    crc: int
    """The checksum of the blocks' checksums, one after the other."""
    oldest_ms: int
    newest_ms: int
    shares: bytes
    """How many bytes the records of each tenant take; see `read_shares`."""


class Name(NamedTuple):
    """What a segment's file name says."""

    first_seq: int
    writer: str
    """The first half of the writer's first 8 bytes, in hexadecimal."""
    sealed: bool


def name_of(first_seq: int, writer: bytes) -> str:
    """Return the name of a segment's file, without its suffix."""
    return f"{first_seq:020d}-{writer[:4].hex()}"


def parse_name(name: str) -> Name | None:
    """Read a file's name; None if it is not that of a segment."""
    found = _NAME.fullmatch(name)
    return Name(int(found[1]), found[2], found[3] == SEALED_SUFFIX) if found else None


def encode_header(header: Header) -> bytes:
    """Write a header."""
    bare = _HEADER.pack(_SIGNATURE, *header, 0)[:-4]
    return bare + crc32(bare).to_bytes(4, "big")


def decode_header(data: bytes) -> Header | None:
    """Read the header of a segment; None if it is damaged."""
    if len(data) < HEADER_BYTES:
        return None
    signature, first_seq, created_ms, writer, crc = _HEADER.unpack_from(data)
    if signature != _SIGNATURE or crc32(data[: HEADER_BYTES - 4]) != crc:
        return None
    return Header(first_seq, created_ms, writer)


def encode_block(records: Sequence[bytes], first_seq: int, wall_ms: int, flags: int) -> bytes:
    """Write a block of records: at most MAX_BLOCK_RECORDS."""
    parts: list[bytes] = []
    length = _LENGTH.pack
    for record in records:
        parts += (length(len(record)), record)
    return _encode(b"".join(parts), len(records), flags, first_seq, wall_ms)


def encode_footer(footer: Footer) -> bytes:
    """Write a footer."""
    size = BLOCK_BYTES + _TOTALS.size + len(footer.shares) + LENGTH_BYTES
    count = 0 if not footer.shares else _count(footer.shares)
    totals = _TOTALS.pack(footer.records, footer.crc, footer.oldest_ms, footer.newest_ms, count)
    payload = totals + footer.shares + _LENGTH.pack(size)
    return _encode(payload, 0, SEALED, footer.next_seq, footer.newest_ms)


def crc_of(block: bytes) -> int:
    """Return the checksum that stands in an encoded block."""
    return int.from_bytes(block[_SUM:BLOCK_BYTES], "big")


def block_at(data: bytes, start: int) -> Block | None:
    """Read where a block or footer lies that begins here; None if none does that is intact."""
    if start + BLOCK_BYTES > len(data):
        return None
    magic, length, count, flags, first_seq, wall_ms, crc = _BLOCK.unpack_from(data, start)
    end = start + BLOCK_BYTES + length
    if magic != MAGIC or end > len(data):
        return None
    payload = memoryview(data)[start + BLOCK_BYTES : end]
    if crc32(payload, crc32(data[start : start + _SUM])) != crc:
        return None
    if flags & ~UNFILTERED if count else flags != SEALED:
        return None  # of a version to come
    return Block(start, end, first_seq, wall_ms, count, flags, crc)


def records_of(data: bytes, block: Block) -> list[bytes]:
    """Return the records of an intact block; raises Poison if they do not fill it, which its writer is to blame for."""
    records = []
    at = block.start + BLOCK_BYTES
    for _ in range(block.records):
        if at + LENGTH_BYTES > block.end:
            raise Poison("unreadable_block")
        start = at + LENGTH_BYTES
        at = start + _LENGTH.unpack_from(data, at)[0]
        records.append(data[start:at])
    if at != block.end:
        raise Poison("unreadable_block")
    return records


def decode_footer(data: bytes, block: Block) -> Footer | None:
    """Read a footer where one was found; None if it is not one of this version."""
    payload = data[block.start + BLOCK_BYTES : block.end]
    if len(payload) < _TOTALS.size + LENGTH_BYTES:
        return None
    records, crc, oldest_ms, newest_ms, _ = _TOTALS.unpack_from(payload)
    shares = payload[_TOTALS.size : -LENGTH_BYTES]
    return Footer(block.first_seq, records, crc, oldest_ms, newest_ms, shares)


def footer_bytes(end: bytes) -> int:
    """Return how long the footer is that ends with these bytes, if it is one."""
    return _LENGTH.unpack(end[-LENGTH_BYTES:])[0] if len(end) >= LENGTH_BYTES else 0


def write_shares(shares: Mapping[Tenant, int]) -> bytes:
    """Write how many bytes each tenant's records take."""
    return b"".join(
        bytes((len(tenant),)) + tenant.encode("ascii") + _AMOUNT.pack(size)
        for tenant, size in shares.items()
    )


def read_shares(shares: bytes) -> dict[Tenant, int]:
    """Read what `write_shares` wrote."""
    return dict(_each_share(shares))


def _each_share(shares: bytes) -> Iterable[tuple[Tenant, int]]:
    at = 0
    while at < len(shares):
        name = at + 1
        amount = name + shares[at]
        at = amount + _AMOUNT.size
        yield Tenant(shares[name:amount].decode("ascii")), _AMOUNT.unpack_from(shares, amount)[0]


def _count(shares: bytes) -> int:
    return sum(1 for _ in _each_share(shares))


def _encode(payload: bytes, count: int, flags: int, first_seq: int, wall_ms: int) -> bytes:
    bare = _BLOCK.pack(MAGIC, len(payload), count, flags, first_seq, wall_ms, 0)[:-4]
    return b"".join((bare, crc32(payload, crc32(bare)).to_bytes(4, "big"), payload))
