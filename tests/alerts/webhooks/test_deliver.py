"""The courier against every kind of receiver: each ends as documented, and no other endpoint is harmed."""

import asyncio
import time
from typing import Any
from uuid import UUID

import pytest
from prometheus_client import CollectorRegistry
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from services.alerts.webhooks.deliver import Courier
from services.alerts.webhooks.egress import open_egress
from services.alerts.webhooks.kinds import delivery_id
from services.alerts.webhooks.metrics import WebhookMetrics
from services.alerts.webhooks.queue import LEASE_MICROSECONDS, Queue
from services.alerts.webhooks.schedule import STEPS_SECONDS
from services.runtime.lifecycle import Life
from tests.alerts.given import away
from tests.alerts.records import fact_id, opened, personal, registered
from tests.alerts.webhooks.given import Post, open_post
from tests.support.eventually import eventually
from tests.support.stack import Database

DAY = 86_400


async def facts(post: Post, *numbers: int) -> None:
    """Fold first opens of messages, known and registered."""
    for number in numbers:
        await post.given.say(
            personal(number), registered(number), opened(number), at=post.clock.now()
        )


def delivered(number: int) -> Any:
    return lambda rows: [row["state"] for row in rows] == ["delivered"] * number


async def test_a_fact_arrives_signed_once_under_the_id_of_fact_and_endpoint(post: Post) -> None:
    hook = await post.hook()
    await facts(post, 1)
    (row,) = await post.until(hook, delivered(1))
    (call,) = post.receiver.calls
    assert post.verified(post.secrets[hook], call)["data"]["recipient"]["id"] == "c-17"
    assert call.id == row["id"] == str(delivery_id(fact_id(opened(1)), UUID(hook)))
    assert row["last_attempt"]["status"] == 200
    assert row["next_attempt_at"] is None
    assert post.metric("attempts_total", result="delivered") == 1
    assert post.metric("delay_seconds_count") == 1


async def test_an_attempt_is_verified_by_the_library_of_the_present(database: Database) -> None:
    async with open_post(database, start=time.time_ns() // 1000) as post:
        hook = await post.hook()
        await facts(post, 1)
        await post.until(hook, delivered(1))
        (call,) = post.receiver.calls
        signed = Webhook(post.secrets[hook])
        assert signed.verify(call.body, dict(call.headers)) == call.json
        with pytest.raises(WebhookVerificationError):
            signed.verify(call.body + b" ", dict(call.headers))


@pytest.mark.parametrize(
    ("path", "result", "status"),
    [
        ("status/500", "failed", 500),
        ("status/400", "rejected", 400),
        ("status/503", "overloaded", 503),
        ("hang", "timeout", None),
        ("drip", "timeout", None),
        ("reset", "broken_off", None),
        ("garbage", "broken_off", None),
        ("redirect", "redirected", 302),
    ],
)
async def test_a_failure_is_tried_again_with_the_same_id_and_bytes_and_a_fresh_signature(
    post: Post, path: str, result: str, status: int | None
) -> None:
    bad, good = await post.hook(path), await post.hook("ok")
    await facts(post, 1)
    await post.until(good, delivered(1))
    row = await post.attempted(bad, 1)
    assert row["state"] == "pending"
    assert (row["last_attempt"]["result"], row["last_attempt"]["status"]) == (result, status)
    assert row["next_attempt_at"] is not None
    assert (await post.show(bad))["failing_since"] is not None
    post.pass_time(13)
    assert (await post.attempted(bad, 2))["state"] == "pending"
    first, second = post.receiver.at(path)
    assert (first.id, first.body) == (second.id, second.body)
    assert int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) == 13
    for call in (first, second):
        post.verified(post.secrets[bad], call)
    assert len(post.receiver.at("ok")) == 1


