"""Claims, leases and results, with the clock of the test and no courier."""

import asyncio
from collections import Counter
from uuid import UUID

import pytest

from schemas.facts import MessageFirstOpened
from services.alerts.webhooks import schedule
from services.alerts.webhooks.kinds import Disabled, Result
from services.alerts.webhooks.queue import (
    GRACE_MICROSECONDS,
    KEPT_MICROSECONDS,
    LEASE_MICROSECONDS,
    Claimed,
    Queue,
    Settled,
)
from tests.alerts.given import Given
from tests.alerts.records import message, opened, personal, registered
from tests.support.clock import START

HOOKS = "/v1/webhooks"
SECOND = 1_000_000
DAY = 86_400 * SECOND
LATER = START + 10 * 365 * DAY  # after whatever the doors' real clock said


async def a_hook(given: Given, **fields: object) -> UUID:
    body = {"url": "https://hooks.example/", **fields}
    answer = await given.ask(HOOKS, method="POST", json=body, roles=["manager"])
    assert answer.status == 201
    return UUID(answer.json["id"])


async def facts(given: Given, number: int) -> None:
    """Fold first opens of so many messages, known and registered."""
    for one in range(1, number + 1):
        await given.say(personal(one), registered(one), opened(one))


@pytest.fixture
async def queue(given: Given) -> Queue:
    return Queue(given.writer)


def settled(claimed: Claimed, result: Result, now: int) -> Settled:
    following = schedule.after(result, claimed.failures, now, wanted_seconds=None, fraction=0.5)
    status = 200 if result is Result.DELIVERED else None
    return Settled(claimed=claimed, result=result, status=status, seconds=0.1, next=following)


async def states(given: Given) -> list[tuple[str, int, int]]:
    rows = await given.writer.fetch("select state, failures, calls from delivery order by seq")
    return [tuple(row) for row in rows]


async def test_what_is_due_is_claimed_once_and_in_order_and_no_more_than_was_asked_for(
    given: Given, queue: Queue
) -> None:
    hook, other = await a_hook(given), await a_hook(given)
    await facts(given, 5)
    assert sorted(await queue.hungry(LATER)) == sorted([hook, other])
    first = await queue.claim({hook: 2, other: 9}, LATER)
    assert len([one for one in first if one.webhook_id == hook]) == 2
    assert len([one for one in first if one.webhook_id == other]) == 5
    rest = await queue.claim({hook: 9, other: 9}, LATER)
    assert len(rest) == 3
    bodies = [one.body for one in [*first, *rest] if one.webhook_id == hook]
    order = [str(message(number)).encode() for number in range(1, 6)]
    assert all(name in body for name, body in zip(order, bodies, strict=True))
    assert await queue.claim({hook: 9}, LATER) == []
    assert await queue.hungry(LATER) == []


async def test_two_workers_at_once_never_claim_the_same(given: Given, queue: Queue) -> None:
    hook = await a_hook(given)
    await facts(given, 12)
    async with asyncio.TaskGroup() as tasks:
        claims = [tasks.create_task(queue.claim({hook: 3}, LATER)) for _ in range(6)]
    taken = [one.id for claim in claims for one in claim.result()]
    assert len(taken) == len(set(taken))
    taken += [one.id for one in await queue.claim({hook: 20}, LATER)]
    assert len(taken) == len(set(taken)) == 12


async def test_a_lease_that_ran_out_is_claimed_anew_and_the_late_result_is_ignored(
    given: Given, queue: Queue
) -> None:
    hook = await a_hook(given)
    await facts(given, 1)
    (first,) = await queue.claim({hook: 1}, LATER)
    after = LATER + LEASE_MICROSECONDS
    assert await queue.claim({hook: 1}, after - 1) == []
    (second,) = await queue.claim({hook: 1}, after)
    assert (second.id, second.body, second.attempt) == (first.id, first.body, first.attempt + 1)
    late = await queue.record([settled(first, Result.FAILED, after)], after)
    assert late.written == frozenset()
    assert await states(given) == [("pending", 0, 0)]
    done = await queue.record([settled(second, Result.DELIVERED, after)], after)
    assert done.written == {second.id}
    again = await queue.record([settled(second, Result.FAILED, after)], after)
    assert again.written == frozenset()
    assert await states(given) == [("delivered", 0, 1)]


async def test_what_is_given_back_is_due_at_once(given: Given, queue: Queue) -> None:
    hook = await a_hook(given)
    await facts(given, 2)
    claimed = await queue.claim({hook: 2}, LATER)
    await queue.give_back(claimed)
    assert [one.id for one in await queue.claim({hook: 2}, LATER)] == [one.id for one in claimed]
    await queue.give_back(claimed)  # of an older attempt: nothing happens
    assert await queue.claim({hook: 2}, LATER) == []


async def test_a_body_waits_a_moment_for_what_it_says(given: Given, queue: Queue) -> None:
    hook = await a_hook(given, names=True)
    await given.say(registered(1), opened(1), registered(2), opened(2))
    made = await given.writer.fetchval("select max(created_at) from delivery")
    assert await queue.claim({hook: 9}, made) == []
    await given.say(personal(1))
    (one,) = await queue.claim({hook: 9}, made)
    assert b"Your offer" in one.body
    (other,) = await queue.claim({hook: 9}, made + GRACE_MICROSECONDS)
    assert b'"subject":null' in other.body


