"""What lies in the log: copies, another order, hits that come late, records that nobody can read."""

from tests.faults.folding.field import a_field
from tests.faults.folding.story import repeated, shuffled
from tests.faults.ground import Ground, Row


async def p07(ground: Ground) -> Row:
    """Each event lies in the log twice or more, also in another batch and on a partition that is not its own."""
    async with a_field(ground) as field:
        workers = [field.worker(f"projector-{number}") for number in (1, 2)]
        for worker in workers:
            await worker.start()
        events = field.story.happenings(ground.count(20_000, 1_500))
        await field.feed.put(field.story.prepared())
        async with field.feed.flowing(repeated(events, 0.5, field.chance), ground.rate * 10):
            for strange in range(field.story.partitions):
                part = shuffled(events, field.chance)[: len(events) // 4]
                await field.feed.put(part, partition=strange)
        await field.settled(workers[0])
        copies = field.feed.records - len(field.ledger.told)
        return field.row("P7 duplicates", f"{copies} copies, some on other partitions")
