"""A live load from a process of its own: opens of known emails, folded as the projector folds them.

`python -m benchmarks.support.live URL RATE < tenants`: the writer's URL, opens per second, and a tenant with its number
of emails in each line, taken in turns. Runs until it is ended.
"""

import asyncio
import itertools
import random
import sys
import time
from collections.abc import Iterator

from prometheus_client import CollectorRegistry

from benchmarks.support.seed import named
from schemas import identity
from schemas.envelope import Envelope, encode
from schemas.events import MessageOpened
from schemas.identity import MessageId, RecipientRef, Tenant
from schemas.instant import Instant
from services.projector.apply import ReadModels
from services.projector.metrics import Metrics
from services.runtime.clock import SystemClock
from services.runtime.kafka import Record
from services.runtime.postgres import Pool
from tests.support.folding import decode

SLICES_PER_SECOND = 5
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Thunderbird/140.0"


def opens(tenants: list[tuple[str, int]]) -> Iterator[Record]:
    """Open emails by chance, for ever."""
    chance = random.Random(7)
    for offset, (tenant, count) in enumerate(itertools.cycle(tenants)):
        at = Instant(time.time_ns() // 1000)
        event = MessageOpened(
            message_id=MessageId(named(tenant, chance.randint(1, count))),
            refs=(RecipientRef("00112233aabbccdd"),),
            method="GET",
            edge="edge-1",
            user_agent=AGENT,
        )
        event_id = identity.uuid7(at, chance.randbytes(identity.ENTROPY_BYTES))
        envelope = Envelope(id=event_id, source="/bench", tenant=Tenant(tenant), occurred_at=at)
        told = encode(envelope, event, at)
        yield Record(
            topic=told.topic,
            partition=0,
            offset=offset,
            key=told.key,
            value=told.value,
            headers=told.headers,
            timestamp_ms=at // 1000,
        )


async def main(url: str, rate: int, tenants: list[tuple[str, int]]) -> None:
    """Fold at a rate until ended; a slice that is late makes the next ones follow at once."""
    fold = ReadModels(SystemClock(), Metrics(CollectorRegistry()), lambda _: None)
    records = opens(tenants)
    size = rate // SLICES_PER_SECOND
    begun = time.perf_counter()
    async with Pool(url, application="benchmark-live", schema="projector", size=1) as pool:
        for number in itertools.count(1):
            ready, _ = decode(fold, itertools.islice(records, size))
            async with pool.acquire() as connection, connection.transaction():
                await fold.apply(connection, ready)
            now = time.perf_counter() - begun
            if number % SLICES_PER_SECOND == 0:
                print(f"{number * size / now:.0f}", flush=True)
            await asyncio.sleep(max(0.0, number / SLICES_PER_SECOND - now))


if __name__ == "__main__":
    asked = [line.split() for line in sys.stdin.read().splitlines()]
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), [(name, int(count)) for name, count in asked]))