async def test_failures_follow_the_schedule_to_the_dead_letter(given: Given, queue: Queue) -> None:
    hook = await a_hook(given)
    await facts(given, 1)
    now, ids = LATER, set()
    for attempt in range(1, 11):
        (claimed,) = await queue.claim({hook: 1}, now)
        ids.add((claimed.id, claimed.body))
        one = settled(claimed, Result.FAILED, now)
        await queue.record([one], now)
        now = one.next.due_at
        expected = "pending" if attempt < 10 else "dead"
        assert await states(given) == [(expected, attempt, attempt)]
        assert await queue.claim({hook: 1}, now - 1) == []
    assert len(ids) == 1
    assert await queue.claim({hook: 1}, now + DAY) == []


async def test_410_disables_and_five_days_of_failures_do(given: Given, queue: Queue) -> None:
    gone, failing, mended = [await a_hook(given) for _ in range(3)]
    await facts(given, 3)
    everybody = {gone: 1, failing: 1, mended: 1}
    first = {one.webhook_id: one for one in await queue.claim(everybody, LATER)}
    results = {gone: Result.GONE, failing: Result.FAILED, mended: Result.FAILED}
    recorded = await queue.record(
        [settled(first[hook], result, LATER) for hook, result in results.items()], LATER
    )
    assert recorded.disabled == {gone: Disabled.GONE}
    (fine,) = await queue.claim({mended: 1}, LATER + DAY)
    await queue.record([settled(fine, Result.DELIVERED, LATER + DAY)], LATER + DAY)
    almost, after = LATER + 5 * DAY - SECOND, LATER + 5 * DAY
    for now, disabled in ((almost, {}), (after, {failing: Disabled.FAILING})):
        claimed = await queue.claim({failing: 1, mended: 1}, now)
        assert {one.webhook_id for one in claimed} == {failing, mended}
        recorded = await queue.record([settled(one, Result.TIMEOUT, now) for one in claimed], now)
        assert recorded.disabled == disabled
    shown = (await given.ask(f"{HOOKS}/{failing}", roles=["manager"])).json
    assert (shown["enabled"], shown["disabled"]["reason"]) == (False, "failing")
    left = await queue.claim(everybody, after + DAY)
    assert {one.webhook_id for one in left} == {mended}


async def test_what_waits_for_an_endpoint_that_failed_is_given_up_and_a_paused_one_keeps_it(
    given: Given, queue: Queue
) -> None:
    gone, paused = await a_hook(given), await a_hook(given)
    await facts(given, 3)
    (one,) = await queue.claim({gone: 1}, LATER)
    await queue.record([settled(one, Result.GONE, LATER)], LATER)
    await given.ask(f"{HOOKS}/{paused}", method="PATCH", json={"enabled": False}, roles=["manager"])
    assert await queue.bury(LATER) == 2
    assert await queue.bury(LATER) == 0
    rows = await given.writer.fetch("select webhook_id, state, dead_reason from delivery")
    assert Counter(tuple(row) for row in rows) == {
        (gone, "dead", "endpoint_gone"): 1,
        (gone, "dead", "endpoint_disabled"): 2,
        (paused, "pending", None): 3,
    }
    assert await queue.hungry(LATER) == []


async def test_figures_tell_what_waits_and_how_long(given: Given, queue: Queue) -> None:
    hook, paused = await a_hook(given), await a_hook(given)
    await facts(given, 2)
    await given.ask(f"{HOOKS}/{paused}", method="PATCH", json={"enabled": False}, roles=["manager"])
    (one,) = await queue.claim({hook: 1}, LATER)
    await queue.record([settled(one, Result.DELIVERED, LATER)], LATER)
    found = await queue.figures()
    assert (found.pending, found.enabled, found.disabled) == (3, 1, 1)
    oldest = await given.writer.fetchval(
        "select due_at from delivery where webhook_id = $1 and state = 'pending'", hook
    )
    assert found.oldest == oldest
    (other,) = await queue.claim({hook: 1}, LATER)
    await queue.record([settled(other, Result.FAILED, LATER)], LATER)
    assert (await queue.figures()).oldest is None, "an endpoint that fails says nothing about us"


async def test_what_is_old_is_forgotten_and_what_is_not_is_kept(given: Given, queue: Queue) -> None:
    await a_hook(given)
    await facts(given, 2)
    made = await given.writer.fetchval("select max(created_at) from delivery")

    async def left() -> tuple[int, int]:
        row = await given.writer.fetchrow(
            "select (select count(*) from delivery), (select count(*) from fact)"
        )
        assert row is not None
        return row[0], row[1]

    await queue.prune(made)
    assert await left() == (2, 2)
    await queue.prune(made + KEPT_MICROSECONDS + 1)
    assert await left() == (0, 2)
    await queue.prune(made + KEPT_MICROSECONDS + 2 * DAY)
    assert await left() == (0, 0)


async def test_a_withdrawal_and_a_shared_copy_have_bodies_too(given: Given, queue: Queue) -> None:
    hook = await a_hook(given)
    shared = MessageFirstOpened(message_id=message(1), ordinal=1, event_id=UUID(int=1))
    await given.say(personal(1), registered(1), shared)
    (one,) = await queue.claim({hook: 1}, LATER)
    assert b'"recipient":null' in one.body
