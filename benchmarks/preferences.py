"""What a million refusals cost a rewriter, how long it reads them before its doors open, and how soon a new one holds.

Real processes and a real broker. `INKLING_BENCH_REFUSALS` is how many there are. Memory is what the process has more of
than one that found an empty topic, at its highest and at the end; that includes what Kafka's client fetches.
"""

import asyncio
import os
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from statistics import median
from typing import Any
from uuid import UUID

import aiohttp

from benchmarks.support import processes
from benchmarks.tracker import KAFKA_SECONDS, create_topics
from deploy.local import environment
from deploy.local.stack import Stack
from schemas import envelope
from schemas.envelope import Envelope
from schemas.instant import Instant
from schemas.topics import SETTINGS
from services.runtime.kafka import Outgoing, Producer
from services.runtime.leases import Lane
from tests.rewriter.many_refusals import a_refusal, a_tenant
from tests.support.clock import START
from tests.support.stack import a_stack

REFUSALS = int(os.environ.get("INKLING_BENCH_REFUSALS", "1000000"))
BATCH = 2_000
PUTS = 200
READ_SECONDS = 600.0
LANE = Lane(SETTINGS.name, 0)


class Rewriter:
    """One process and its doors."""

    def __init__(
        self, pid: int, port: int, private_port: int, session: aiohttp.ClientSession
    ) -> None:
        self.pid = pid
        self._door = f"http://127.0.0.1:{port}/v1/preferences/"
        self._private = f"http://127.0.0.1:{private_port}"
        self._session = session

    def megabytes(self) -> float:
        """Return what it has resident now."""
        with open(f"/proc/{self.pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

    def peak(self) -> float:
        """Return the most it has had."""
        return processes.peak_megabytes(self.pid) * 1.048576

    async def until_held(self, count: int) -> None:
        """Return when it is ready and has read that many settings."""
        async with asyncio.timeout(READ_SECONDS):
            while not (await self._ready() and await self._read() >= count):  # noqa: ASYNC110 another process's
                await asyncio.sleep(0.05)

    async def put(self, address: str, token: str) -> None:
        """Set a refusal."""
        headers = {"Authorization": f"Bearer {token}"}
        body = {"follow": "do_not_allow"}
        async with self._session.put(self._door + address, json=body, headers=headers) as answer:
            if answer.status != 200:
                raise RuntimeError(f"PUT answered {answer.status}")

    async def get(self, address: str, token: str) -> Any:
        """Ask for a preference."""
        headers = {"Authorization": f"Bearer {token}"}
        async with self._session.get(self._door + address, headers=headers) as answer:
            return answer.status, (await answer.json()).get("follow")

    async def _ready(self) -> bool:
        async with self._session.get(f"{self._private}/readyz") as answer:
            return answer.status == 200

    async def _read(self) -> float:
        async with self._session.get(f"{self._private}/metrics") as answer:
            lines = (await answer.text()).splitlines()
        (line,) = (one for one in lines if one.startswith("inkling_rewriter_settings_next_offset "))
        return float(line.split()[1])


async def write(servers: str) -> None:
    """Put the refusals into the topic."""
    producer = Producer(servers, "benchmark")
    await producer.start(KAFKA_SECONDS)
    try:
        await producer.partitions(LANE.topic, KAFKA_SECONDS)
        for begin in range(0, REFUSALS, BATCH):
            batch = [outgoing(number) for number in range(begin, min(begin + BATCH, REFUSALS))]
            await producer.send_batch(LANE, batch, START // 1000, KAFKA_SECONDS)
    finally:
        await producer.close(KAFKA_SECONDS)


def outgoing(number: int) -> Outgoing:
    """Make the record of one refusal."""
    around = Envelope(
        id=UUID(int=number),
        source="/rewriter",
        tenant=a_tenant(number),
        occurred_at=Instant(START + number),
    )
    one = envelope.encode(around, a_refusal(number), Instant(START + number))
    return Outgoing(key=one.key, value=one.value, headers=one.headers)


async def start(
    stack: Stack, told: Mapping[str, str], running: AsyncExitStack, session: aiohttp.ClientSession
) -> Rewriter:
    """Start one more rewriter."""
    port, private = processes.free_port(), processes.free_port()
    own = {
        "INKLING_REWRITER_PORT": str(port),
        "INKLING_REWRITER_PRIVATE_PORT": str(private),
        "INKLING_LOG_LEVEL": "error",
    }
    pid = await running.enter_async_context(
        processes.running("services.rewriter", port=private, environment={**told, **own})
    )
    return Rewriter(pid, port, private, session)


async def measure(stack: Stack, running: AsyncExitStack, session: aiohttp.ClientSession) -> None:
    """Print what they cost the two, and how soon each sees what one is told."""
    told = environment.of_service(
        "rewriter", stack.ports, stack.credentials, stack.kafka, stack.postgres, stack.objects
    )
    first = await start(stack, told, running, session)
    await first.until_held(0)
    empty, empty_peak = first.megabytes(), first.peak()
    await write(stack.kafka)
    await first.until_held(REFUSALS)
    print(f"{REFUSALS:,} refusals; a rewriter without any has {empty:.0f} MB")
    print(
        f"read while they came: {first.megabytes() - empty:5.1f} MB, at most {first.peak() - empty_peak:5.1f} MB"
    )
    begun = time.perf_counter()
    second = await start(stack, told, running, session)
    await second.until_held(REFUSALS)
    seconds, spent = time.perf_counter() - begun, processes.cpu_seconds(second.pid)
    print(
        f"read at the start:    {second.megabytes() - empty:5.1f} MB, at most {second.peak() - empty_peak:5.1f} MB"
    )
    print(f"from start to ready: {seconds:.1f} s, of which CPU {spent:.1f} s")
    puts, elsewhere = await told_of(stack.token(tenant="demo", roles=["seller"]), first, second)
    for name, times in (("PUT, read back here", puts), ("then seen by the other", elsewhere)):
        ordered = sorted(times)
        print(
            f"{name:24} {PUTS} times: median {1000 * median(ordered):6.1f} ms,"
            f" p99 {1000 * ordered[int(0.99 * PUTS)]:6.1f} ms, most {1000 * ordered[-1]:6.1f} ms"
        )


async def told_of(token: str, first: Rewriter, second: Rewriter) -> tuple[list[float], list[float]]:
    """Return how long each PUT took at one, and how long after its answer the other one knew."""
    puts, elsewhere = [], []
    for number in range(PUTS):
        address = f"p{number}%40customer.example"
        begun = time.perf_counter()
        await first.put(address, token)
        answered = time.perf_counter()
        if await first.get(address, token) != (200, "do_not_allow"):
            raise RuntimeError("the process that answered does not know it")
        async with asyncio.timeout(KAFKA_SECONDS):
            while await second.get(address, token) != (200, "do_not_allow"):  # noqa: ASYNC110 another process's
                await asyncio.sleep(0.001)
        puts.append(answered - begun)
        elsewhere.append(time.perf_counter() - answered)
    return puts, elsewhere


async def main() -> None:
    """Print memory, the time to read them, and how soon a preference holds."""
    if not processes.can_measure():
        print("needs /proc to measure what a process costs; nothing was measured")
        return
    with a_stack() as stack:
        stack.broker.start()
        await create_topics(stack.kafka)
        async with aiohttp.ClientSession() as session, AsyncExitStack() as running:
            await measure(stack, running, session)
