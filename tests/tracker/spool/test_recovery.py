"""What is found after a crash, over every cut and every flipped bit (E3, E4)."""

import errno
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

from services.tracker.spool import form
from services.tracker.spool.growing import Sealed
from services.tracker.spool.quarantine import Quarantine
from services.tracker.spool.reading import Reading
from services.tracker.spool.recovery import Found, inspect, recover
from services.tracker.spool.scan import scan
from tests.support.model_disk import ModelDisk
from tests.tracker.spool.given import FIRST_SEQ, WALL_MS, WRITER, a_segment, flipped
from tests.tracker.spool.world import FOLDERS, number_of

NAME = form.name_of(FIRST_SEQ, WRITER)
OPEN = FOLDERS.slot / f"{NAME}.open"
SEALED = FOLDERS.slot / f"{NAME}.seg"
SIZES = (1, 2, 1)
COUNT = 4
WHOLE, BLOCKS = a_segment(*SIZES)
GROWING, _ = a_segment(*SIZES, sealed=False)
NUMBERS = [[0], [1, 2], [3]]


@dataclass(slots=True)
class Outcome:
    """What recovery and reading made of a segment."""

    found: Found
    numbers: list[int] = field(default_factory=list)
    damaged: int = 0
    disk: ModelDisk = field(default_factory=ModelDisk)

    def kept(self, suffix: str) -> list[bytes]:
        """Return what lies in quarantine."""
        files = self.disk.files().items()
        return [
            data
            for path, data in files
            if path.parent == FOLDERS.quarantine and path.suffix == suffix
        ]


def a_disk(**files: bytes) -> ModelDisk:
    disk = ModelDisk()
    for name, data in files.items():
        disk.write_now({"open": OPEN, "sealed": SEALED}[name], data)
    disk.make_folder(FOLDERS.quarantine)
    disk.make_folder(FOLDERS.slot)
    return disk


def recovered(disk: ModelDisk) -> Outcome:
    quarantine = Quarantine(disk, FOLDERS.quarantine)
    outcome = Outcome(recover(disk, FOLDERS.slot, quarantine), disk=disk)
    for segment in outcome.found.segments:
        opened = Reading(disk, segment, quarantine)
        while batch := opened.next():
            outcome.numbers += [number_of(each.entry.key) for each in batch]
        outcome.damaged += opened.damaged
    return outcome


def numbers_of(kept: list[form.Block]) -> list[int]:
    return [number for block in kept for number in NUMBERS[BLOCKS.index(block)]]


@pytest.mark.parametrize("zeros", [0, 1, 600])
def test_an_open_segment_cut_anywhere_is_sealed_with_what_was_whole(zeros: int) -> None:
    for length in range(len(GROWING) + 1):
        disk = a_disk(open=GROWING[:length] + bytes(zeros))
        outcome = recovered(disk)
        kept = [block for block in BLOCKS if block.end <= length]
        assert outcome.numbers == numbers_of(kept)
        assert outcome.damaged == outcome.found.damaged == 0
        assert outcome.found.corrupt_bytes == 0
        assert len(outcome.found.segments) == bool(kept)
        ends = [0, *(block.end for block in BLOCKS)]
        torn = length + zeros - max(end for end in ends if end <= length)
        without = torn - form.HEADER_BYTES if not kept and length >= form.HEADER_BYTES else torn
        assert outcome.found.torn_bytes == without
        # a second time there is nothing to do
        before = disk.files()
        again = recovered(disk)
        assert again.numbers == outcome.numbers
        assert disk.files() == before
        if kept:
            assert scan(before[SEALED]).whole
        assert OPEN not in before


def test_a_torn_end_is_kept_unless_it_says_nothing() -> None:
    assert recovered(a_disk(open=GROWING[:-5])).kept(".torn") == [GROWING[BLOCKS[2].start : -5]]
    zeros = recovered(a_disk(open=GROWING + bytes(100)))
    assert (zeros.kept(".torn"), zeros.found.torn_bytes) == ([], 100)


