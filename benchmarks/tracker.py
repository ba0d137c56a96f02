"""What one durable hit costs the tracker, beside a bare aiohttp handler that answers the same GIF.

Servers on one core, load and broker on another; the rows take turns, and the middle round counts. CPU is user and
system time of the server's process. The load decides the ratio, so each table names its own.
"""

import asyncio
import os
import uuid
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from statistics import median

from benchmarks.support import loads, processes
from deploy.local.stack import Stack
from schemas import token
from schemas.identity import MessageId, RecipientRef, Tenant
from schemas.token import Claim, KeyRing, Purpose
from services import topics
from services.runtime.kafka_admin import Admin
from tests.support.stack import a_stack

SERVER_CORE, OTHER_CORE = 0, 1
ROUNDS = 3
FULL_SECONDS = 3.0
PACED_SECONDS = 4.0
CONNECTIONS = 256
RATE = 2000
HITS = 20_000
RING = KeyRing(signing=1, keys={1: b"\x01" * 32})
KAFKA_SECONDS = 20.0


@dataclass(slots=True, kw_only=True)
class Row:
    """One server asked for one thing, and what each round of it cost."""

    name: str
    port: int
    pid: int
    paths: Sequence[str]
    code: str = "200"
    microseconds: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    p50s: list[float] = field(default_factory=list)
    p99s: list[float] = field(default_factory=list)


def minted(purpose: Purpose) -> list[str]:
    """Mint tokens of as many mails as there are hits."""
    found = []
    for number in range(HITS):
        claim = Claim(
            tenant=Tenant("demo"),
            message_id=MessageId(uuid.uuid5(uuid.NAMESPACE_OID, str(number))),
            refs=(RecipientRef(f"{number:016x}"),),
            index=None if purpose is Purpose.OPEN else 1,
            url=None if purpose is Purpose.OPEN else f"https://example.com/offers/{number}?a=b",
        )
        found.append(token.mint(RING, purpose, claim))
    return found


async def loading(
    row: Row, connections: int, seconds: float, rate: float
) -> asyncio.subprocess.Process:
    """Begin to load a row's server, from a process of its own."""
    return await loads.loading(
        "benchmarks.support.load",
        row.port,
        connections,
        seconds,
        rate,
        told="\n".join(row.paths).encode(),
        core=OTHER_CORE,
    )


async def measure(row: Row, connections: int, seconds: float, rate: float) -> None:
    """Load a row's server once and note what it cost."""
    load = await loading(row, connections, seconds, rate)
    before = processes.cpu_seconds(row.pid)
    report = await loads.reported(load)
    spent = processes.cpu_seconds(row.pid) - before
    if report["codes"] != {row.code: report["answers"]} or report["lost"]:
        raise RuntimeError(f"{row.name}: {report}")
    row.microseconds.append(1e6 * spent / report["answers"])
    row.rates.append(report["answers"] / report["seconds"])
    row.p50s.append(1000 * report["p50"])
    row.p99s.append(1000 * report["p99"])


async def table(title: str, rows: Sequence[Row], seconds: float, rate: float) -> None:
    """Measure the rows in turns and print them beside the first."""
    for number in range(ROUNDS + 1):
        for row in rows:
            await measure(row, CONNECTIONS if rate == 0 else 64, seconds, rate)
            if number == 0:  # the first round only warms up
                row.microseconds, row.rates, row.p50s, row.p99s = [], [], [], []
    print(f"\n{title}")
    print(f"{'':34} {'CPU µs a hit':>20} {'x bare':>7} {'hits/s':>8} {'p50 ms':>7} {'p99 ms':>7}")
    yardstick = median(rows[0].microseconds)
    for row in rows:
        spread = f"({min(row.microseconds):.1f}-{max(row.microseconds):.1f})"
        cost = median(row.microseconds)
        print(
            f"{row.name:34} {cost:6.1f} {spread:>13} {cost / yardstick:7.2f} "
            f"{median(row.rates):8.0f} {median(row.p50s):7.1f} {median(row.p99s):7.1f}",
            flush=True,
        )


