"""What lies in the log: copies, another order, hits that come late, records that nobody can read."""

from tests.faults.folding.feed import Feed
from tests.faults.folding.field import a_field
from tests.faults.folding.story import repeated, shuffled, take
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
