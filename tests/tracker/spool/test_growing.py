from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from schemas.identity import Tenant
from services.tracker.spool import form
from services.tracker.spool.growing import Growing, Record, encode
from services.tracker.spool.scan import scan
from tests.support.model_disk import ModelDisk

WALL_MS = 1_769_852_400_000
RECORDS = st.lists(
    st.builds(
        Record,
        packed=st.binary(max_size=20),
        tenant=st.sampled_from(("a", "b")).map(Tenant),
        filtered=st.booleans(),
    ),
    min_size=1,
    max_size=20,
)


@given(RECORDS)
def test_records_keep_their_order_and_their_flag(records: list[Record]) -> None:
    group = encode(records, 7, WALL_MS)
    scanned = scan(group.data)
    assert scanned.bad == ()
    found = [
        (packed, not block.flags & form.UNFILTERED)
        for block in scanned.blocks
        for packed in form.records_of(group.data, block)
    ]
    assert found == [(record.packed, record.filtered) for record in records]
    assert scanned.blocks[0].first_seq == 7
    assert scanned.next_seq == 7 + len(records)
    assert scanned.missing == 0


def test_a_block_is_no_larger_than_may_be() -> None:
    records = [Record(b"x" * 200_000, Tenant("a"), True) for _ in range(5)]
    blocks = encode(records, 0, WALL_MS).blocks
    assert [len(block) for block in blocks] == [400_040, 400_040, 200_036]
    assert max(map(len, blocks)) <= form.MAX_BLOCK_BYTES + form.BLOCK_BYTES
    alone = encode([Record(b"x" * 600_000, Tenant("a"), True)], 0, WALL_MS)
    assert len(alone.blocks) == 1


def test_a_block_holds_no_more_records_than_may_be() -> None:
    records = [Record(b"", Tenant("a"), True)] * (form.MAX_BLOCK_RECORDS + 1)
    counts = [block.records for block in scan(encode(records, 0, WALL_MS).data).blocks]
    assert counts == [form.MAX_BLOCK_RECORDS, 1]


@given(st.lists(RECORDS, min_size=1, max_size=5))
def test_its_footer_says_what_it_holds(groups: list[list[Record]]) -> None:
    disk = ModelDisk()
    disk.make_folder(Path("/spool"))
    path = Path("/spool/a.open")
    growing = Growing(path, disk.create(path), 7, WALL_MS, form.HEADER_BYTES)
    data = form.encode_header(form.Header(7, WALL_MS, bytes(16)))
    seq = 7
    for number, records in enumerate(groups):
        group = encode(records, seq, WALL_MS + number)
        growing.take(group, float(number))
        data += group.data
        seq += len(records)
    assert growing.size == len(data)
    assert growing.since == 0.0
    scanned = scan(data + form.encode_footer(growing.footer()))
    assert scanned.whole
    sealed = growing.sealed(path, 12_345)
    assert (sealed.records, sealed.next_seq) == (scanned.records, scanned.next_seq)
    assert (sealed.oldest_ms, sealed.newest_ms) == (WALL_MS, WALL_MS + len(groups) - 1)
    assert (sealed.size, sealed.length) == (12_345, len(data))
    each = [record for records in groups for record in records]
    assert form.read_shares(sealed.shares) == {
        tenant: sum(record.size for record in each if record.tenant == tenant)
        for tenant in {record.tenant for record in each}
    }


def test_a_clock_that_runs_backwards_makes_it_no_younger() -> None:
    disk = ModelDisk()
    disk.make_folder(Path("/spool"))
    growing = Growing(Path("/spool/a"), disk.create(Path("/spool/a")), 0, WALL_MS, 0)
    record = Record(b"x", Tenant("a"), True)
    growing.take(encode([record], 0, WALL_MS), 1.0)
    growing.take(encode([record], 1, WALL_MS - 3_600_000), 2.0)
    assert (growing.oldest_ms, growing.newest_ms) == (WALL_MS - 3_600_000, WALL_MS)
