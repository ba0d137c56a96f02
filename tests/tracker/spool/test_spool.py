"""The whole of it, over a real disk."""

import errno
import stat
from pathlib import Path

import pytest

from services.runtime.clock import Deadline
from services.runtime.errors import Fatal
from services.tracker.entry import Where
from services.tracker.spool.bounds import Refusal
from tests.support.clock import ManualClock
from tests.support.eventually import eventually
from tests.tracker.spool.given import Remembering, a_spool, an_entry, drained, entries_of, put

DAY = 86_400.0


def files(folder: Path) -> dict[str, int]:
    """Return the size of each file, by its name within the folder."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.stat().st_size for path in found}


def segments(folder: Path) -> dict[str, int]:
    """The same, of segments alone."""
    found = files(folder).items()
    return {name: size for name, size in found if name.endswith((".seg", ".open"))}


async def test_what_is_put_is_safe_and_comes_out_in_order_after_a_restart(tmp_path: Path) -> None:
    entries = [an_entry(number) for number in range(300)]
    async with a_spool(tmp_path) as spool:
        assert set(await put(spool, entries[:200])) == {Where.SPOOL}
        assert set(await put(spool, entries[200:])) == {Where.SPOOL}
        assert spool.account.waiting == spool.account.taken == 300
        assert spool.account.balanced
    async with a_spool(tmp_path) as spool:
        assert spool.account.recovered == spool.account.waiting == 300
        assert entries_of(await drained(spool)) == entries
        assert spool.account.replayed == 300
        assert (spool.account.waiting, spool.account.bounds.bytes) == (0, 0)
        assert dict(spool.account.bounds.tenants) == {}
        assert spool.account.balanced
    assert files(tmp_path) == {"worker-0/ballast": 65_536, "worker-0/lock": 0}


async def test_what_came_in_unjudged_is_told_apart(tmp_path: Path) -> None:
    async with a_spool(tmp_path) as spool:
        waiter = Remembering()
        spool.put(an_entry(1), waiter, filtered=False)
        await put(spool, [an_entry(2)])
    async with a_spool(tmp_path) as spool:
        spooled = await drained(spool)
    assert [(each.entry, each.filtered) for each in spooled] == [
        (an_entry(1), False),
        (an_entry(2), True),
    ]


async def test_an_idle_segment_is_sealed_when_its_age_comes(tmp_path: Path) -> None:
    async with a_spool(tmp_path, segment_seconds=0.05) as spool:
        await put(spool, [an_entry(1)])
        await eventually(lambda: len(spool.account.backlog) == 1)
        assert spool.account.open_ms is None
        assert entries_of(await drained(spool)) == [an_entry(1)]


async def test_files_grow_to_their_size_and_no_further(tmp_path: Path) -> None:
    async with a_spool(tmp_path, segment_bytes=4096) as spool:
        for number in range(40):
            await put(spool, [an_entry(number)])
        sizes = segments(tmp_path)
        assert len(sizes) == len(spool.account.backlog) + 1 > 3
        assert max(sizes.values()) < 4096 + 200  # the footer comes on top
        assert spool.account.bounds.bytes == sum(sizes.values())
        assert spool.account.balanced


async def test_a_full_spool_refuses_and_keeps_what_it_has(tmp_path: Path) -> None:
    entries = [an_entry(number, text="x" * 60_000) for number in range(30)]
    async with a_spool(tmp_path, pending_bytes=10**7) as spool:
        told = await put(spool, entries)
        kept = told.count(Where.SPOOL)
        assert told == [Where.SPOOL] * kept + [Where.NOWHERE] * (30 - kept)
        assert 10 < kept < 30
        assert spool.account.refused[Refusal.FULL] == 30 - kept
        assert spool.account.bounds.bytes <= spool.account.bounds.bytes_allowed
        assert spool.problem() == "spool: full"
        assert not spool.dead
    async with a_spool(tmp_path) as spool:
        assert entries_of(await drained(spool)) == entries[:kept]
        assert spool.problem() is None
        assert await put(spool, [an_entry(99)]) == [Where.SPOOL]


async def test_a_hot_tenant_fills_its_share_and_nobody_elses(tmp_path: Path) -> None:
    hot = [an_entry(number, "hot", text="x" * 10_000) for number in range(95)]
    async with a_spool(tmp_path, tenant_percent=25) as spool:
        told = await put(spool, hot)
        assert told.count(Where.SPOOL) == 262_144 // 10_500 or 20 < told.count(Where.SPOOL) < 27
        assert spool.account.refused[Refusal.TENANT_SHARE] == told.count(Where.NOWHERE)
        others = [an_entry(100 + number, f"t{number}") for number in range(5)]
        assert set(await put(spool, others)) == {Where.SPOOL}
        assert spool.problem() is None


async def test_more_than_may_lie_in_memory_is_refused(tmp_path: Path) -> None:
    entries = [an_entry(number, text="x" * 10_000) for number in range(10)]
    async with a_spool(tmp_path, pending_bytes=50_000) as spool:
        told = await put(spool, entries)
        assert told == [Where.SPOOL] * 4 + [Where.NOWHERE] * 6
        assert spool.account.refused[Refusal.BACKLOG] == 6


async def test_what_is_no_event_is_refused(tmp_path: Path) -> None:
    async with a_spool(tmp_path) as spool:
        strange = an_entry(1)._replace(headers=(("x-strange", b"1"),))
        assert await put(spool, [strange]) == [Where.NOWHERE]
        assert spool.account.refused[Refusal.MALFORMED] == 1


async def test_the_second_taker_of_a_slot_refuses(tmp_path: Path) -> None:
    async with a_spool(tmp_path):
        with pytest.raises(Fatal, match="another process has the slot worker-0"):
            async with a_spool(tmp_path):
                pass
        async with a_spool(tmp_path, "worker-1") as other:
            assert await put(other, [an_entry(1)]) == [Where.SPOOL]


async def test_a_folder_that_cannot_be_used_is_fatal(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Fatal, match=errno.errorcode[errno.ENOTDIR]):
        async with a_spool(tmp_path / "file"):
            pass


async def test_nothing_is_taken_before_and_after(tmp_path: Path) -> None:
    async with a_spool(tmp_path) as spool:
        assert spool.problem() is None
    assert spool.problem() == "spool: closed"
    assert await put(spool, [an_entry(1)]) == [Where.NOWHERE]
    assert spool.account.refused[Refusal.CLOSED] == 1


async def test_closing_makes_safe_what_was_taken(tmp_path: Path) -> None:
    clock = ManualClock()
    async with a_spool(tmp_path) as spool:
        waiters = [Remembering() for _ in range(10)]
        for number, waiter in enumerate(waiters):
            spool.put(an_entry(number), waiter)
        await spool.close(Deadline.after(clock, 20))
        assert [waiter.where for waiter in waiters] == [Where.SPOOL] * 10
    assert [Path(name).suffix for name in segments(tmp_path)] == [".seg"]


async def test_an_orphaned_slot_is_adopted_once(tmp_path: Path) -> None:
    entries = [an_entry(number) for number in range(20)]
    async with a_spool(tmp_path, "worker-3") as gone:
        await put(gone, entries)
    async with a_spool(tmp_path, "worker-1") as one, a_spool(tmp_path, "worker-2") as two:
        assert (one.account.adopted, two.account.adopted) == (1, 0)
        assert one.account.recovered == one.account.waiting == 20
        # its own process comes back and is not in anybody's way
        async with a_spool(tmp_path, "worker-3") as back:
            assert back.account.recovered == 0
        assert entries_of(await drained(one)) == entries
        assert one.account.balanced


async def test_what_is_too_old_is_put_aside_and_counted(tmp_path: Path) -> None:
    clock = ManualClock()
    async with a_spool(tmp_path, clock=clock, max_age_seconds=DAY) as spool:
        await put(spool, [an_entry(1), an_entry(2)])
    clock.advance(DAY - 1)
    async with a_spool(tmp_path, clock=clock, max_age_seconds=DAY) as spool:
        await put(spool, [an_entry(3)])
        assert spool.oldest_seconds() == DAY - 1
        clock.advance(2)
    async with a_spool(tmp_path, clock=clock, max_age_seconds=DAY) as spool:
        assert entries_of(await drained(spool)) == [an_entry(3)]
        assert (spool.account.expired, spool.account.replayed) == (2, 1)
        assert spool.account.balanced
    assert [Path(name).parent.name for name in segments(tmp_path)] == ["expired"]


async def test_only_the_owner_may_read(tmp_path: Path) -> None:
    async with a_spool(tmp_path / "spool") as spool:
        await put(spool, [an_entry(1)])
    for path in (tmp_path / "spool", *(tmp_path / "spool").rglob("*")):
        allowed = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == allowed, path


async def test_the_time_of_each_sync_is_told(tmp_path: Path) -> None:
    seconds: list[float] = []
    async with a_spool(tmp_path, observe=seconds.append) as spool:
        await put(spool, [an_entry(1)])
        await put(spool, [an_entry(2)])
        assert len(seconds) == spool.account.commits == 2