async def test_a_410_disables_the_endpoint_and_what_waits_for_it_is_dead(post: Post) -> None:
    hook = await post.hook("status/410")
    await facts(post, 1, 2, 3)
    dead = await post.until(hook, lambda rows: {row["state"] for row in rows} == {"dead"})
    assert len(dead) == 3
    assert {row["dead_reason"] for row in dead} <= {"endpoint_gone", "endpoint_disabled"}
    shown = await post.show(hook)
    assert (shown["enabled"], shown["disabled"]["reason"]) == (False, "gone")
    calls = len(post.receiver.calls)
    assert 1 <= calls <= 2
    await facts(post, 4)
    assert len(await post.log(hook)) == 3, "nothing is made for it any more"
    assert post.metric("disabled_total", reason="gone") == 1
    gone, disabled = (
        post.metric("dead_letters_total", reason=reason)
        for reason in ("endpoint_gone", "endpoint_disabled")
    )
    assert (gone, gone + disabled) == (calls, 3)


async def test_retry_after_is_honoured_and_the_endpoint_is_left_alone_meanwhile(post: Post) -> None:
    hook = await post.hook("throttle")
    await facts(post, 1)
    row = await post.attempted(hook, 1)
    assert row["last_attempt"]["result"] == "throttled"
    assert row["next_attempt_at"] == "2026-01-01T00:00:07.000000Z"
    await facts(post, 2)
    post.pass_time(6)
    other = await post.hook("ok")
    await facts(post, 3)
    await post.until(other, delivered(1))
    assert len(post.receiver.at("throttle")) == 1
    post.pass_time(2)
    await eventually(lambda: len(post.receiver.at("throttle")) == 3)


async def test_after_ten_attempts_it_is_a_dead_letter_that_can_be_replayed(post: Post) -> None:
    hook = await post.hook("status/500")
    await facts(post, 1)
    for attempt, step in enumerate(STEPS_SECONDS[1:], 1):
        assert (await post.attempted(hook, attempt))["state"] == "pending"
        post.pass_time(1.2 * step)
    row = await post.attempted(hook, 10)
    assert (row["state"], row["dead_reason"]) == ("dead", "exhausted")
    assert post.metric("dead_letters_total", reason="exhausted") == 1
    await post.ask(f"/{hook}", "PATCH", {"url": post.receiver.url("ok")})
    within = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"}
    answer = await post.ask(f"/{hook}:replay", "POST", within)
    assert (answer.status, answer.json) == (202, {"replayed": 1, "next": None})
    await post.until(hook, delivered(1))
    assert len(set(post.receiver.ids())) == 1
    assert len({call.body for call in post.receiver.calls}) == 1


async def test_five_days_of_failures_disable_an_endpoint_and_the_door_says_so(post: Post) -> None:
    hook = await post.hook("status/500")
    await facts(post, 1)
    for attempt in range(1, 5):
        await post.attempted(hook, attempt)
        assert (await post.show(hook))["enabled"]
        post.pass_time(1.25 * DAY)
    await post.until(hook, lambda rows: rows[0]["state"] == "dead")
    shown = await post.show(hook)
    assert shown["disabled"]["reason"] == "failing"
    assert shown["failing_since"] == "2026-01-01T00:00:00.000000Z"
    assert post.metric("disabled_total", reason="failing") == 1


async def test_a_slow_endpoint_holds_its_own_calls_and_no_others(post: Post) -> None:
    slow, quick = await post.hook("held"), await post.hook("ok")
    await facts(post, *range(1, 21))
    await post.until(quick, delivered(20))
    assert post.receiver.most_open["/held"] == 2
    assert post.receiver.most_open["/ok"] <= 2
    waiting = await post.log(slow)
    assert sum(row["state"] == "pending" for row in waiting) >= 18


async def test_a_secret_that_was_replaced_signs_beside_the_new_one_until_its_overlap_ends(
    post: Post,
) -> None:
    hook = await post.hook()
    old = post.secrets[hook]
    rotated = await post.ask(f"/{hook}:rotate", "POST", {"overlap_seconds": 600})
    new = rotated.json["secret"]
    await facts(post, 1)
    await post.until(hook, delivered(1))
    post.clock.advance(601)
    await facts(post, 2)
    await post.until(hook, delivered(2))
    during, after = post.receiver.calls
    assert len(during.headers["webhook-signature"].split(" ")) == 2
    for secret in (old, new):
        post.verified(secret, during)
    post.verified(new, after)
    assert len(after.headers["webhook-signature"].split(" ")) == 1