def test_an_open_segment_with_any_bit_flipped_loses_the_block_it_is_in_and_no_other() -> None:
    for bit in range(len(GROWING) * 8):
        disk = a_disk(open=flipped(GROWING, bit))
        outcome = recovered(disk)
        found = outcome.found
        untouched = [each for each in BLOCKS if not each.start <= bit // 8 < each.end]
        assert outcome.numbers == numbers_of(untouched)
        header_hit = bit // 8 < form.HEADER_BYTES
        last_hit = BLOCKS[-1] not in untouched
        # the last one looks like a torn end, and is kept like one
        assert len(outcome.kept(".torn")) == last_hit
        assert len(outcome.kept(".bad")) == found.quarantined == (not last_hit)
        assert found.damaged == (0 if header_hit or last_hit else COUNT - len(outcome.numbers))
        before = disk.files()
        again = recovered(disk)
        assert again.numbers == outcome.numbers
        assert disk.files() == before
        assert (again.found.quarantined, again.found.corrupt_bytes) == (0, 0)


def test_a_sealed_segment_with_any_bit_flipped_loses_the_block_it_is_in_and_no_other() -> None:
    for bit in range(len(WHOLE) * 8):
        data = flipped(WHOLE, bit)
        outcome = recovered(a_disk(sealed=data))
        untouched = [each for each in BLOCKS if not each.start <= bit // 8 < each.end]
        assert outcome.numbers == numbers_of(untouched)
        assert outcome.damaged == COUNT - len(outcome.numbers)
        # all of the damaged part, so that nothing of it is gone when the segment is removed
        parts = [0, form.HEADER_BYTES, *(block.end for block in BLOCKS), len(WHOLE)]
        start, end = next(each for each in pairwise(parts) if each[1] > bit // 8)
        assert outcome.kept(".bad") == [data[start:end]]


def test_sealed_segments_are_told_by_their_footer_as_by_their_blocks() -> None:
    disk = a_disk(sealed=WHOLE)
    by_footer = inspect(disk, SEALED)
    assert by_footer == Sealed(
        path=SEALED,
        first_seq=FIRST_SEQ,
        next_seq=FIRST_SEQ + COUNT,
        records=COUNT,
        created_ms=WALL_MS,
        oldest_ms=WALL_MS,
        newest_ms=WALL_MS + 3,
        size=len(WHOLE),
        length=len(WHOLE),
        shares=by_footer.shares,
    )
    disk.write_now(SEALED, flipped(WHOLE, len(WHOLE) * 8 - 1))
    assert inspect(disk, SEALED) == by_footer


@pytest.mark.parametrize("data", [b"", b"\0", b"x" * 1000, GROWING[: form.HEADER_BYTES]])
def test_a_segment_without_a_block_is_gone_or_empty(data: bytes) -> None:
    opened = recovered(a_disk(open=data))
    assert (opened.found.segments, OPEN in opened.disk.files()) == ([], False)
    sealed = recovered(a_disk(sealed=data))
    assert [segment.records for segment in sealed.found.segments] == [0]
    assert sealed.numbers == []


def test_what_the_next_segment_of_a_writer_holds_is_left_to_it() -> None:
    after = FOLDERS.slot / f"{form.name_of(FIRST_SEQ + 3, WRITER)}.open"
    disk = a_disk(open=GROWING)
    disk.write_now(after, b"")
    outcome = recovered(disk)
    assert outcome.numbers == [0, 1, 2]
    assert outcome.kept(".torn") == []


def test_a_recovery_cut_short_is_done_again() -> None:
    disk = a_disk(open=GROWING, sealed=WHOLE)
    disk.write_now(OPEN.with_suffix(".part"), WHOLE[:100])
    outcome = recovered(disk)
    assert outcome.numbers == [0, 1, 2, 3]
    assert disk.names(FOLDERS.slot) == [SEALED.name]


def test_missing_segments_are_noticed_within_a_writer_and_not_between_two() -> None:
    disk = a_disk(sealed=WHOLE)
    for first_seq, writer in ((FIRST_SEQ + COUNT, WRITER), (FIRST_SEQ + 20, b"other" * 4)):
        disk.write_now(FOLDERS.slot / f"{form.name_of(first_seq, writer)}.seg", WHOLE)
    assert recovered(disk).found.gaps == 0
    disk.write_now(FOLDERS.slot / f"{form.name_of(FIRST_SEQ + 2 * COUNT + 1, WRITER)}.seg", WHOLE)
    assert recovered(disk).found.gaps == 1


def test_a_segment_that_cannot_be_read_is_left_where_it_is() -> None:
    class Broken(ModelDisk):
        def read(self, path: Path, start: int = 0, end: int | None = None) -> bytes:
            if path == OPEN:
                raise OSError(errno.EIO, "broken")
            return super().read(path, start, end)

    disk = Broken()
    disk.write_now(OPEN, GROWING)
    disk.write_now(FOLDERS.slot / f"{form.name_of(FIRST_SEQ + COUNT, WRITER)}.seg", WHOLE)
    disk.make_folder(FOLDERS.quarantine)
    outcome = recovered(disk)
    assert (outcome.found.unreadable, outcome.numbers) == (1, [0, 1, 2, 3])
    assert disk.files()[OPEN] == GROWING


def test_an_open_segment_that_cannot_be_sealed_is_read_where_it_stands() -> None:
    disk = a_disk(open=GROWING + b"torn")
    disk.room = disk.used() + len(b"torn") + 10
    outcome = recovered(disk)
    assert outcome.numbers == [0, 1, 2, 3]
    assert outcome.damaged == 0
    (segment,) = outcome.found.segments
    assert (segment.path, segment.length, segment.size) == (OPEN, len(GROWING), len(GROWING) + 4)
