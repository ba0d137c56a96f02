"""The log itself is wrong: damaged on the broker's disk, cut off at its begin, another one under the same name."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from schemas import topics
from services.runtime.leases import Lane
from tests.faults.folding.feed import Feed, outgoing
from tests.faults.folding.field import Field, a_field
from tests.faults.folding.operating import resume
from tests.faults.folding.story import Ledger, Mail
from tests.faults.folding.topics import delete_records, make_topics, remove_topics
from tests.faults.folding.worker import Worker
from tests.faults.ground import Ground, Row
from tests.faults.rows.contents import is_halted, near
from tests.faults.traffic import lasting
from tests.support.brokers import a_cluster
from tests.support.eventually import eventually
from tests.support.freezing import frozen

_SECONDS = 60.0
_LANE = Lane(topics.EVENTS.name, 0)


@asynccontextmanager
async def _folding(ground: Ground) -> AsyncIterator[tuple[Field, Worker]]:
    """Have a projector that has folded a history up to its end."""
    async with a_field(ground) as field:
        worker = field.worker()
        worker.launch()
        await field.feed.put(field.story.prepared())
        await field.feed.put(field.story.happenings(ground.count(5_000, 400)))
        await worker.until("/readyz")
        await field.probed(worker)
        yield field, worker


async def p06(ground: Ground) -> Row:
    """A batch is damaged on the broker's disk, while others lie there to be read: no other is passed over."""
    async with _folding(ground) as (field, worker):
        log = _segment(ground, _LANE)
        for mended_in_time in (True, False) * ground.count(4, 1):
            with frozen([worker.pid]):
                before = log.stat().st_size
                await field.feed.put(field.story.happenings(ground.count(2_000, 300)))
                place = before + (log.stat().st_size - before) // 2
                _flip(log, place)
                said = worker.log.count("corrupt_record")
            await eventually(lambda: worker.log.count("corrupt_record") > said, _SECONDS)  # noqa: B023
            if not mended_in_time:
                await eventually(lambda: is_halted(worker, _LANE), _SECONDS)
                await field.probed(worker, _elsewhere(field))
            _flip(log, place)
            if not mended_in_time:
                await resume(field, worker, _LANE)
            await field.probed(worker)
        await field.settled(worker)
        return field.row("P6 damaged batch", f"{_LANE}, mended in time and after the halt, in turn")


def _segment(ground: Ground, lane: Lane) -> Path:
    folder = ground.stack.broker._directory / "data" / f"{lane.topic}-{lane.partition}"
    (segment,) = folder.glob("*.log")
    return segment


def _flip(log: Path, place: int) -> None:
    """Turn a byte of a file over; twice, and it is as before."""
    with log.open("r+b") as file:
        file.seek(place)
        byte = file.read(1)
        file.seek(place)
        file.write(bytes([byte[0] ^ 0xFF]))


def _elsewhere(field: Field) -> Sequence[Mail]:
    """Return a mail of each partition but the first."""
    found = {
        topics.partition_of(mail.key, field.story.partitions): mail for mail in field.story.mails
    }
    return [mail for partition, mail in found.items() if partition != _LANE.partition]


async def p16(ground: Ground) -> Row:
    """Kafka deletes what is not folded yet: the partition halts, and goes on where an operator says."""
    async with _folding(ground) as (field, worker):
        await worker.stop()
        among = near(field, _LANE)
        # Nobody will ever see these, so they are in no ledger of ours.
        gone = Feed(field.servers, field.story.partitions, Ledger())
        await gone.put(field.story.happenings(100, among))
        await gone.close()
        cut = await _end(field)
        await field.feed.put(field.story.happenings(ground.count(2_000, 200)))
        reached = (await field.observer.offsets())[_LANE]
        await delete_records(field.servers, {(_LANE.topic, _LANE.partition): cut})
        await worker.start("/livez")
        await eventually(lambda: is_halted(worker, _LANE), _SECONDS)
        await field.probed(worker, _elsewhere(field))
        field.hold((await field.observer.offsets())[_LANE] == reached, "it went on by itself")
        why = (await field.observer.halted())[_LANE]
        await resume(field, worker, _LANE, "--from-start")
        await field.settled(worker)
        return field.row("P16 log cut off", f"{_LANE} from {reached} to {cut}, halted: {why}")


async def _end(field: Field) -> int:
    """Return where the partition ends, as a record tells that is put there and will be deleted."""
    (one,) = field.story.happenings(1, near(field, _LANE))
    feed = Feed(field.servers, field.story.partitions, Ledger())
    try:
        return await feed.raw(_LANE, [outgoing(one)]) + 1
    finally:
        await feed.close()


async def p17(ground: Ground) -> Row:
    """The topic is deleted and made anew, with as many records as before: every partition halts, none is folded on."""
    async with _folding(ground) as (field, worker):
        lanes = [Lane(topics.EVENTS.name, number) for number in range(field.story.partitions)]
        reasons: set[str] = set()
        for running in (False, True) * ground.count(2, 1):
            reached = await field.observer.offsets()
            if not running:
                await worker.stop()
            await remove_topics(field.servers, [topics.EVENTS.name])
            await make_topics(field.servers, field.story.partitions, names=[topics.EVENTS.name])
            await field.feed.close()
            # More than before, so that the offset is one of the new log as well.
            many = 400 + sum(reached[lane] for lane in lanes)
            await field.feed.put(field.story.happenings(many))
            if not running:
                await worker.start("/livez")
            halted = f"{'while it ran' if running else 'while it was away'}"
            try:
                await eventually(lambda: _all_halted(worker, lanes), _SECONDS)
            except TimeoutError:
                field.broken.append(f"made anew {halted}, {await worker.halted()} are halted")
            now = await field.observer.offsets()
            for lane in lanes:
                field.hold(
                    now[lane] == reached[lane], f"made anew {halted}, {lane} went on by itself"
                )
            reasons |= set((await field.observer.halted()).values())
            for lane in lanes:
                await resume(field, worker, lane, "--from-start")
            await field.probed(worker)
        await field.settled(worker)
        return field.row(
            "P17 topic made anew",
            f"with and without a reader, halted: {', '.join(sorted(reasons))}",
        )


async def _all_halted(worker: Worker, lanes: Sequence[Lane]) -> bool:
    return set(lanes) <= await worker.halted()


async def p18(ground: Ground) -> Row:
    """Three brokers, killed in turn by SIGKILL, so that every partition has another leader each time."""
    folder = ground.stack.objects.parent / "cluster-p18"
    cluster = a_cluster(folder, ground.stack.processes)
    brokers = await asyncio.to_thread(cluster.__enter__)
    try:
        async with a_field(ground, servers=brokers.servers, replication=3) as field:
            field.once = False
            worker = field.worker()
            worker.launch()
            await field.feed.put(field.story.prepared())
            await worker.until("/readyz")
            kills = ground.count(9, 3)
            slowest = 0.0
            async with field.feed.flowing(field.story.living, ground.rate):
                for kill in range(kills):
                    broker = brokers.brokers[kill % 3]
                    await asyncio.to_thread(ground.stack.processes.kill, broker.name)
                    await lasting(field.chance.uniform(1.0, ground.seconds(10.0, 2.0)))
                    await asyncio.to_thread(broker.start)
                    begun = time.monotonic()
                    await field.probed(worker)
                    slowest = max(slowest, time.monotonic() - begun)
            await field.settled(worker)
            return field.row(
                "P18 leaders killed",
                f"{kills} kills, three brokers in turn",
                f"caught up within {slowest:.0f} s",
            )
    finally:
        await asyncio.to_thread(cluster.__exit__, None, None, None)