async def test_a_replay_sends_the_same_again(post: Post) -> None:
    hook = await post.hook()
    await facts(post, 1, 2)
    rows = await post.until(hook, delivered(2))
    answer = await post.ask(f"/{hook}:replay", "POST", {"delivery_id": rows[0]["id"]})
    assert (answer.status, answer.json) == (202, {"replayed": 1, "next": None})
    rows = await post.until(hook, lambda found: found[0]["attempts"] == 2)
    first, again = (call for call in post.receiver.calls if call.id == rows[0]["id"])
    assert first.body == again.body
    assert post.metric("delay_seconds_count") == 2, "a replay says nothing about our speed"


async def test_calls_under_way_end_in_a_drain_and_what_was_not_called_is_given_back(
    database: Database,
) -> None:
    async with open_post(database) as post:
        hook = await post.hook("held")
        await facts(post, *range(1, 6))
        post.ring()
        await eventually(lambda: post.receiver.most_open["/held"] == 2)
        post.life.stop()
        post.receiver.gate.set()
        rows = await post.until(hook, lambda found: sum(r["attempts"] for r in found) == 2)
        assert sorted(row["state"] for row in rows) == ["delivered"] * 2 + ["pending"] * 3
        leases = await post.given.writer.fetchval("select max(lease_until) from delivery")
        assert leases == 0


async def test_a_courier_that_was_killed_is_followed_by_another_with_the_same_id(
    post: Post,
) -> None:
    hook = await post.hook()
    await facts(post, 1)
    # As one that died between its claim and its call, or between its call and the record of it.
    dead = Queue(post.given.writer)
    assert len(await dead.claim({UUID(hook): 1}, post.clock.now())) == 1
    assert (await post.log(hook))[0]["next_attempt_at"] is None
    post.pass_time(LEASE_MICROSECONDS / 1_000_000)
    (row,) = await post.until(hook, delivered(1))
    assert post.receiver.ids() == [row["id"]]


async def test_without_its_database_it_waits_says_so_and_then_goes_on(post: Post) -> None:
    hook = await post.hook()
    await eventually(lambda: post.courier.healthy() is None)
    with away(post.given.database, "alerts_writer"):

        async def troubled() -> bool:
            post.pass_time(1)
            return post.courier.healthy() is not None

        await eventually(troubled)
    await facts(post, 1)
    await post.until(hook, delivered(1))
    assert post.courier.healthy() is None


async def test_a_result_that_cannot_be_written_is_written_later(post: Post) -> None:
    hook = await post.hook("held")
    await facts(post, 1)
    post.ring()
    await eventually(lambda: len(post.receiver.calls) == 1)
    with away(post.given.database, "alerts_writer"):
        post.receiver.gate.set()
        await eventually(lambda: post.metric("attempts_total", result="delivered") == 1)
        await eventually(lambda: post.courier.healthy() is not None)
    await post.until(hook, delivered(1))
    assert len(post.receiver.calls) == 1


async def test_two_couriers_deliver_each_once(post: Post) -> None:
    hook = await post.hook()
    async with asyncio.TaskGroup() as tasks, open_egress(loopback=True) as egress:
        metrics = WebhookMetrics(CollectorRegistry())
        other = Courier(Queue(post.given.writer), egress, metrics, post.clock, 2)
        life = Life("alerts", tasks, 5)
        running = tasks.create_task(other.run(life))
        await facts(post, *range(1, 31))
        other.ring(set(post.given.rung))
        await post.until(hook, delivered(30))
        life.stop()
        await running
    assert len(set(post.receiver.ids())) == len(post.receiver.ids()) == 30


async def test_figures_of_the_queue_are_told(post: Post) -> None:
    await post.hook("hang")
    await facts(post, 1)
    post.pass_time(30)

    async def told() -> bool:
        post.pass_time(5)
        return post.metric("pending") == 1 and post.metric("endpoints", state="enabled") == 1

    await eventually(told)
    assert post.metric("queue_age_seconds") >= 0
