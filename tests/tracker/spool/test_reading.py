import errno
from dataclasses import replace
from pathlib import Path

import pytest

from services.tracker.spool import form, reading
from services.tracker.spool.growing import Sealed
from services.tracker.spool.quarantine import Quarantine
from services.tracker.spool.reading import Backlog, Reading
from services.tracker.spool.recovery import inspect
from tests.support.model_disk import ModelDisk
from tests.tracker.spool.given import FIRST_SEQ, WALL_MS, WRITER, a_segment
from tests.tracker.spool.world import FOLDERS, number_of

PATH = FOLDERS.slot / f"{form.name_of(FIRST_SEQ, WRITER)}.seg"


def a_disk(data: bytes) -> tuple[ModelDisk, Sealed]:
    disk = ModelDisk()
    disk.write_now(PATH, data)
    disk.make_folder(FOLDERS.quarantine)
    disk.make_folder(FOLDERS.expired)
    return disk, inspect(disk, PATH)


def opened(disk: ModelDisk, segment: Sealed) -> Reading:
    return Reading(disk, segment, Quarantine(disk, FOLDERS.quarantine))


def test_batches_are_whole_blocks_of_some_hundred_records_in_order() -> None:
    data, _ = a_segment(300, 300, 5, 700, 1)
    reader = opened(*a_disk(data))
    batches = []
    while batch := reader.next():
        batches.append(batch)
    assert [len(batch) for batch in batches] == [600, 705, 1]
    everything = [each for batch in batches for each in batch]
    assert [number_of(each.entry.key) for each in everything] == list(range(1306))
    assert [each.filtered for each in everything] == [
        filtered
        for size, filtered in ((300, True), (300, False), (5, True), (700, False), (1, True))
        for _ in range(size)
    ]
    assert reader.damaged == 0
    assert reader.next() == []


def test_a_record_of_an_intact_block_that_is_no_event_is_put_aside_and_the_others_are_read() -> (
    None
):
    good, _ = a_segment(1, sealed=False)
    block = form.encode_block([b"no event", b"none either"], FIRST_SEQ + 1, WALL_MS, 0)
    end, _ = a_segment(1)
    last = form.encode_block(
        form.records_of(end, a_segment(1)[1][0]), FIRST_SEQ + 3, WALL_MS, form.UNFILTERED
    )
    disk, segment = a_disk(good + block + last)
    assert segment.records == 4
    reader = opened(disk, segment)
    assert [number_of(each.entry.key) for each in reader.next()] == [0, 0]
    assert (reader.damaged, reader.quarantined, reader.corrupt_bytes) == (2, 1, len(block))
    kept = [data for path, data in disk.files().items() if path.parent == FOLDERS.quarantine]
    assert kept == [block]


def test_a_segment_is_read_no_further_than_it_was_safe() -> None:
    data, blocks = a_segment(2, 2)
    disk, segment = a_disk(data[: blocks[1].end])
    limited = replace(segment, length=blocks[0].end, records=2)
    reader = opened(disk, limited)
    assert len(reader.next()) == 2
    assert reader.next() == []
    assert (reader.damaged, reader.quarantined) == (0, 0)


def test_what_was_replayed_is_removed_for_good() -> None:
    disk, segment = a_disk(a_segment(1)[0])
    reading.remove(disk, segment)
    disk.crash()
    assert disk.names(FOLDERS.slot) == []


def test_what_is_too_old_is_moved_for_good() -> None:
    disk, segment = a_disk(a_segment(1)[0])
    disk.sync_folder(FOLDERS.root)
    reading.expire(disk, segment, FOLDERS.expired)
    disk.crash()
    assert disk.names(FOLDERS.slot) == []
    assert disk.names(FOLDERS.expired) == [PATH.name]


def test_a_disk_that_does_not_give_it_says_so() -> None:
    disk, segment = a_disk(a_segment(1)[0])
    disk.unlink(PATH)
    with pytest.raises(OSError, match="no such file") as raised:
        opened(disk, segment)
    assert raised.value.errno == errno.ENOENT


def test_the_backlog_gives_the_oldest_first_whatever_comes_when() -> None:
    def sealed(number: int) -> Sealed:
        name = f"{form.name_of(number, WRITER)}.seg"
        times = {"created_ms": 0, "oldest_ms": 0, "newest_ms": 0}
        sizes = {"size": 1, "length": 1, "records": number, "next_seq": 2 * number}
        return Sealed(path=Path(name), first_seq=number, shares=b"", **times, **sizes)

    backlog = Backlog()
    assert backlog.first() is None
    for number in (3, 1, 2):
        backlog.add(sealed(number))
    assert (len(backlog), backlog.records) == (3, 6)
    assert backlog.first() == sealed(1)
    backlog.remove(sealed(1))
    assert (backlog.first(), backlog.records) == (sealed(2), 5)
    backlog.set_aside(sealed(2))
    assert (backlog.first(), backlog.records, len(backlog)) == (sealed(3), 5, 1)
    with pytest.raises(ValueError, match="not in list"):
        backlog.remove(sealed(1))
