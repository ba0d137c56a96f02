"""Alerts dies by kill -9 between facts and deliveries, and between deliveries and their records: one id for ever."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from standardwebhooks import Webhook

from deploy.local.stack import Stack
from tests.support import mails
from tests.support.doors import Doors, Mailed, eventually
from tests.support.receiver import Call, receiving

MESSAGES = 90
SETTLED_SECONDS = 120.0


@pytest.fixture
async def doors(stack: Stack) -> AsyncIterator[Doors]:
    timeout = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        yield Doors(stack, session, f"t-{uuid4().hex[:10]}")


async def _hook(doors: Doors, url: str) -> Any:
    body = {"url": url, "types": ["message.first_opened"], "names": True}
    answer = await doors.call("alerts", "/v1/webhooks", method="POST", role="manager", json=body)
    assert answer.status == 201, answer
    return answer.json


async def _opened(doors: Doors, mailed: list[Mailed]) -> None:
    for one in mailed:
        answer = await doors.hit(one.pixel)
        assert answer.headers["Inkling-Recorded"] == "yes"


async def _killed(stack: Stack) -> None:
    await asyncio.to_thread(stack.kill, "alerts")
    await asyncio.to_thread(stack.restart, "alerts")


async def _log(doors: Doors, hook: Any) -> list[Any]:
    return await doors.all("alerts", f"/v1/webhooks/{hook['id']}/deliveries", "manager")


def _by_id(calls: list[Call]) -> dict[str, list[Call]]:
    found: dict[str, list[Call]] = defaultdict(list)
    for call in calls:
        found[call.id].append(call)
    return found


@pytest.mark.timeout(420)
async def test_killed_anywhere_each_fact_arrives_under_one_id_and_none_is_missing(
    stack: Stack, doors: Doors
) -> None:
    async with receiving() as receiver:
        quick = await _hook(doors, receiver.url("ok"))
        held = await _hook(doors, receiver.url("held"))
        mailed = [
            await doors.mail(mails.mail(to=[mails.recipient(number)])) for number in range(MESSAGES)
        ]
        third = MESSAGES // 3

        # Between facts and deliveries: it dies, and facts come while nobody folds them.
        await asyncio.to_thread(stack.kill, "alerts")
        await _opened(doors, mailed[:third])
        await asyncio.to_thread(stack.restart, "alerts")

        # In the middle of folding, calling and recording, with calls under way that are never answered.
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_opened(doors, mailed[third : 2 * third]))
            await eventually(_counting(receiver.calls), lambda count: count > third // 2)
            await _killed(stack)
        await _opened(doors, mailed[2 * third :])
        await _killed(stack)
        receiver.gate.set()

        async def states() -> list[str]:
            rows = [*await _log(doors, quick), *await _log(doors, held)]
            return [row["state"] for row in rows]

        await eventually(
            states, lambda found: found == ["delivered"] * 2 * MESSAGES, SETTLED_SECONDS
        )
        for hook, path in ((quick, "ok"), (held, "held")):
            calls = _by_id(receiver.at(path))
            assert set(calls) == {row["id"] for row in await _log(doors, hook)}
            messages = [each[0].json["data"]["message_id"] for each in calls.values()]
            assert sorted(messages) == sorted(one.message_id for one in mailed), "one id each"
            assert all(len({call.body for call in each}) == 1 for each in calls.values())
            signed = Webhook(hook["secret"])
            for call in receiver.at(path):
                assert signed.verify(call.body, dict(call.headers)) == call.json
        repeated = {
            path: len(receiver.at(path)) - len(_by_id(receiver.at(path))) for path in ("ok", "held")
        }
        assert repeated["held"] >= 2, "calls were under way when it died"
        print(f"\n{MESSAGES} facts to two endpoints, 3 kills; sent again: {repeated}")


def _counting(calls: list[Call]) -> Any:
    async def count() -> int:
        return len(calls)

    return count
