"""What the replay is given, and what becomes of it."""

from pathlib import Path

import pytest

from services.runtime.errors import Transient
from services.tracker.spool.reading import Spooled
from services.tracker.spool.spool import Spool
from tests.support.model_disk import ModelDisk
from tests.tracker.spool.given import a_spool, an_entry, drained, entries_of, flipped, put

FOLDER = Path("/spool")
SLOT = FOLDER / "worker-0"


async def spooled(disk: ModelDisk, *groups: range) -> None:
    """Leave a segment for each group."""
    for numbers in groups:
        async with a_spool(FOLDER, disk=disk) as spool:
            for number in numbers:
                await put(spool, [an_entry(number)])


async def read(spool: Spool) -> list[Spooled]:
    segment = await spool.next_segment()
    assert segment is not None
    return [each async for batch in spool.blocks(segment) for each in batch]


def damage(disk: ModelDisk, number: int, bit: int) -> None:
    """Flip a bit of the oldest but so many segment."""
    path = SLOT / sorted(name for name in disk.names(SLOT) if name.endswith(".seg"))[number]
    disk.write_now(path, flipped(disk.read(path), bit))


async def test_the_oldest_segment_is_the_same_until_it_is_finished() -> None:
    disk = ModelDisk()
    await spooled(disk, range(2), range(2, 4))
    async with a_spool(FOLDER, disk=disk) as spool:
        first = await spool.next_segment()
        assert first is not None
        assert entries_of(await read(spool)) == [an_entry(0), an_entry(1)]
        assert entries_of(await read(spool)) == [an_entry(0), an_entry(1)]
        assert await spool.next_segment() == first
        await spool.finished(first)
        assert entries_of(await read(spool)) == [an_entry(2), an_entry(3)]
        assert spool.account.balanced


async def test_what_is_not_to_be_produced_is_counted_apart() -> None:
    disk = ModelDisk()
    await spooled(disk, range(5))
    async with a_spool(FOLDER, disk=disk) as spool:
        segment = await spool.next_segment()
        assert segment is not None
        await spool.finished(segment, dropped=2)
        assert (spool.account.replayed, spool.account.dropped) == (3, 2)
        assert spool.account.balanced
        assert await spool.next_segment() is None


async def test_damage_is_counted_once_and_put_aside_and_the_rest_is_replayed() -> None:
    disk = ModelDisk()
    await spooled(disk, range(5))
    damage(disk, 0, 8 * 100)  # in the first record
    async with a_spool(FOLDER, disk=disk) as spool:
        assert spool.account.waiting == 5
        await read(spool)
        assert entries_of(await drained(spool)) == [an_entry(number) for number in range(1, 5)]
        account = spool.account
        assert (account.damaged, account.replayed, account.quarantined) == (1, 4, 1)
        assert account.corrupt_bytes > 400
        assert account.balanced
    assert len(disk.names(FOLDER / "quarantine")) == 1


async def test_a_segment_that_cannot_be_read_is_out_of_the_way_and_stays() -> None:
    disk = ModelDisk()
    await spooled(disk, range(2), range(2, 4))
    async with a_spool(FOLDER, disk=disk) as spool:
        segment = await spool.next_segment()
        assert segment is not None
        content = disk.read(segment.path)
        disk.unlink(segment.path)
        with pytest.raises(Transient):
            await read(spool)
        disk.write_now(segment.path, content)
        assert entries_of(await drained(spool)) == [an_entry(2), an_entry(3)]
        assert (spool.account.unreadable, spool.account.waiting) == (1, 2)
        assert spool.account.balanced
        assert spool.account.bounds.bytes == len(content)
    async with a_spool(FOLDER, disk=disk) as spool:
        assert entries_of(await drained(spool)) == [an_entry(0), an_entry(1)]


async def test_a_segment_that_cannot_be_removed_is_replayed_again_after_a_restart() -> None:
    disk = ModelDisk()
    await spooled(disk, range(2))
    async with a_spool(FOLDER, disk=disk) as spool:
        await read(spool)
        segment = await spool.next_segment()
        assert segment is not None
        disk.errors[disk.calls] = 5
        await spool.finished(segment)
        assert await spool.next_segment() is None
        assert spool.account.replayed == 2
    async with a_spool(FOLDER, disk=disk) as spool:
        assert entries_of(await drained(spool)) == [an_entry(0), an_entry(1)]


async def test_one_put_aside_by_hand_is_counted() -> None:
    disk = ModelDisk()
    await spooled(disk, range(2))
    async with a_spool(FOLDER, disk=disk) as spool:
        segment = await spool.next_segment()
        assert segment is not None
        await spool.expire(segment)
        assert await spool.next_segment() is None
        assert spool.account.expired == 2
        assert spool.account.balanced
    assert disk.names(FOLDER / "expired") == [segment.path.name]


async def test_one_that_cannot_be_put_aside_is_out_of_the_way() -> None:
    disk = ModelDisk()
    await spooled(disk, range(2))
    async with a_spool(FOLDER, disk=disk) as spool:
        segment = await spool.next_segment()
        assert segment is not None
        disk.errors[disk.calls] = 5
        await spool.expire(segment)
        assert await spool.next_segment() is None
        assert (spool.account.expired, spool.account.unreadable) == (0, 1)
        assert spool.account.balanced
