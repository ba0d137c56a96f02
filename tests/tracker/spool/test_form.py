import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.identity import Tenant
from services.runtime.errors import Poison
from services.tracker.spool import form
from services.tracker.spool.form import Block, Footer, Header

U32, U64 = st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1)
RECORDS = st.lists(st.binary(max_size=200), min_size=1, max_size=20)
TENANTS = st.text("az09-", min_size=1, max_size=32).map(Tenant)
HEADER = Header(7, 1_769_852_400_123, bytes(range(16)))


@given(U64, U64, st.binary(min_size=16, max_size=16))
def test_a_header_says_what_was_written(first_seq: int, created_ms: int, writer: bytes) -> None:
    header = Header(first_seq, created_ms, writer)
    written = form.encode_header(header)
    assert len(written) == form.HEADER_BYTES
    assert form.decode_header(written + b"more") == header


def test_a_header_with_any_bit_flipped_or_cut_is_none() -> None:
    written = form.encode_header(HEADER)
    for bit in range(len(written) * 8):
        damaged = bytearray(written)
        damaged[bit // 8] ^= 1 << bit % 8
        assert form.decode_header(bytes(damaged)) is None
    for length in range(len(written)):
        assert form.decode_header(written[:length]) is None


@given(RECORDS, U64, U64, st.sampled_from((0, form.UNFILTERED)), st.binary(max_size=50))
def test_a_block_says_what_was_written(
    records: list[bytes], first_seq: int, wall_ms: int, flags: int, before: bytes
) -> None:
    written = form.encode_block(records, first_seq, wall_ms, flags)
    start, end = len(before), len(before) + len(written)
    data = before + written + b"more"
    block = form.block_at(data, start)
    assert block == Block(start, end, first_seq, wall_ms, len(records), flags, form.crc_of(written))
    assert form.records_of(data, block) == records


def test_a_block_of_as_many_records_as_may_be() -> None:
    records = [b"%d" % number for number in range(form.MAX_BLOCK_RECORDS)]
    written = form.encode_block(records, 1, 2, 0)
    block = form.block_at(written, 0)
    assert block is not None
    assert form.records_of(written, block) == records


@given(U64, U64, U32, U64, U64, st.dictionaries(TENANTS, U64, max_size=5))
def test_a_footer_says_what_was_written(
    next_seq: int, records: int, crc: int, oldest: int, newest: int, shares: dict[Tenant, int]
) -> None:
    footer = Footer(next_seq, records, crc, oldest, newest, form.write_shares(shares))
    written = form.encode_footer(footer)
    block = form.block_at(written, 0)
    assert block is not None
    assert form.decode_footer(written, block) == footer
    assert form.read_shares(footer.shares) == shares
    assert form.footer_bytes(b"before" + written) == len(written)


def test_what_a_version_to_come_may_write_is_not_understood() -> None:
    known = form.encode_block([b"x"], 1, 2, 0)
    assert form.block_at(known, 0) is not None
    for flags in (0x0002, 0x4000, form.SEALED):
        assert form.block_at(form.encode_block([b"x"], 1, 2, flags), 0) is None
    assert form.block_at(form.encode_block([], 1, 2, 0), 0) is None


def test_records_that_do_not_fill_their_block_are_poison() -> None:
    packed = form.encode_block([b"abc"], 1, 2, 0)
    block = form.block_at(packed, 0)
    assert block is not None
    for wrong in (
        block._replace(records=2),
        block._replace(records=0),
        block._replace(end=block.end - 1),
    ):
        with pytest.raises(Poison, match="unreadable_block"):
            form.records_of(packed, wrong)


@given(st.integers(0, 10**20 - 1), st.binary(min_size=16, max_size=16))
def test_a_name_says_where_its_segment_belongs(first_seq: int, writer: bytes) -> None:
    name = form.name_of(first_seq, writer)
    assert form.parse_name(name + ".open") == (first_seq, writer[:4].hex(), False)
    assert form.parse_name(name + ".seg") == (first_seq, writer[:4].hex(), True)


def test_other_names_are_none_of_ours() -> None:
    for name in ("lock", "ballast", "1-0a0b0c0d.seg", f"{1:020d}-0a0b0c0d.seg.part", ""):
        assert form.parse_name(name) is None


def test_the_form_on_the_disk_stays_what_it_is() -> None:
    """Segments of an older version lie on disks: these bytes may be added to, never changed."""
    shares = form.write_shares({Tenant("demo"): 9})
    assert form.encode_header(HEADER).hex(" ", -8) == (
        "454553504f4f4c31 0000000000000007 0000019c136c71fb 0001020304050607 "
        "08090a0b0c0d0e0f 9213733e"
    )
    assert form.encode_block([b"hello"], 7, 1_769_852_400_123, 1).hex(" ", -8) == (
        "b10c5eed00000009 0001000100000000 000000070000019c 136c71fb04cde5f7 0000000568656c6c 6f"
    )
    assert form.encode_footer(Footer(8, 1, 2, 3, 4, shares)).hex(" ", -8) == (
        "b10c5eed00000031 0000800000000000 0000000800000000 00000004f623ede5 "
        "0000000000000001 0000000200000000 0000000300000000 0000000400000001 "
        "0464656d6f000000 0000000009000000 51"
    )
