"""What a process left in its folder, made ready for the replay: torn ends cut off, open segments sealed, damage kept.

A block that was torn was never acknowledged. Runs as often as one likes: what is ready it leaves alone. Calls block.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from schemas.identity import Tenant
from services.runtime.errors import Poison
from services.runtime.log import get_logger
from services.tracker.spool import form
from services.tracker.spool.ballast import word
from services.tracker.spool.disk import Disk
from services.tracker.spool.form import Block, Footer
from services.tracker.spool.growing import Sealed
from services.tracker.spool.quarantine import TORN, Quarantine
from services.tracker.spool.records import tenant_of
from services.tracker.spool.scan import Range, Scanned, crc_of, scan

log = get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class Found:
    """What was there."""

    segments: list[Sealed] = field(default_factory=list)
    torn_bytes: int = 0
    """Bytes at the end of open segments that were not, or not wholly, written."""
    corrupt_bytes: int = 0
    """Bytes with something intact behind them that are not what was written."""
    quarantined: int = 0
    """How many ranges of such bytes were put aside."""
    damaged: int = 0
    """How many records lay in them, as far as the numbers around them tell."""
    gaps: int = 0
    """How many times segments are missing between two of one writer."""
    unreadable: int = 0
    """How many segments the disk would not give; they stay where they are."""


def recover(disk: Disk, folder: Path, quarantine: Quarantine) -> Found:
    """Make all segments of a folder ready; raises OSError only if the folder itself cannot be read."""
    found = Found()
    for each in disk.names(folder):
        if each.endswith(form.PART_SUFFIX):  # of a recovery that was cut short
            disk.unlink(folder / each)
    named = _named(disk, folder)
    for number, (path, name) in enumerate(named):
        after = named[number + 1][1] if number + 1 < len(named) else None
        try:
            if name.sealed:
                found.segments.append(inspect(disk, path))
            else:
                limit = (
                    after.first_seq if after is not None and after.writer == name.writer else None
                )
                _Recovery(disk, path, quarantine, found).run(limit)
        except OSError as error:
            found.unreadable += 1
            log.error("spool_segment_unreadable", segment=path.name, reason=word(error))
    found.gaps = _gaps(found.segments)
    return found


def inspect(disk: Disk, path: Path) -> Sealed:
    """Tell from its footer what a sealed segment holds, or from all of it where the footer is damaged."""
    size = disk.size(path)
    length = form.footer_bytes(disk.read(path, max(0, size - form.LENGTH_BYTES)))
    end = disk.read(path, max(0, size - length)) if 0 < length <= size else b""
    part = form.block_at(end, 0)
    footer = None if part is None or part.end != len(end) else form.decode_footer(end, part)
    if footer is None:
        data = disk.read(path)
        scanned = scan(data)
        return _sealed(path, scanned, _footer(data, scanned, scanned.blocks), size)
    head = scan(disk.read(path, 0, form.HEADER_BYTES))
    return _sealed(path, head, footer, size)


class _Recovery:
    """Of one open segment."""

    def __init__(self, disk: Disk, path: Path, quarantine: Quarantine, found: Found) -> None:
        self._disk = disk
        self._path = path
        self._quarantine = quarantine
        self._found = found

    def run(self, limit: int | None) -> None:
        """Seal it. `limit` is the number from which on the next segment of its writer holds the same or more."""
        data = self._disk.read(self._path)
        scanned = scan(data)
        blocks = [each for each in scanned.blocks if limit is None or each.first_seq < limit]
        good = blocks[-1].end if blocks else 0
        ended = len(blocks) == len(scanned.blocks)
        if ended and scanned.footer is not None:
            good = len(data)
        damaged = [each for each in scanned.bad if each.end <= good]
        if damaged:
            self._put_aside(data, damaged)
            self._found.damaged += scanned.missing
        torn = Range(good, len(data))
        if torn.size:
            self._keep_torn(data, torn, superseded=not ended)
        if not blocks:
            self._disk.unlink(self._path)
            self._disk.sync_folder(self._path.parent)
            return
        footer = _footer(data, scanned, blocks)
        try:
            self._found.segments.append(self._seal(data, scanned, blocks, footer))
        except OSError as error:
            # It is read where it stands, as far as it is good.
            log.error("spool_segment_not_sealed", segment=self._path.name, reason=word(error))
            size = self._disk.size(self._path)
            self._found.segments.append(_sealed(self._path, scanned, footer, size, good))

    def _seal(
        self, data: bytes, scanned: Scanned, blocks: Sequence[Block], footer: Footer
    ) -> Sealed:
        """Write what is good to a new file: of this one it is not known whether the disk failed it before."""
        header = data[: form.HEADER_BYTES] if scanned.header else self._header(footer)
        good = (data[block.start : block.end] for block in blocks)
        whole = b"".join((header, *good, form.encode_footer(footer)))
        part = self._path.with_suffix(form.PART_SUFFIX)
        file = self._disk.create(part)
        try:
            file.append(whole)
            file.sync()
        finally:
            file.close()
        path = self._path.with_suffix(form.SEALED_SUFFIX)
        self._disk.rename(part, path)
        self._disk.sync_folder(path.parent)
        self._disk.unlink(self._path)
        self._disk.sync_folder(path.parent)
        return _sealed(path, scanned, footer, len(whole))

    def _header(self, footer: Footer) -> bytes:
        """Write a header in the place of one that is damaged; of the writer only the beginning is known."""
        name = form.parse_name(self._path.name)
        writer = bytes.fromhex(name.writer).ljust(form.WRITER_BYTES, b"\0") if name else b""
        first_seq = name.first_seq if name else 0
        return form.encode_header(form.Header(first_seq, footer.oldest_ms, writer))

    def _put_aside(self, data: bytes, ranges: Sequence[Range]) -> None:
        for each in ranges:
            if self._quarantine.keep(self._path, each, data):
                self._found.quarantined += 1
                self._found.corrupt_bytes += each.size
        log.error("spool_segment_damaged", segment=self._path.name, ranges=len(ranges))

    def _keep_torn(self, data: bytes, torn: Range, *, superseded: bool) -> None:
        """Keep what is cut off if it says anything; it was never acknowledged, unless the disk is to blame."""
        start = form.HEADER_BYTES if torn.start == 0 and form.decode_header(data) else torn.start
        rest = Range(start, torn.end)
        if rest.size <= 0:
            return
        self._found.torn_bytes += rest.size
        if superseded or not data[rest.start : rest.end].strip(b"\0"):
            return
        try:
            self._quarantine.keep(self._path, rest, data, TORN)
        except OSError as error:
            log.warning("spool_torn_end_not_kept", segment=self._path.name, reason=word(error))


def _named(disk: Disk, folder: Path) -> list[tuple[Path, form.Name]]:
    return [
        (folder / each, name)
        for each in sorted(disk.names(folder))
        if (name := form.parse_name(each)) is not None
    ]


def _sealed(
    path: Path, scanned: Scanned, footer: Footer, size: int, length: int | None = None
) -> Sealed:
    name = form.parse_name(path.name)
    return Sealed(
        path=path,
        first_seq=name.first_seq if name else 0,
        next_seq=footer.next_seq,
        records=footer.records,
        created_ms=scanned.header.created_ms if scanned.header else footer.oldest_ms,
        oldest_ms=footer.oldest_ms,
        newest_ms=footer.newest_ms,
        size=size,
        length=size if length is None else length,
        shares=footer.shares,
    )


def _footer(data: bytes, scanned: Scanned, blocks: Sequence[Block]) -> Footer:
    """Return the footer that says what these blocks hold."""
    shares: Counter[Tenant] = Counter()
    for block in blocks:
        try:
            packed = form.records_of(data, block)
        except Poison:  # met again, and put aside, when it is read
            continue
        for each in packed:
            tenant = tenant_of(each)
            if tenant is not None:
                shares[tenant] += len(each) + form.LENGTH_BYTES
    times = [block.wall_ms for block in blocks] or [0]
    last = blocks[-1].first_seq + blocks[-1].records if blocks else scanned.next_seq or 0
    total = sum(block.records for block in blocks)
    written = form.write_shares(shares)
    return Footer(last, total, crc_of(blocks), min(times), max(times), written)


def _gaps(segments: Sequence[Sealed]) -> int:
    """Count the places between two segments of one writer where others must have been."""
    return sum(
        _writer(earlier) == _writer(later) and earlier.next_seq < later.first_seq
        for earlier, later in pairwise(segments)
    )


def _writer(segment: Sealed) -> str | None:
    name = form.parse_name(segment.path.name)
    return name.writer if name else None
