"""What the tracker asks of the settings, over real Kafka, without it, and over good and bad disks."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from mmap import mmap
from pathlib import Path

import orjson
import pytest

from schemas.identity import RecipientRef, Tenant
from services.runtime.clock import Clock, SystemClock
from services.runtime.kafka import Outgoing
from services.runtime.leases import Lane
from services.tracker.entry import Entry
from services.tracker.refusals import snapshot
from services.tracker.refusals.keeper import FOLDER, Refusals
from services.tracker.refusals.table import Verdict
from tests.support.clock import START, ManualClock
from tests.support.eventually import eventually
from tests.support.topics import a_topic, produce
from tests.tracker.refusals.given import (
    OTHER,
    REF,
    SECOND,
    TENANT,
    at,
    engagement,
    log_of,
    preference,
)

EXAMPLES = Path(__file__).parents[3] / "schemas" / "examples"
OF_THE_TRACKER = ("message.opened.v1", "link.clicked.v1", "attachment.viewed.v1")
UNREACHABLE = "127.0.0.1:1"
NOBODY = RecipientRef("0000000000000000")


def refusals(
    spool: Path,
    servers: str = UNREACHABLE,
    lane: Lane | None = None,
    clock: Clock | None = None,
    every_seconds: float = 0.0,
) -> Refusals:
    """Make refusals over a folder, by default without Kafka."""
    return Refusals(
        servers=servers,
        client_id="tests",
        spool=spool,
        clock=clock or SystemClock(),
        every_seconds=every_seconds,
        lane=lane or Lane("any", 0),
    )


@asynccontextmanager
async def running(kept: Refusals) -> AsyncIterator[Refusals]:
    """Run it while the context is open."""
    task = asyncio.get_running_loop().create_task(kept.run())
    try:
        yield kept
    finally:
        task.cancel()
        await asyncio.wait([task])


def told(kept: Refusals, *settings: Outgoing) -> Refusals:
    """Have it read such a log to its end, as its follower does."""
    kept._fold.apply(log_of(*settings))
    kept._fold.reached_end(START)
    return kept


def on_disk(spool: Path) -> int | None:
    """Say up to where the snapshot on the disk knows the log."""
    head = snapshot.peek(spool / FOLDER)
    return None if head is None else head.next_offset


async def test_a_refusal_is_honoured_within_a_second_and_after_a_restart_without_kafka(
    kafka_servers: str, tmp_path: Path
) -> None:
    lane = Lane(await a_topic(kafka_servers), 0)
    async with running(refusals(tmp_path, kafka_servers, lane)) as kept:
        await eventually(lambda: kept.known)
        assert kept.records(TENANT, (REF,))
        await produce(kafka_servers, lane, [preference(REF), engagement(False, OTHER)])
        async with asyncio.timeout(1.0):
            await eventually(lambda: not kept.records(OTHER, (REF,)))
        assert kept.judge(TENANT, (REF,)) is Verdict.REFUSED
        assert kept.judge(OTHER, (REF,)) is Verdict.ENGAGEMENT_OFF
        await eventually(lambda: on_disk(tmp_path) == 2)
        assert kept.contact_seconds is not None
    async with running(refusals(tmp_path, UNREACHABLE, lane)) as kept:
        await eventually(lambda: kept.known)
        assert kept.judge(TENANT, (REF,)) is Verdict.REFUSED
        assert kept.judge(OTHER, (REF,)) is Verdict.ENGAGEMENT_OFF
        assert kept.records(TENANT, (SECOND,))
        assert (kept.refusals, kept.tenants_off, kept.next_offset) == (1, 1, 2)
        assert kept.contact_seconds is None
        assert kept.age_seconds is not None
        assert kept.snapshot_seconds is not None
        assert kept.problem() is None


async def test_nothing_is_known_without_kafka_and_snapshot(tmp_path: Path) -> None:
    kept = refusals(tmp_path)
    async with running(kept):
        await eventually(lambda: kept._follower._attempt >= 1)
        await kept.save()
    assert not kept.known
    assert kept.problem() is not None
    assert kept.judge(TENANT, (REF,)) is None
    assert (kept.age_seconds, kept.contact_seconds, kept.snapshot_seconds) == (None, None, None)
    with pytest.raises(ValueError, match="not known"):
        kept.admits(Entry(TENANT, b"", b'{"refs":[]}', ()))
    assert not (tmp_path / FOLDER / snapshot.NAME).exists()


@pytest.mark.parametrize(
    "example", [path for name in OF_THE_TRACKER for path in sorted((EXAMPLES / name).glob("*"))]
)
def test_every_event_of_the_tracker_is_judged_at_its_replay(example: Path, tmp_path: Path) -> None:
    record = orjson.loads(example.read_bytes())
    value, tenant = orjson.dumps(record["value"]), Tenant(record["headers"]["ce_tenant"])
    entry = Entry(tenant, record["key"].encode(), value, ())
    refs = [RecipientRef(ref) for ref in record["value"]["refs"]]
    assert refs
    assert told(refusals(tmp_path), preference(NOBODY, tenant=tenant)).admits(entry)
    for ref in refs:
        kept = told(refusals(tmp_path), preference(ref, tenant=tenant))
        assert kept.judge_entry(entry) is Verdict.REFUSED
    kept = told(refusals(tmp_path), engagement(False, tenant))
    assert kept.judge_entry(entry) is Verdict.ENGAGEMENT_OFF
    assert not kept.admits(entry)


@pytest.mark.parametrize("damage", ["head", "body", "cut", "folder"])
async def test_a_bad_snapshot_is_ignored_counted_and_replaced(damage: str, tmp_path: Path) -> None:
    await told(refusals(tmp_path), preference(REF)).save()
    path = tmp_path / FOLDER / snapshot.NAME
    whole = bytearray(path.read_bytes())
    if damage == "folder":
        path.unlink()
        path.mkdir()
    else:
        whole[8 if damage == "head" else -1] ^= 1
        path.write_bytes(whole[:-1] if damage == "cut" else whole)
    kept = refusals(tmp_path)
    await kept.load()
    assert not kept.known
    assert kept.snapshots_ignored == 1
    if damage == "folder":
        path.rmdir()
    told(kept, preference(REF))
    await kept.save()
    assert kept.snapshots_written == 1
    again = refusals(tmp_path)
    await again.load()
    assert not again.records(TENANT, (REF,))


async def test_it_is_written_when_something_changed_and_not_too_often(tmp_path: Path) -> None:
    clock = ManualClock()
    kept = told(refusals(tmp_path, clock=clock), preference(REF))
    await kept.save(10.0)
    assert kept.snapshots_written == 1
    clock.advance(60)
    await kept.save(10.0)
    assert kept.snapshots_written == 1
    kept._fold.apply([at(1, preference(SECOND))])
    await kept.save(61.0)
    assert kept.snapshots_written == 1
    await kept.save(60.0)
    assert kept.snapshots_written == 2
    assert kept.snapshot_seconds == 0.0
    clock.step(-3600)
    kept._fold.apply([at(2, preference(SECOND))])
    await kept.save(10.0)
    assert kept.snapshots_written == 3


async def test_its_time_is_renewed_once_a_day(tmp_path: Path) -> None:
    kept = told(refusals(tmp_path), preference(REF))
    await kept.save()
    kept._fold.reached_end(START + 86_400 * 1_000_000)
    await kept.save()
    assert kept.snapshots_written == 1
    kept._fold.reached_end(START + 86_401 * 1_000_000)
    await kept.save()
    assert kept.snapshots_written == 2


async def test_one_process_writes_and_the_others_share(tmp_path: Path) -> None:
    log = (preference(REF), preference(SECOND), engagement(False, OTHER))
    writer, reader = told(refusals(tmp_path), *log), told(refusals(tmp_path), *log)
    await writer.save(10.0)
    reader._fold.apply([at(3, preference(NOBODY))])
    await reader.save(10.0)
    assert (writer.snapshots_written, reader.snapshots_written) == (1, 0)
    for kept, changes in ((writer, 0), (reader, 1)):
        assert isinstance(kept._fold.table.freeze().keys.obj, mmap)
        assert kept._fold.table.changes == changes
        assert kept.refusals == 2 + changes
    assert not reader.records(TENANT, (NOBODY,))


async def test_a_snapshot_of_another_log_is_not_shared_but_replaced(tmp_path: Path) -> None:
    await told(refusals(tmp_path), preference(REF), preference(SECOND)).save()
    kept = told(refusals(tmp_path), preference(SECOND))
    await kept.save(60.0)
    assert kept.records(TENANT, (REF,))
    await kept.save()
    after = refusals(tmp_path)
    await after.load()
    assert after.records(TENANT, (REF,))
    assert not after.records(TENANT, (SECOND,))


async def test_a_disk_that_takes_nothing_is_counted_and_tried_again(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_bytes(b"in the way")
    kept = told(refusals(tmp_path), preference(REF))
    await kept.save()
    await kept.save()
    assert (kept.snapshots_written, kept.snapshot_failures) == (0, 2)
    assert not kept.records(TENANT, (REF,))
    (tmp_path / FOLDER).unlink()
    await kept.save()
    assert kept.snapshots_written == 1
