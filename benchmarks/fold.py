"""What the projector folds from Kafka, beside the same statements fed from memory.

The log lies in Kafka before the clock starts. A worker is `python -m services.projector` with the role of folding, and
its relay publishes the facts meanwhile. Every turn gets a fresh database; the rows take turns, and the middle counts.
"""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from statistics import median

import orjson

from benchmarks.support import processes
from benchmarks.support.memory import READY, Log, Took, Turn
from benchmarks.support.stack import durable_stack
from benchmarks.support.workload import Size, Workload, produce
from deploy.local import environment
from deploy.local.stack import Stack
from schemas import topics
from schemas.instant import Instant
from services import topics as making
from services.projector import days
from services.projector.app import PACKAGES, SCHEMA
from services.runtime import migrations
from services.runtime.clock import SystemClock
from services.runtime.leases import Lane
from services.runtime.postgres import Connection, Pool, connect

SIZE = Size(messages=3_000, hits=150_000)
ROUNDS = 3
LOOK_SECONDS = 0.02
FOLD_SECONDS = 120.0
TEMPLATE = "bench_template"
_HALT = """
insert into checkpoint (consumer, topic, partition, halted)
select 'projector', topic, partition, 'benchmark' from unnest($1::text[], $2::integer[]) as _ (topic, partition)
"""
_SHARES = "select count(*) from checkpoint where next_offset is not null and owner is not null group by owner"
_REACHED = """
select owner, sum(next_offset)::bigint, bool_and(next_offset = counts.records)
from checkpoint join unnest($1::text[], $2::integer[], $3::bigint[]) as counts (topic, partition, records)
    using (topic, partition)
where owner is not null
group by owner
"""
_COUNTED = "select sum(opens + clicks)::bigint, (select count(*) from first_fact) from message"


