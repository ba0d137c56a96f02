"""How fast the read models are made anew, beside how fast live folds the same log; taking turns in one run.

In each turn a projector folds the log from Kafka into a fresh database, as in `fold`; then, beside it, `rebuild run`
makes everything anew. It is to be twice as fast, so that it comes near whatever live has done meanwhile.
"""

import asyncio
import os
import sys
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from statistics import median

import orjson

from benchmarks import fold
from benchmarks.support import processes
from benchmarks.support.stack import durable_stack
from deploy.local.unprivileged import CHECKOUT
from schemas import topics
from services.projector.app import SCHEMA
from services.runtime.leases import Lane
from services.runtime.postgres import Connection, connect

ROUNDS = 3
SECONDS = 300.0
LIVE = 2_000
_THERE = "select to_regclass('projector_beside.generation') is not null"
_REACHED = """
select coalesce(sum(next_offset), 0)::bigint as reached,
       (select indexed_at from projector_beside.generation) is not null as indexed
from projector_beside.checkpoint
"""


@dataclass(slots=True, kw_only=True)
class Measured(fold.Costs):
    """What each turn came to, beside what live took for the same, and the seconds of a whole rebuild."""

    live: fold.Costs = field(default_factory=fold.Costs)
    whole: list[float] = field(default_factory=list)

    @property
    def ratios(self) -> list[float]:
        """How many times as fast as live each rebuild was."""
        return [one / other for one, other in zip(self.rates, self.live.rates, strict=True)]


async def turn(ground: fold.Ground, found: Measured) -> None:
    """Fold once, live, and then make it anew."""
    async with AsyncExitStack() as leaving:
        name = await leaving.enter_async_context(fold.a_database(ground))
        pid = await leaving.enter_async_context(fold.a_projector(ground, name))
        watch = await leaving.enter_async_context(
            connect(ground.url("writer", name), application="benchmark", schema=SCHEMA)
        )
        async with asyncio.timeout(SECONDS):
            await fold.until_shared(watch, ground, 1)
            with fold.spending(found.live, ground, [pid]):
                await watch.execute("update checkpoint set halted = null")
                found.live.rates.append(await fold.rate(watch, ground, 1))
            await anew(ground, name, watch, found)


async def anew(ground: fold.Ground, name: str, watch: Connection, found: Measured) -> None:
    """Run `rebuild run` to its end, and note how fast it folded; it has to find nothing that differs."""
    begun = time.perf_counter()
    told = {key: value for key, value in os.environ.items() if not key.startswith("INKLING_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.projector", "rebuild", "run", "--json"),
        cwd=CHECKOUT,
        env=told
        | {
            "INKLING_KAFKA_SERVERS": ground.stack.kafka,
            "INKLING_PROJECTOR_DATABASE_URL": ground.url("writer", name),
            "INKLING_PROJECTOR_READER_DATABASE_URL": ground.url("reader", name),
            "INKLING_PROJECTOR_OWNER_DATABASE_URL": ground.url("owner", name),
        },
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        await folded(ground, watch, process, found)
        out, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0 or not orjson.loads(out)["same"]:
        raise RuntimeError(f"the rebuild ended with {process.returncode}, or found a difference")
    found.whole.append(time.perf_counter() - begun)


async def folded(
    ground: fold.Ground,
    watch: Connection,
    process: asyncio.subprocess.Process,
    found: Measured,
) -> None:
    """Note how fast it folds, from its first commit to when all is folded and indexed."""
    begun: tuple[float, int] | None = None
    pid = process.pid
    while not await watch.fetchval(_THERE):
        _hold_to_running(process)
        await asyncio.sleep(fold.LOOK_SECONDS)
    client, postgres = (
        processes.cpu_seconds(pid),
        processes.tree_cpu_seconds(ground.postgres_pid()),
    )
    while True:
        reached, indexed = list(await watch.fetchrow(_REACHED) or (0, False))
        now = time.perf_counter()
        if begun is None and reached > 0:
            begun = now, reached
        if reached >= ground.records and indexed:
            break
        _hold_to_running(process)
        await asyncio.sleep(fold.LOOK_SECONDS)
    if begun is None or begun[1] >= reached:
        raise RuntimeError("it was over before it was looked at; make the log longer")
    found.rates.append((reached - begun[1]) / (now - begun[0]))
    millions = ground.records / 1e6
    found.client.append((processes.cpu_seconds(pid) - client) / millions)
    spent = processes.tree_cpu_seconds(ground.postgres_pid()) - postgres
    found.postgres.append(spent / millions)


def _hold_to_running(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        raise RuntimeError(f"the rebuild ended with {process.returncode}")


def report(found: Measured) -> None:
    """Print both, and their ratio."""
    print(f"\n{'':34} {'records/s':>10} {'client':>8} {'PostgreSQL':>11}   (core-s per million)")
    for name, row in (("live, one projector, from Kafka", found.live), ("made anew", found)):
        print(
            f"{name:34} {median(row.rates):10.0f} {median(row.client):8.1f} {median(row.postgres):11.1f}"
        )
    ratios, rate = found.ratios, median(found.rates)
    print(
        f"made anew {rate / LIVE:.1f} x the {LIVE:,} events/s that are live in the other figures, 2 wanted"
    )
    print(
        f"made anew {median(ratios):.2f} x as fast as live can fold ({min(ratios):.2f}-{max(ratios):.2f}), 2 wanted;"
        f" with the comparison it took {median(found.whole):.1f} s"
    )


async def main() -> None:
    """Print what live folds and what a rebuild does."""
    if not processes.can_measure():
        print("needs /proc to measure what a process costs; nothing was measured")
        return
    found = Measured()
    with durable_stack() as stack:
        print("filling Kafka", flush=True)
        lanes = await fold.prepare(stack)
        async with fold.a_memory(stack, {}) as memory:
            every = lanes | {Lane(topics.SETTINGS.name, 0): 0}
            ground = fold.Ground(stack=stack, lanes=every, memory=memory, halves=[])
            print(
                f"{os.cpu_count()} cores; {ground.records} records in {len(lanes)} lanes; fsync on"
            )
            for number in range(1, ROUNDS + 1):
                await turn(ground, found)
                print(
                    f"round {number}: live {found.live.rates[-1]:.0f}/s, made anew {found.rates[-1]:.0f}/s",
                    flush=True,
                )
    report(found)
