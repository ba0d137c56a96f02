"""Over every cut and every flipped bit: nothing made up, nothing dropped that is intact."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.tracker.spool import form
from services.tracker.spool.form import Block
from services.tracker.spool.scan import Range, Scanned, scan
from tests.tracker.spool.given import FIRST_SEQ, a_segment, flipped

SIZES = (1, 3, 2)
SEALED, BLOCKS = a_segment(*SIZES)
OPEN, _ = a_segment(*SIZES, sealed=False)
FOOTER = Range(len(OPEN), len(SEALED))


def contents(data: bytes, blocks: tuple[Block, ...] | list[Block]) -> list[list[bytes]]:
    return [form.records_of(data, block) for block in blocks]


EVERYTHING = contents(SEALED, BLOCKS)


def covers(scanned: Scanned) -> bool:
    """Tell whether every byte is in one part and in no other."""
    parts = [*((block.start, block.end) for block in scanned.blocks), *scanned.bad]
    if scanned.header is not None:
        parts.append((0, form.HEADER_BYTES))
    if scanned.footer is not None:
        parts.append((max((end for _, end in parts), default=0), scanned.size))
    edges = sorted(parts)
    starts, ends = [start for start, _ in edges], [end for _, end in edges]
    return starts == [0, *ends][: len(starts)] and (not ends or ends[-1] == scanned.size)


def test_an_intact_segment_is_whole() -> None:
    scanned = scan(SEALED)
    assert scanned.blocks == tuple(BLOCKS)
    assert (scanned.bad, scanned.missing, scanned.good) == ((), 0, len(SEALED))
    assert (scanned.records, scanned.next_seq) == (6, FIRST_SEQ + 6)
    assert scanned.whole
    assert covers(scanned)
    growing = scan(OPEN)
    assert growing.blocks == tuple(BLOCKS)
    assert growing.footer is None
    assert not growing.whole


@pytest.mark.parametrize("zeros", [0, 1, 31, 32, 700])
def test_cut_anywhere_what_is_left_is_a_prefix_and_the_end_is_torn(zeros: int) -> None:
    for length in range(len(SEALED)):
        data = SEALED[:length] + bytes(zeros)
        scanned = scan(data)
        kept = [block for block in BLOCKS if block.end <= length]
        assert contents(data, scanned.blocks) == EVERYTHING[: len(kept)]
        assert (scanned.header is not None) == (length >= form.HEADER_BYTES)
        assert (scanned.damaged, scanned.footer, scanned.missing) == ((), None, 0)
        ends = [form.HEADER_BYTES, *(block.end for block in BLOCKS)]
        assert scanned.good == max((end for end in ends if end <= length), default=0)
        assert covers(scanned)


def test_with_any_bit_flipped_only_the_part_it_is_in_is_bad() -> None:
    for bit in range(len(SEALED) * 8):
        data = flipped(SEALED, bit)
        scanned = scan(data)
        untouched = [each for each in BLOCKS if not each.start <= bit // 8 < each.end]
        assert list(scanned.blocks) == untouched
        assert contents(data, scanned.blocks) == contents(SEALED, untouched)
        assert covers(scanned)
        assert not scanned.whole
        assert sum(each.size for each in scanned.bad) > 0
        hit = [each for each in BLOCKS if each not in untouched]
        assert scanned.missing == sum(each.records for each in hit)
        assert scanned.bad == tuple(Range(each.start, each.end) for each in hit) or not hit
        assert (scanned.header is None) == (bit // 8 < form.HEADER_BYTES)
        assert (scanned.footer is None) == (bit // 8 >= FOOTER.start)
        assert (scanned.torn.size > 0) == (bit // 8 >= FOOTER.start)


def test_with_any_two_parts_hit_the_rest_is_there() -> None:
    parts = [Range(0, form.HEADER_BYTES), *(Range(each.start, each.end) for each in BLOCKS), FOOTER]
    for one in parts:
        for two in parts:
            data = flipped(flipped(SEALED, one.start * 8), two.end * 8 - 1)
            bad = {one, two}
            kept = [each for each in BLOCKS if Range(each.start, each.end) not in bad]
            assert contents(data, scan(data).blocks) == contents(SEALED, kept)


@given(st.data())
def test_whatever_is_written_over_it_intact_blocks_are_read_and_no_others(
    data: st.DataObject,
) -> None:
    start = data.draw(st.integers(0, len(SEALED)))
    garbage = data.draw(st.binary(max_size=200) | st.sampled_from((form.MAGIC, b"EESPOOL1")))
    damaged = SEALED[:start] + garbage + SEALED[start + len(garbage) :]
    scanned = scan(damaged)
    touched = Range(start, start + len(garbage))
    untouched = [b for b in BLOCKS if b.end <= touched.start or b.start >= touched.end]
    found = contents(damaged, scanned.blocks)
    assert all(block in scanned.blocks for block in untouched)
    assert all(records in EVERYTHING for records in found)
    assert covers(scanned)


@given(st.lists(st.integers(0, len(BLOCKS) - 1), max_size=6), st.binary(max_size=40))
def test_blocks_that_stand_twice_or_out_of_turn_are_read_once(
    order: list[int], between: bytes
) -> None:
    pieces = [SEALED[BLOCKS[number].start : BLOCKS[number].end] for number in order]
    data = SEALED[: form.HEADER_BYTES] + between.join(pieces)
    found = [block.first_seq for block in scan(data).blocks]
    assert found == sorted(set(found))


@given(st.lists(st.binary(max_size=60) | st.just(form.MAGIC)).map(b"".join))
@example(b"")
def test_of_foreign_bytes_nothing_is_believed(data: bytes) -> None:
    scanned = scan(data)
    assert (scanned.blocks, scanned.footer, scanned.header) == ((), None, None)
    assert scanned.bad == ((Range(0, len(data)),) if data else ())
    assert scanned.next_seq is None


def test_blocks_gone_from_the_middle_are_missed() -> None:
    data = SEALED[: BLOCKS[1].start] + SEALED[BLOCKS[2].start :]
    scanned = scan(data)
    assert (scanned.records, scanned.missing, scanned.bad) == (3, 3, ())
    assert not scanned.whole


def test_bytes_after_the_footer_are_bad() -> None:
    scanned = scan(SEALED + b"more")
    assert scanned.bad == (Range(len(SEALED), len(SEALED) + 4),)
    assert scanned.footer is None
    assert scanned.blocks == tuple(BLOCKS)