@dataclass(slots=True, kw_only=True)
class Costs:
    """What each turn came to: records a second, and core-seconds per million of them."""

    rates: list[float] = field(default_factory=list)
    client: list[float] = field(default_factory=list)
    postgres: list[float] = field(default_factory=list)
    kafka: list[float] = field(default_factory=list)
    megabytes: list[float] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Row(Costs):
    """One way to fold the log, and what each turn of it came to."""

    name: str
    fold: Callable[["Ground", "Row"], Coroutine[None, None, None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What all rows stand on: servers, the log's lanes, and the processes that hold the log in memory.

    One of these has all of it, and two have half of the lanes each.
    """

    stack: Stack
    lanes: Mapping[Lane, int]
    memory: asyncio.subprocess.Process
    halves: Sequence[asyncio.subprocess.Process]

    @property
    def records(self) -> int:
        """How many records the log has, repeated ones included."""
        return sum(self.lanes.values())

    def columns(self) -> tuple[list[str], list[int], list[int]]:
        """The lanes as PostgreSQL takes them."""
        return (
            [lane.topic for lane in self.lanes],
            [lane.partition for lane in self.lanes],
            list(self.lanes.values()),
        )

    def url(self, role: str, database: str) -> str:
        """The connection URL of one of the projector's roles."""
        return self.stack.postgres.url(f"inkling_projector_{role}", database)

    def postgres_pid(self) -> int:
        """The server's first process."""
        return self.stack.processes.pid("postgres")


@asynccontextmanager
async def a_database(ground: Ground) -> AsyncIterator[str]:
    """A fresh database in which every lane is halted, with nothing left to write for the one before."""
    name = f"bench_{time.perf_counter_ns()}"
    ground.stack.postgres.execute(f"create database {name} template {TEMPLATE}; checkpoint")
    try:
        yield name
    finally:
        ground.stack.postgres.execute(f"drop database {name} with (force)")


async def from_kafka(ground: Ground, row: Row, workers: int) -> None:
    """Let real projectors fold the log, and count while all of them are at it."""
    async with AsyncExitStack() as leaving:
        name = await leaving.enter_async_context(a_database(ground))
        pids = [
            await leaving.enter_async_context(a_projector(ground, name)) for _ in range(workers)
        ]
        watch = await leaving.enter_async_context(
            connect(ground.url("writer", name), application="benchmark", schema=SCHEMA)
        )
        async with asyncio.timeout(FOLD_SECONDS):
            await until_shared(watch, ground, workers)
            with spending(row, ground, pids):
                await watch.execute("update checkpoint set halted = null")
                row.rates.append(await rate(watch, ground, workers))
        row.megabytes.append(max(map(processes.peak_megabytes, pids)))
        await check(watch, row)


async def from_memory(
    ground: Ground,
    row: Row,
    holders: Sequence[asyncio.subprocess.Process],
    decoded_before: bool = True,
) -> None:
    """Let the processes that hold the log fold it, at once, on a connection each."""
    async with AsyncExitStack() as leaving:
        name = await leaving.enter_async_context(a_database(ground))
        writer = ground.url("writer", name)
        watch = await leaving.enter_async_context(
            connect(writer, application="benchmark", schema=SCHEMA)
        )
        await watch.execute("update checkpoint set halted = null")
        turn = Turn(url=writer, postgres_pid=ground.postgres_pid(), decoded_before=decoded_before)
        for holder in holders:
            await tell(holder, orjson.dumps(turn))
        async with asyncio.timeout(FOLD_SECONDS):
            took = [Took(**orjson.loads(await hear(holder))) for holder in holders]
        millions = ground.records / 1e6
        row.rates.append(ground.records / max(one.seconds for one in took))
        row.client.append(sum(one.client for one in took) / millions)
        # Each has seen all of PostgreSQL; the one that took longest has seen most.
        row.postgres.append(max(one.postgres for one in took) / millions)
        await check(watch, row)


async def until_shared(watch: Connection, ground: Ground, workers: int) -> None:
    """Return when each worker holds its share of the lanes."""
    share, left = divmod(len(ground.lanes), workers)
    wanted = [share] * (workers - left) + [share + 1] * left
    while sorted(row[0] for row in await watch.fetch(_SHARES)) != wanted:  # noqa: ASYNC110 nothing tells
        await asyncio.sleep(LOOK_SECONDS)


async def rate(watch: Connection, ground: Ground, workers: int) -> float:
    """Return records per second from when all workers get on until one has no more to do."""
    begun: tuple[float, int] | None = None
    ended: tuple[float, int] | None = None
    while True:
        found = list(await watch.fetch(_REACHED, *ground.columns()))
        now, reached = time.perf_counter(), sum(row[1] for row in found)
        if begun is None and len(found) == workers and all(row[1] > 0 for row in found):
            begun = now, reached
        if ended is None and any(row[2] for row in found):
            ended = now, reached
        if all(row[2] for row in found):
            break
        await asyncio.sleep(LOOK_SECONDS)
    if begun is None or ended is None or ended[0] <= begun[0]:
        raise RuntimeError(f"{workers} workers were never at work together")
    return (ended[1] - begun[1]) / (ended[0] - begun[0])


@contextmanager
def spending(row: Costs, ground: Ground, pids: Sequence[int]) -> Iterator[None]:
    """Note what a turn costs the workers, PostgreSQL and Kafka, in core-seconds per million records."""

    def spent() -> tuple[float, float, float]:
        return (
            sum(map(processes.cpu_seconds, pids)),
            processes.tree_cpu_seconds(ground.postgres_pid()),
            processes.cpu_seconds(ground.stack.processes.pid("kafka")),
        )

    before = spent()
    yield
    million = ground.records / 1e6
    costs = [(after - old) / million for after, old in zip(spent(), before, strict=True)]
    for column, cost in zip((row.client, row.postgres, row.kafka), costs, strict=True):
        column.append(cost)


@asynccontextmanager
async def a_projector(ground: Ground, database: str) -> AsyncIterator[int]:
    """One worker that folds into a database."""
    stack, port = ground.stack, processes.free_port()
    told = environment.of_service(
        "projector", stack.ports, stack.credentials, stack.kafka, stack.postgres, stack.objects
    )
    told |= {
        "INKLING_PROJECTOR_ROLES": "fold",
        "INKLING_PROJECTOR_DATABASE_URL": ground.url("writer", database),
        "INKLING_PROJECTOR_READER_DATABASE_URL": ground.url("reader", database),
        "INKLING_PROJECTOR_PRIVATE_PORT": str(port),
        "INKLING_LOG_LEVEL": "error",
    }
    async with processes.running("services.projector", port=port, environment=told) as pid:
        yield pid


async def check(watch: Connection, row: Row) -> None:
    """Refuse a turn in which something was not counted, or counted twice."""
    counted, facts = list(await watch.fetchrow(_COUNTED) or ())
    if counted != SIZE.hits or facts <= SIZE.messages:
        raise RuntimeError(f"{row.name}: {counted} of {SIZE.hits} hits, {facts} facts")


async def prepare(stack: Stack) -> dict[Lane, int]:
    """Fill Kafka, and make the database that the others are copied from."""
    stack.broker.start()
    stack.postgres.start()
    specs = making.wanted(topics.DEFAULT_PARTITIONS, 1)
    if problems := await making.ensure(stack.kafka, specs, create=True):
        raise RuntimeError("; ".join(problems))
    clock = SystemClock()
    lanes = await produce(stack.kafka, Workload(SIZE, Instant(clock.now())))
    stack.postgres.prepare(TEMPLATE)
    await migrations.apply(
        stack.postgres.url("inkling_projector_owner", TEMPLATE), SCHEMA, PACKAGES
    )
    writer = stack.postgres.url("inkling_projector_writer", TEMPLATE)
    async with Pool(writer, application="benchmark", schema=SCHEMA, size=1) as pool:
        await days.ensure(pool, clock)
        named = [lane.topic for lane in lanes], [lane.partition for lane in lanes]
        await pool.execute(_HALT, *named)
    return lanes


@asynccontextmanager
async def a_memory(
    stack: Stack, lanes: Mapping[Lane, int]
) -> AsyncIterator[asyncio.subprocess.Process]:
    """The process that holds the log in memory."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "benchmarks.support.memory"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        log = Log(servers=stack.kafka, lanes=[(*lane, count) for lane, count in lanes.items()])
        await tell(process, orjson.dumps(log))
        async with asyncio.timeout(FOLD_SECONDS):
            if await hear(process) != READY:
                raise RuntimeError("the process that holds the log could not read it")
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def tell(process: asyncio.subprocess.Process, line: bytes) -> None:
    """Write a line to a process."""
    if process.stdin is None:
        raise RuntimeError("the process has no pipes")
    process.stdin.write(line + b"\n")
    await process.stdin.drain()


async def hear(process: asyncio.subprocess.Process) -> bytes:
    """Read a line that a process says."""
    if process.stdout is None:
        raise RuntimeError("the process has no pipes")
    return (await process.stdout.readline()).strip()


def report(rows: Sequence[Row], limit: Row) -> None:
    """Print the rows beside the one that is fed with what is decoded already."""
    head = f"{'':44} {'records/s':>9} {'':>15} {'x memory':>8}"
    print(f"\n{head} {'core-s per million: client':>27} {'PostgreSQL':>10} {'Kafka':>6}")
    yardstick = median(limit.rates)
    for row in rows:
        spread = f"({min(row.rates):.0f}-{max(row.rates):.0f})"
        kafka = f"{median(row.kafka):6.1f}" if row.kafka else f"{'-':>6}"
        print(
            f"{row.name:44} {median(row.rates):9.0f} {spread:>15} {median(row.rates) / yardstick:8.2f} "
            f"{median(row.client):27.1f} {median(row.postgres):10.1f} {kafka}"
        )


async def main() -> None:
    """Print what one projector folds, what the same statements take from memory, and what two do."""
    if not processes.can_measure():
        print("needs /proc to measure what a process costs; nothing was measured")
        return
    one = Row(name="one projector, from Kafka", fold=lambda at, row: from_kafka(at, row, 1))
    limit = Row(
        name="the same statements, decoded beforehand",
        fold=lambda at, row: from_memory(at, row, [at.memory]),
    )
    decoding = Row(
        name="the same, decoding from memory",
        fold=lambda at, row: from_memory(at, row, [at.memory], decoded_before=False),
    )
    two = Row(name="two projectors, from Kafka", fold=lambda at, row: from_kafka(at, row, 2))
    both = Row(
        name="two connections, decoded beforehand",
        fold=lambda at, row: from_memory(at, row, at.halves),
    )
    rows = (one, limit, decoding, two, both)
    with durable_stack() as stack:
        print("filling Kafka", flush=True)
        lanes = await prepare(stack)
        shares = [dict(sorted(lanes.items())[half::2]) for half in (0, 1)]
        async with AsyncExitStack() as leaving:
            memory, *halves = [
                await leaving.enter_async_context(a_memory(stack, share))
                for share in (lanes, *shares)
            ]
            # the settings are a lane as well, in which nothing is said here
            every = lanes | {Lane(topics.SETTINGS.name, 0): 0}
            ground = Ground(stack=stack, lanes=every, memory=memory, halves=halves)
            print(
                f"{os.cpu_count()} cores; {ground.records} records in {len(lanes)} lanes: {SIZE.hits} hits and "
                f"their repetitions for {SIZE.messages} mails; fsync on; one connection folds for each worker"
            )
            for number in range(1, ROUNDS + 1):
                for row in rows:
                    await row.fold(ground, row)
                    print(f"round {number}: {row.name}: {row.rates[-1]:.0f}/s", flush=True)
        report(rows, limit)
        print(
            f"two projectors fold {median(two.rates) / median(one.rates):.2f} x what one does, "
            f"two connections fed from memory {median(both.rates) / median(limit.rates):.2f} x; "
            f"a projector grew to {max(one.megabytes + two.megabytes):.0f} MB"
        )
