"""What lies in the log: copies, another order, hits that come late, records that nobody can read."""

from schemas import topics
from services.runtime.leases import Lane
from tests.faults.folding import poison
from tests.faults.folding.feed import Feed, now, outgoing
from tests.faults.folding.field import Field, a_field
from tests.faults.folding.poison import poisons
from tests.faults.folding.story import Mail, Told, repeated, shuffled, take
from tests.faults.folding.worker import Worker
from tests.faults.ground import Ground, Row
from tests.support.eventually import eventually

_SECONDS = 120.0


async def p07(ground: Ground) -> Row:
    """Each event lies in the log twice or more, also in another batch and on a partition that is not its own."""
    async with a_field(ground) as field:
        workers = [field.worker(f"projector-{number}") for number in (1, 2)]
        for worker in workers:
            worker.launch()
        await field.feed.put(field.story.prepared())
        for worker in workers:
            await worker.until("/readyz")
        events = field.story.happenings(ground.count(20_000, 1_500))
        left = repeated(events, 0.5, field.chance)
        # Another producer, so that the copies mix.
        strange = Feed(field.servers, field.story.partitions, field.ledger)
        async with field.feed.flowing(lambda many: take(left, many), ground.rate * 5):
            for partition in range(field.story.partitions):
                part = shuffled(events, field.chance)[: len(events) // 4]
                await strange.put(part, partition)
            await eventually(lambda: not left, _SECONDS)
        await strange.close()
        await field.settled(workers[0])
        copies = field.feed.records + strange.records - len(field.ledger.told)
        return field.row("P7 duplicates", f"{copies} copies, some on other partitions")


async def p08(ground: Ground) -> Row:
    """The log is shuffled, and shuffled again: hits before their mail, the last first, a tenth of them hours late."""
    async with a_field(ground) as field:
        worker = field.worker()
        worker.launch()
        rounds = ground.count(100, 4)
        for _ in range(rounds):
            mails = field.story.mails[:: field.chance.randint(1, 3)]
            events = field.story.happenings(250, mails)
            log = [*events, *field.story.prepared(mails)]
            log = shuffled(repeated(log, 0.2, field.chance), field.chance)
            while log:  # in slices of any length
                await field.feed.put(take(log, field.chance.randint(1, 200)))
        await field.feed.put(field.story.prepared())
        await worker.until("/readyz")
        await field.settled(worker)
        return field.row("P8 reorder and late", f"{rounds} shuffles, a tenth hours late")


async def p09(ground: Ground) -> Row:
    """Records that nobody can fold lie among others: each is set aside once, its neighbours count."""
    async with a_field(ground) as field:
        worker = field.worker()
        worker.launch()
        await field.feed.put(field.story.prepared())
        aside: dict[tuple[str, int, int], str] = {}
        rounds = ground.count(20, 2)
        for _ in range(rounds):
            wrong = list(poisons(field.story, field.chance).items())
            field.chance.shuffle(wrong)
            for name, (lane, record) in wrong:
                # Neighbours on its own partition, before and after.
                await field.feed.put(field.story.happenings(4, near(field, lane)))
                aside[*lane, await field.feed.raw(lane, [record])] = name
                await field.feed.put(field.story.happenings(4, near(field, lane)))
            # Not flooded: so many good ones stand between.
            await field.feed.put(field.story.happenings(ground.count(1_000, 100)))
        good = field.story.open_of(field.story.mails[0], now())
        lane = Lane(topics.EVENTS.name, 0)
        record = poison.bad(good)
        aside[*lane, await poison.without_key(field.servers, lane, record)] = "no key"
        aside[*lane, await poison.huge(field.servers, lane, record)] = "2 MiB"
        await worker.until("/readyz")
        await field.settled(worker)
        found = await _set_aside(field)
        for place in aside.keys() | found.keys():
            if place not in found:
                field.broken.append(f"what has {aside[place]} was not set aside")
            elif place not in aside:
                field.broken.append(f"{place} was set aside as {found[place]}")
        told = (await worker.metrics()).sum("inkling_projector_quarantined_total")
        field.hold(told == len(aside), f"{told:.0f} said to be set aside of {len(aside)}")
        return field.row("P9 poison", f"{len(aside)} records, each wrong in one of 25 ways")


async def _set_aside(field: Field) -> dict[tuple[str, int, int], str]:
    rows = await field.observer.fetch(
        "select topic, partition, record_offset, reason from quarantine"
    )
    return {(row["topic"], row["partition"], row["record_offset"]): row["reason"] for row in rows}


def near(field: Field, lane: Lane) -> list[Mail]:
    """Return the mails that lie on a partition."""
    partitions = field.story.partitions
    return [
        mail
        for mail in field.story.mails
        if topics.partition_of(mail.key, partitions) == lane.partition
    ]


async def p10(ground: Ground) -> Row:
    """Every second record of a partition is wrong: it halts, skips nothing, and the others go on."""
    async with a_field(ground) as field:
        worker = field.worker()
        worker.launch()
        await field.feed.put(field.story.prepared())
        await worker.until("/readyz")
        await field.probed(worker)
        flooded = Lane(topics.EVENTS.name, field.chance.randrange(field.story.partitions))
        behind: list[tuple[int, Told]] = []
        for good in field.story.happenings(ground.count(3_000, 300), near(field, flooded)):
            pair = [poison.bad(good), outgoing(good)]
            behind.append((await field.feed.raw(flooded, pair), good))
        await eventually(lambda: is_halted(worker, flooded), _SECONDS)
        others = [mail for mail in field.story.mails if mail not in near(field, flooded)]
        await field.feed.put(field.story.happenings(ground.count(5_000, 500), others))
        reached = (await field.observer.offsets())[flooded]
        for offset, good in behind:
            if offset < reached:
                field.ledger.acknowledge(good)
        await field.settled(worker, others[: len(field.story.tenants) * field.story.partitions])
        field.hold((await field.observer.offsets())[flooded] == reached, "it went on by itself")
        skipped = sum(1 for offset, _ in behind if offset < reached)
        return field.row(
            "P10 poison flood",
            f"{flooded} halted: {(await field.observer.halted())[flooded]}",
            f"{skipped} of {len(behind)} good ones of the flood are before the halt",
        )


async def is_halted(worker: Worker, lane: Lane) -> bool:
    """Tell whether a projector says that a lane stands still."""
    return lane in await worker.halted()
