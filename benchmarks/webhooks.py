"""From a fact to its webhook: alerts alone over Kafka and PostgreSQL, one endpoint, a receiver beside it.

A fact's clock starts when it is handed to the producer and stops when the receiver has read the whole call; the
receiver, the producer, Kafka, PostgreSQL and the service share this machine.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import aiohttp
import orjson

from benchmarks.support.stack import durable_stack
from deploy.local.stack import Stack
from schemas import identity, topics
from schemas.envelope import Envelope, encode
from schemas.events import TYPE_OF, Event
from schemas.facts import MessageFirstOpened, MessageRegistered
from schemas.identity import MessageId, RecipientRef, Tenant
from schemas.instant import Instant, parse
from schemas.personal import Mailbox, MessagePersonal, PersonalRecipient
from services.runtime.kafka import Outgoing, Producer
from services.runtime.leases import Lane

RATES: Final = (100, 500)
SECONDS: Final = 20
TICK_SECONDS: Final = 0.01
DEADLINE_SECONDS: Final = 120.0
ASK_SECONDS: Final = 0.1
REF: Final = RecipientRef("00112233aabbccdd")
_OK: Final = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"


@dataclass(slots=True)
class Receiver:
    """Reads calls, says yes, and notes how late each fact came; the first time only."""

    late: dict[str, float] = field(default_factory=dict)
    calls: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one call."""
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        start = head.index(b"content-length: ") + 16
        body = await reader.readexactly(int(head[start : head.index(b"\r", start)]))
        now = time.time_ns() // 1000
        writer.write(_OK)
        writer.close()
        self.calls += 1
        event = orjson.loads(body)
        self.late.setdefault(event["id"], (now - parse(event["time"])) / 1_000_000)


def message(tenant: Tenant, number: int) -> MessageId:
    """Name a message by a number."""
    return identity.message_of_header(tenant, f"<{number}@bench.example>")


def record(tenant: Tenant, event: Event, partitions: int) -> tuple[Lane, Outgoing]:
    """Lay an event that happens now into a record of its lane."""
    now = Instant(time.time_ns() // 1000)
    identifier = identity.event_id(TYPE_OF[type(event)], tenant, str(getattr(event, "message_id")))  # noqa: B009
    envelope = Envelope(id=identifier, source="/benchmark", tenant=tenant, occurred_at=now)
    laid = encode(envelope, event, now)
    lane = Lane(laid.topic, topics.partition_of(laid.key, partitions))
    return lane, Outgoing(key=laid.key, value=laid.value, headers=laid.headers)


async def send(producer: Producer, records: Sequence[tuple[Lane, Outgoing]]) -> None:
    """Produce records, those of a lane in one batch."""
    lanes: dict[Lane, list[Outgoing]] = {}
    for lane, outgoing in records:
        lanes.setdefault(lane, []).append(outgoing)
    for lane, batch in lanes.items():
        for start in range(0, len(batch), 500):
            await producer.send_batch(
                lane, batch[start : start + 500], time.time_ns() // 1_000_000, 10.0
            )


async def known(producer: Producer, tenant: Tenant, count: int, partitions: int) -> None:
    """Make so many messages known."""
    events: list[Event] = []
    for number in range(count):
        person = PersonalRecipient(ref=REF, address="li@customer.example", name="Li", id="c-17")
        name, sender = message(tenant, number), Mailbox(address="ana@demo.example")
        events += [
            MessagePersonal(
                message_id=name, subject="Your offer", sender=sender, recipients=(person,)
            ),
            MessageRegistered(message_id=name, owner="ana", followed=True, refs=(REF,)),
        ]
    await send(producer, [record(tenant, event, partitions) for event in events])


async def state(producer: Producer, tenant: Tenant, rate: int, partitions: int) -> None:
    """State first opens at an even rate."""
    begun, number = time.perf_counter(), 0
    while number < rate * SECONDS:
        due = int((time.perf_counter() - begun) * rate) + 1
        facts: list[Event] = [
            MessageFirstOpened(
                message_id=message(tenant, one), ordinal=1, event_id=identity.NAMESPACE, ref=REF
            )
            for one in range(number, min(due, rate * SECONDS))
        ]
        number += len(facts)
        await send(producer, [record(tenant, fact, partitions) for fact in facts])
        await asyncio.sleep(TICK_SECONDS)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not await holds():  # noqa: ASYNC110 another process is asked
            await asyncio.sleep(ASK_SECONDS)


async def measure(stack: Stack, session: aiohttp.ClientSession, rate: int) -> str:
    """Deliver facts at one rate and write the row of the table."""
    tenant = Tenant(f"rate-{rate}")
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, backlog=512)
    port = server.sockets[0].getsockname()[1]
    headers = {"Authorization": f"Bearer {stack.token(tenant=tenant, roles=['manager'])}"}
    hooks = f"{stack.url('alerts')}/v1/webhooks"
    draft = {"url": f"http://127.0.0.1:{port}/", "names": True}
    async with session.post(hooks, json=draft, headers=headers) as answer:
        if answer.status != 201:
            raise RuntimeError(await answer.text())
    producer = Producer(stack.kafka, "benchmark")
    await producer.start(10.0)
    try:
        partitions = topics.DEFAULT_PARTITIONS
        await known(producer, tenant, rate * SECONDS, partitions)
        there = time.time_ns() // 1000

        async def folded() -> bool:
            async with session.get(hooks, headers=headers) as answer:
                as_of = (await answer.json())["as_of"]
                return as_of is not None and parse(as_of) > there

        await until(folded)
        begun = time.perf_counter()
        await state(producer, tenant, rate, partitions)
        stated = time.perf_counter() - begun

        async def received() -> bool:
            return len(receiver.late) == rate * SECONDS

        await until(received)
    finally:
        await producer.close(10.0)
        server.close()
    late = sorted(1000 * one for one in receiver.late.values())
    p50, p99 = late[len(late) // 2], late[int(len(late) * 0.99)]
    return (
        f"{rate:>8} {len(late) / stated:>8.0f} {len(late):>8} {receiver.calls - len(late):>8}"
        f" {p50:>8.1f} {p99:>8.1f} {late[-1]:>8.1f}"
    )


async def main() -> None:
    """Print how long facts take to arrive at an endpoint."""
    with durable_stack() as stack:
        print("starting everything, then stopping all but alerts", flush=True)
        stack.start()
        for service in ("tracker", "rewriter", "projector"):
            stack.stop_service(service)
        timeout = aiohttp.ClientTimeout(total=30)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            lines = [await measure(stack, session, rate) for rate in RATES]
        print(
            f"\nfact -> webhook received; {SECONDS} s each, one endpoint, two calls at a time, a connection each;"
            f" {os.cpu_count()} cores, fsync on; milliseconds"
        )
        heads = ("facts/s", "reached", "facts", "repeated", "p50", "p99", "max")
        print(" ".join(f"{head:>8}" for head in heads))
        print("\n".join(lines))
