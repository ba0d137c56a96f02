"""Tracker, projector and alerts die by kill -9 in the middle of 20,000 hits; nothing is lost, nothing counts twice."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import datetime
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from deploy.local.stack import Stack
from schemas import topics
from services.runtime.kafka import Consumer, Outgoing, Producer
from services.runtime.leases import Lane
from tests.faults.ledger import Ledger, Part
from tests.faults.load import Load, request
from tests.support import mails
from tests.support.doors import Doors, Mailed, eventually

HITS = 20_000
MESSAGES = 200
REPEATED = 2_000
SECONDS = 10.0
SETTLED_SECONDS = 120.0


@pytest.fixture
async def doors(stack: Stack) -> AsyncIterator[Doors]:
    timeout = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        yield Doors(stack, session, f"t-{uuid4().hex[:10]}")


def _killing(stack: Stack, name: str) -> Callable[[], Coroutine[Any, Any, None]]:
    async def kill() -> None:
        await asyncio.to_thread(stack.kill, name)
        await asyncio.to_thread(stack.restart, name)

    return kill


async def _hand_in(doors: Doors) -> list[Mailed]:
    return [
        await doors.mail(
            mails.mail(to=[mails.recipient(number)], template={"id": f"template-{number % 3}"})
        )
        for number in range(MESSAGES)
    ]


async def _send_again(stack: Stack, tenant: str) -> int:
    """Produce events of this tenant that lie in the log once more, as a spool's replay would: same ids."""
    consumer, producer = Consumer(stack.kafka, "test-again"), Producer(stack.kafka, "test-again")
    await consumer.start(SECONDS)
    await producer.start(SECONDS)
    sent = 0
    try:
        count = await consumer.partitions(topics.EVENTS.name, SECONDS)
        lanes = [Lane(topics.EVENTS.name, number) for number in range(count)]
        ends = await consumer.end_offsets(lanes, SECONDS)
        for lane in lanes:
            consumer.assign({lane: 0})
            again: list[Outgoing] = []
            reached = 0
            while reached < ends[lane] and len(again) < REPEATED // count:
                for record in (await consumer.poll(1.0, 500)).records.get(lane, []):
                    reached = record.offset + 1
                    if ("ce_tenant", tenant.encode()) in record.headers:
                        again.append(
                            Outgoing(
                                key=record.key or b"", value=record.value, headers=record.headers
                            )
                        )
            if again:
                await producer.send_batch(lane, again, 1_764_000_000_000, SECONDS)
                sent += len(again)
    finally:
        await producer.close(SECONDS)
        await consumer.close(SECONDS)
    return sent


async def _drained(doors: Doors, mailed: list[Mailed], ledger: Ledger) -> list[Any]:
    """Send a last open of every message and wait for it, and for all that was acknowledged before.

    What a tracker that died had in its spool is replayed beside what comes in, so it may be folded after that open.
    """
    marks: dict[str, str] = {}
    for each in mailed:
        found = await doors.get("projector", f"/v1/messages/{each.message_id}")
        marks[each.message_id] = found["opens"]["last_at"] or ""
    for each in mailed:
        await request(doors.session, ledger, Part(each.message_id, None), each.pixel)

    clicks: Counter[str] = Counter()
    for part, count in ledger.acknowledged.items():
        if part.link_index is not None:
            clicks[part.message_id] += count

    def all_in(rows: list[Any]) -> bool:
        return all(
            row["opens"]["count"] >= ledger.acknowledged[Part(row["id"], None)]
            and row["clicks"]["count"] >= clicks[row["id"]]
            and (row["opens"]["last_at"] or "") > marks[row["id"]]
            for row in rows
        )

    return await eventually(lambda: doors.all("projector", "/v1/messages"), all_in, SETTLED_SECONDS)


def _seconds(text: str | None) -> float | None:
    return None if text is None else datetime.fromisoformat(text).timestamp()


@pytest.mark.timeout(420)
async def test_killed_in_the_middle_of_twenty_thousand_hits_everything_counts_exactly_once(
    stack: Stack, doors: Doors
) -> None:
    mailed = await _hand_in(doors)
    await eventually(
        lambda: doors.all("projector", "/v1/messages"), lambda rows: len(rows) == MESSAGES
    )
    again: list[int] = []

    async def send_again() -> None:
        again.append(await _send_again(stack, doors.tenant))

    breaks = {
        HITS // 8: _killing(stack, "projector"),
        HITS // 4: _killing(stack, "tracker"),
        HITS // 2: _killing(stack, "alerts"),
        HITS * 5 // 8: send_again,
        HITS * 3 // 4: _killing(stack, "projector"),
        HITS * 7 // 8: _killing(stack, "tracker"),
    }
    ledger = await Load(mailed, HITS, breaks, seed=20_000).run()
    again.append(await _send_again(stack, doors.tenant))
    assert all(count > REPEATED // 2 for count in again)
    rows = await _drained(doors, mailed, ledger)

    faults = []
    for row in rows:
        opens = row["opens"]
        part = Part(row["id"], None)
        faults += ledger.faults(
            part, opens["count"], _seconds(opens["first_at"]), _seconds(opens["last_at"])
        )
        assert opens["human"] == {name: opens[name] for name in ("count", "first_at", "last_at")}
        links = (await doors.get("projector", f"/v1/messages/{row['id']}/links"))["data"]
        for link in links:
            if link["followed"]:
                clicks = link["clicks"]
                part = Part(row["id"], link["index"])
                faults += ledger.faults(
                    part, clicks["count"], _seconds(clicks["first_at"]), _seconds(clicks["last_at"])
                )
        assert row["clicks"]["count"] == sum(link["clicks"]["count"] for link in links)
    assert faults == []
    assert sum(ledger.acknowledged.values()) > HITS * 0.8, "the load met a living system"

    templates = await doors.all("projector", "/v1/templates")
    assert sum(each["opens"]["count"] for each in templates) == sum(
        row["opens"]["count"] for row in rows
    )
    assert sum(each["clicks"]["count"] for each in templates) == sum(
        row["clicks"]["count"] for row in rows
    )
    assert sum(each["email_count"] for each in templates) == MESSAGES

    opened = {row["id"] for row in rows if row["opens"]["count"]}
    inbox = await eventually(
        lambda: doors.all("alerts", "/v1/alerts"),
        lambda found: len(found) >= len(opened),
        SETTLED_SECONDS,
    )
    alerts = Counter(each["message_id"] for each in inbox)
    assert set(alerts) == opened
    assert set(alerts.values()) == {1}, "one alert each"
    print(
        f"\n{sum(ledger.issued.values())} hits issued, {sum(ledger.acknowledged.values())} acknowledged, "
        f"{sum(row['opens']['count'] + row['clicks']['count'] for row in rows)} counted, "
        f"{sum(again)} events sent again, {len(inbox)} alerts"
    )
