"""What a record costs to fold where there are few messages and where there are many: it should be the same.

The same statements fed from memory, on one connection, into two databases that hold so many prepared mails of one
tenant. The newest 10,000 get the hits in both, a few of them most; the rest only lie there. The databases take turns,
and the first turn of each is not counted: it finds what a checkpoint and an empty cache cost.
"""

import itertools
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from statistics import median

from prometheus_client import CollectorRegistry

from benchmarks.support import memory, processes
from benchmarks.support.memory import Turn
from benchmarks.support.stack import durable_stack
from benchmarks.support.workload import (
    OWNERS,
    RECIPIENTS,
    TEMPLATES,
    TENANT,
    Size,
    Workload,
    message_of,
)
from deploy.local.stack import Stack
from schemas import topics
from schemas.instant import SECOND, Instant
from services.projector import days
from services.projector.app import PACKAGES, SCHEMA
from services.projector.apply import ReadModels
from services.projector.metrics import Metrics
from services.runtime import migrations
from services.runtime.clock import SystemClock
from services.runtime.folder import SLICE_RECORDS
from services.runtime.kafka import Record
from services.runtime.postgres import Pool
from tests.support.folding import decode

SIZES = (10_000, 1_000_000)
ACTIVE = 10_000
HITS = 40_000
ROUNDS = 3
AT_ONCE = 50_000
_MAILS = """
insert into message (tenant, message_id, prepared_at, owner, followed, renditions, mode, template_id, regarding)
select
    $1, id, $2 - number * 1000000, 'owner-' || number % $5, true, 'recipient', 'full',
    'template-' || number % $6, 'opportunity-' || number
from unnest($3::uuid[], $4::bigint[]) as _ (id, number)
"""
_RECIPIENTS = """
insert into recipient (tenant, message_id, ref, position, kind, field, followed)
select $1, id, lpad(to_hex(number), 8, '0') || lpad(to_hex(place), 8, '0'), place, 'contact', 'to', true
from unnest($2::uuid[], $3::bigint[]) as _ (id, number), generate_series(0, $4 - 1) as place
"""


async def seed(stack: Stack, messages: int, now: Instant) -> str:
    """Make a database with so many prepared mails, as a fold would have left it; its name."""
    name = f"bench_{messages}"
    stack.postgres.prepare(name)
    await migrations.apply(stack.postgres.url("inkling_projector_owner", name), SCHEMA, PACKAGES)
    url = stack.postgres.url("inkling_projector_writer", name)
    async with Pool(
        url, application="benchmark", schema=SCHEMA, size=1, statement_seconds=120.0
    ) as pool:
        await days.ensure(pool, SystemClock())
        # The numbers of the log's mails are the last to be written.
        for start in reversed(range(0, messages, AT_ONCE)):
            numbers = list(range(start, min(messages, start + AT_ONCE)))
            ids = [message_of(number) for number in numbers]
            await pool.execute(_MAILS, TENANT, now, ids, numbers, OWNERS, TEMPLATES)
            await pool.execute(_RECIPIENTS, TENANT, ids, numbers, RECIPIENTS)
    stack.postgres.execute("vacuum analyze; checkpoint", name)
    return name


def log(now: Instant, number: int) -> Iterator[list[Record]]:
    """Give slices of a round's hits, each of one lane, and the lanes in turns; no round has another's lanes."""
    lanes: dict[int, list[Record]] = defaultdict(list)
    until = Instant(now + number * SECOND)
    for one in Workload(Size(messages=ACTIVE, hits=HITS), until).hits():
        lane = topics.partition_of(one.key, topics.DEFAULT_PARTITIONS)
        partition = lane + number * topics.DEFAULT_PARTITIONS
        records = lanes[lane]
        records.append(
            Record(one.topic, partition, len(records), one.key, one.value, one.headers, 0)
        )
    cut = [
        [records[at : at + SLICE_RECORDS] for at in range(0, len(records), SLICE_RECORDS)]
        for records in lanes.values()
    ]
    for turn in itertools.zip_longest(*cut):
        yield from filter(None, turn)


async def turn(stack: Stack, name: str, number: int, now: Instant) -> list[float]:
    """Fold a round's hits; returns microseconds a record: by the clock, of ours, of PostgreSQL."""
    fold = ReadModels(SystemClock(), Metrics(CollectorRegistry()), lambda _: None)
    slices = list(log(now, number))
    records = sum(map(len, slices))
    took = await memory.fold(
        Turn(
            url=stack.postgres.url("inkling_projector_writer", name),
            postgres_pid=stack.processes.pid("postgres"),
            decoded_before=False,
        ),
        fold,
        {one[0].lane for one in slices},
        ((one, decode(fold, one)[0]) for one in slices),
    )
    return [1e6 * spent / records for spent in (took.seconds, took.client, took.postgres)]


async def main() -> None:
    """Print what a record costs at each size, and how it grows."""
    if not processes.can_measure():
        print("needs /proc to measure what a process costs; nothing was measured")
        return
    found: dict[int, list[list[float]]] = {size: [] for size in SIZES}
    with durable_stack() as stack:
        stack.postgres.start()
        now = Instant(SystemClock().now())
        names = {}
        for size in SIZES:
            begun = time.perf_counter()
            names[size] = await seed(stack, size, now)
            print(f"{size} mails written in {time.perf_counter() - begun:.0f} s", flush=True)
        for number, size in itertools.product(range(1 + ROUNDS), SIZES):
            found[size].append(await turn(stack, names[size], number, now))
            spent = found[size][-1]
            print(
                f"round {number}: {size}: {spent[0]:.1f} us, client {spent[1]:.1f}, PostgreSQL {spent[2]:.1f}",
                flush=True,
            )
    print(
        f"\n{os.cpu_count()} cores; {HITS} hits a turn and their repetitions, decoding included, {ROUNDS} turns each; "
        "microseconds a record, the middle one"
    )
    print(
        f"{'messages':>10} {'by the clock':>14} {'spread':>15} {'client':>8} {'PostgreSQL':>11} {'spread':>15}"
    )
    for size in SIZES:
        clock, client, postgres = zip(*found[size][1:], strict=True)
        print(
            f"{size:10} {median(clock):14.1f} {_spread(clock):>15} {median(client):8.1f} "
            f"{median(postgres):11.1f} {_spread(postgres):>15}"
        )
    few, many = (
        median(one[1] + one[2] for one in found[size][1:]) for size in (SIZES[0], SIZES[-1])
    )
    print(
        f"a record costs {many / few:.2f} x as much processor time at {SIZES[-1]} as at {SIZES[0]}"
    )


def _spread(values: tuple[float, ...]) -> str:
    return f"({min(values):.1f}-{max(values):.1f})"