async def create_topics(servers: str) -> None:
    """Make the topics as a deployment of one broker has them."""
    admin = Admin(servers, "benchmark")
    try:
        await admin.start(KAFKA_SECONDS)
        await admin.create(topics.wanted(8, 1), KAFKA_SECONDS)
    finally:
        await admin.close(KAFKA_SECONDS)


async def until_recorded(row: Row) -> None:
    """Return when the tracker records."""
    async with asyncio.timeout(KAFKA_SECONDS):
        while True:
            reader, writer = await asyncio.open_connection("127.0.0.1", row.port)
            writer.write(f"GET {row.paths[0]} HTTP/1.0\r\n\r\n".encode())
            answer = await reader.read()
            writer.close()
            if b"Inkling-Recorded: yes" in answer:
                return
            await asyncio.sleep(0.05)


async def main() -> None:
    """Print what a hit costs at full load and at a steady rate."""
    if not processes.can_measure():
        print("needs /proc to measure what a process costs; nothing was measured")
        return
    with a_stack() as stack:
        stack.broker.start()
        await create_topics(stack.kafka)
        await compare(stack)


def environment(stack: Stack, port: int, private_port: int) -> dict[str, str]:
    """Configure a tracker with everything on."""
    return {
        "INKLING_KAFKA_SERVERS": stack.kafka,
        "INKLING_TOKEN_KEYS": f"1:{RING.keys[1].hex()}",
        "INKLING_OBJECT_STORE": stack.objects.as_uri(),
        "INKLING_TRACKER_SPOOL": str(stack.objects.parent / "spool"),
        # One tenant's hits are all there are.
        "INKLING_TRACKER_SPOOL_TENANT_PERCENT": "100",
        "INKLING_TRACKER_PORT": str(port),
        "INKLING_TRACKER_PRIVATE_PORT": str(private_port),
        "INKLING_LOG_LEVEL": "error",
    }


async def compare(stack: Stack) -> None:
    """Run the yardstick and the tracker beside each other."""
    async with AsyncExitStack() as servers:
        port, bare_port, private_port = (processes.free_port() for _ in range(3))
        told = environment(stack, port, private_port)
        bare_pid = await servers.enter_async_context(
            processes.running("benchmarks.support.bare", str(bare_port), port=bare_port)
        )
        pid = await servers.enter_async_context(
            processes.running("services.tracker", port=port, environment=told)
        )
        broker_pid = stack.processes.pid("kafka")
        pinned = processes.pin(pid, SERVER_CORE) and processes.pin(bare_pid, SERVER_CORE)
        pinned = processes.pin(broker_pid, OTHER_CORE) and pinned
        pixels = [f"/o/{text}.gif" for text in minted(Purpose.OPEN)]
        links = [f"/c/{text}" for text in minted(Purpose.CLICK)]
        unknown = [path.replace("/o/", "/o/x") for path in pixels]

        def rows() -> list[Row]:
            return [
                Row(
                    name="bare aiohttp, records nothing", port=bare_port, pid=bare_pid, paths=pixels
                ),
                Row(name="pixel, acknowledged", port=port, pid=pid, paths=pixels),
                Row(name="click, acknowledged", port=port, pid=pid, paths=links, code="302"),
                Row(name="pixel, unknown token", port=port, pid=pid, paths=unknown),
            ]

        await until_recorded(rows()[1])
        print(f"{os.cpu_count()} cores, servers {'pinned' if pinned else 'not pinned'}, one broker")
        full = f"full load, {CONNECTIONS} connections, {ROUNDS} rounds of {FULL_SECONDS:g} s"
        await table(full, rows(), FULL_SECONDS, 0)
        steady = f"{RATE} hits/s, 64 connections, {ROUNDS} rounds of {PACED_SECONDS:g} s"
        await table(steady, rows(), PACED_SECONDS, RATE)
