"""The fold without Kafka: `python -m benchmarks.support.memory`, the projector's own, fed with records held in memory.

Reads one `Log` as a JSON line and says `ready` when it has it all; then folds it once for each `Turn` it reads, into
that database, on one connection, and answers with what it took. Checkpoint, fence and transaction are the consumer's.
"""

import asyncio
import gc
import itertools
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import orjson
import uvloop
from prometheus_client import CollectorRegistry

from benchmarks.support import processes
from services.projector.app import SCHEMA
from services.projector.apply import ReadModels
from services.projector.metrics import Metrics
from services.projector.staging import Slice
from services.runtime.checkpoint import Checkpoints, Move
from services.runtime.clock import SystemClock
from services.runtime.folder import SLICE_RECORDS
from services.runtime.kafka import Consumer, Record
from services.runtime.leases import Lane
from services.runtime.postgres import Pool
from tests.support.folding import decode

READY = b"ready"
SECONDS = 20.0
Fed = tuple[Sequence[Record], Slice]


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """Where the records are, and how many are in each lane: topic, partition, count."""

    servers: str
    lanes: list[tuple[str, int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One fold of the log: into which database, and whether records are decoded before the clock starts."""

    url: str
    postgres_pid: int
    decoded_before: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """What a fold took, in seconds: by the clock, and of processors."""

    seconds: float
    client: float
    postgres: float


async def read(log: Log) -> list[list[Record]]:
    """Fetch the log in slices, taking the lanes in turns as the consumer does."""
    consumer = Consumer(log.servers, "benchmark-memory")
    await consumer.start(SECONDS)
    slices = []
    try:
        for topic, partition, count in log.lanes:
            lane = Lane(topic, partition)
            consumer.assign({lane: 0})
            records: list[Record] = []
            async with asyncio.timeout(SECONDS):
                while len(records) < count:
                    polled = await consumer.poll(1.0, SLICE_RECORDS)
                    records += polled.records.get(lane, [])
            starts = range(0, count, SLICE_RECORDS)
            slices.append([records[start : start + SLICE_RECORDS] for start in starts])
    finally:
        await consumer.close(SECONDS)
    turns = itertools.zip_longest(*slices)
    return [one for turn in turns for one in turn if one is not None]


async def fold(turn: Turn, fold_: ReadModels, lanes: Iterable[Lane], feed: Iterator[Fed]) -> Took:
    """Fold what the feed gives, slice by slice, each in its own transaction with its checkpoint."""
    async with Pool(turn.url, application="benchmark-memory", schema=SCHEMA, size=1) as pool:
        checkpoints = Checkpoints(pool, "projector", "projector/memory")
        await checkpoints.add(list(lanes))
        epochs = {one.lane: one.epoch for one in await checkpoints.claim(list(lanes))}
        reached = dict.fromkeys(epochs, 0)
        for lane, epoch in epochs.items():
            await checkpoints.begin(lane, epoch, 0)
        begun, client = time.perf_counter(), time.process_time()
        postgres = processes.tree_cpu_seconds(turn.postgres_pid)
        for records, ready in feed:
            lane = records[0].lane
            move = Move(lane, epochs[lane], reached[lane], records[-1])
            async with checkpoints.advancing([move]) as one:
                await fold_.apply(one, ready)
            fold_.committed({lane: len(records)})
            reached[lane] = records[-1].offset + 1
        return Took(
            seconds=time.perf_counter() - begun,
            client=time.process_time() - client,
            postgres=processes.tree_cpu_seconds(turn.postgres_pid) - postgres,
        )


async def serve() -> None:
    """Answer turns until there are none."""
    log = Log(**orjson.loads(sys.stdin.readline()))
    slices = await read(log)
    lanes = {records[0].lane for records in slices}
    fold_ = ReadModels(SystemClock(), Metrics(CollectorRegistry()), lambda _: None)
    decoded = [decode(fold_, records)[0] for records in slices]
    # What is held for the benchmark's sake must not make the collector slow.
    gc.collect()
    gc.freeze()
    _say(READY)
    for line in sys.stdin:
        turn = Turn(**orjson.loads(line))
        feed = (
            zip(slices, decoded, strict=True)
            if turn.decoded_before
            else ((records, decode(fold_, records)[0]) for records in slices)
        )
        _say(orjson.dumps(await fold(turn, fold_, lanes, iter(feed))))


def _say(line: bytes) -> None:
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    uvloop.run(serve())
