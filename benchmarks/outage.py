"""Hits at a steady rate while Kafka dies, stays away and comes back: latency, memory, and how long the replay takes.

`make bench T=outage` stays away for a minute; `INKLING_BENCH_OUTAGE_SECONDS=600` makes it ten. The load goes on all the
time; latencies count from the moment a hit was due.
"""

import asyncio
import math
import os
import re
import time

from benchmarks.support import loads, processes
from benchmarks.tracker import (
    OTHER_CORE,
    SERVER_CORE,
    create_topics,
    environment,
    loading,
    minted,
    until_recorded,
)
from benchmarks.tracker import Row as Server
from deploy.local.stack import Stack
from schemas.token import Purpose
from tests.support.stack import a_stack

RATE = 2000
BEFORE_SECONDS = 10.0
CONNECTIONS = 64
REPLAY_SECONDS = 900.0
READ_SECONDS = 5.0
READY_SECONDS = 30.0
OUTAGE_SECONDS = float(os.environ.get("INKLING_BENCH_OUTAGE_SECONDS", "60"))


class Watched:
    """The tracker's own account, read from its metrics."""

    def __init__(self, private_port: int) -> None:
        self._port = private_port

    async def value(self, name: str) -> float:
        """Return one metric of the tracker that has no labels."""
        async with asyncio.timeout(READ_SECONDS):
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            writer.write(b"GET /metrics HTTP/1.0\r\n\r\n")
            text = (await reader.read()).decode()
            writer.close()
        found = re.search(rf"^inkling_tracker_{name} (\S+)$", text, re.MULTILINE)
        if found is None:
            raise RuntimeError(f"no metric {name}")
        return float(found[1])

    async def until(self, name: str, wanted: float, seconds: float) -> float:
        """Return after how many seconds a metric has a value."""
        begun = time.perf_counter()
        async with asyncio.timeout(seconds):
            while await self.value(name) != wanted:  # noqa: ASYNC110 another process's
                await asyncio.sleep(0.2)
        return time.perf_counter() - begun


async def main() -> None:
    """Print latency before, during and after an outage, and what memory and the replay took."""
    if not processes.can_measure():
        print("needs /proc to measure what a process costs; nothing was measured")
        return
    with a_stack() as stack:
        stack.broker.start()
        await create_topics(stack.kafka)
        await watch(stack)


async def watch(stack: Stack) -> None:
    """Load one tracker through an outage."""
    port, private_port = processes.free_port(), processes.free_port()
    told = environment(stack, port, private_port)
    async with processes.running("services.tracker", port=port, environment=told) as pid:
        processes.pin(pid, SERVER_CORE)
        processes.pin(stack.processes.pid("kafka"), OTHER_CORE)
        paths = [f"/o/{text}.gif" for text in minted(Purpose.OPEN)]
        server = Server(name="pixel", port=port, pid=pid, paths=paths)
        watched = Watched(private_port)
        await watched.until("circuit_open", 0, READY_SECONDS)
        await until_recorded(server)
        ends = [BEFORE_SECONDS, BEFORE_SECONDS + OUTAGE_SECONDS]
        # the replay takes its share of the time beside live hits, so it takes some of the outage's length
        seconds = ends[1] + max(30.0, OUTAGE_SECONDS * 0.6)
        process = await loading(server, CONNECTIONS, seconds, RATE)
        begun = time.perf_counter()
        try:
            resident = [("before", await _after(begun, ends[0], pid))]
            stack.kill("kafka")
            resident.append(("half way through", await _after(begun, sum(ends) / 2, pid)))
            resident.append(("at its end", await _after(begun, ends[1], pid)))
            spooled = await watched.value("spool_waiting")
            await asyncio.to_thread(stack.restart, "kafka")
            processes.pin(stack.processes.pid("kafka"), OTHER_CORE)
            back = time.perf_counter() - begun
            await watched.until("spool_waiting", 0, REPLAY_SECONDS)
            done = time.perf_counter() - begun
            report = await loads.reported(process)
            resident.append(("after the replay", processes.peak_megabytes(pid)))
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
    print(
        f"{RATE} hits/s, {CONNECTIONS} connections, Kafka killed for {OUTAGE_SECONDS:g} s, one core"
    )
    print(f"answers {report['codes']}, connections lost {report['lost']}")
    print(f"{spooled:.0f} hits spooled; Kafka back after {back - ends[1]:.1f} s, ", end="")
    print(
        f"all replayed {done - back:.1f} s later: {spooled / (done - back):.0f}/s beside live hits"
    )
    for name, start, end in (
        ("before", 2.0, ends[0]),
        ("Kafka gone", ends[0], back),
        ("replay", back, done),
        ("after", done, seconds),
    ):
        latencies = sorted(
            each for second in report["by_second"][int(start) : math.ceil(end)] for each in second
        )
        if latencies:
            p50, p99 = (1000 * latencies[int(len(latencies) * part)] for part in (0.5, 0.99))
            most = 1000 * latencies[-1]
            print(f"{name:12} p50 {p50:7.1f} ms   p99 {p99:7.1f} ms   max {most:7.1f} ms")
    print("memory, at most so far: " + ", ".join(f"{mb:.0f} MB {when}" for when, mb in resident))


async def _after(begun: float, seconds: float, pid: int) -> float:
    """Return the most memory that a process has had until so many seconds after the beginning."""
    await asyncio.sleep(max(0.0, begun + seconds - time.perf_counter()))
    return processes.peak_megabytes(pid)
