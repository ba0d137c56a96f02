"""Deliveries are made with the fold: each fact once for each endpoint that wants it, and only then."""

import asyncio
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as law
from hypothesis import strategies as st

from schemas.events import Event
from schemas.facts import (
    MessageFirstAttachmentViewed,
    MessageFirstClicked,
    MessageFirstReplied,
    MessageRegistered,
)
from services.alerts.facts import Slice
from services.alerts.webhooks.kinds import Kind, delivery_id
from tests.alerts.given import Given
from tests.alerts.records import (
    CAUSE,
    LI,
    MO,
    RIVAL,
    fact_id,
    message,
    opened,
    personal,
    record,
    registered,
    tombstone,
    withdrawn,
)
from tests.alerts.webhooks.given import Post
from tests.support.eventually import eventually
from tests.support.folding import decode

HOOKS = "/v1/webhooks"


def clicked(number: int = 1) -> MessageFirstClicked:
    return MessageFirstClicked(
        message_id=message(number), ordinal=1, event_id=CAUSE, link_index=2, ref=LI
    )


def viewed(number: int = 1) -> MessageFirstAttachmentViewed:
    return MessageFirstAttachmentViewed(
        message_id=message(number), ordinal=1, event_id=CAUSE, attachment_index=1, ref=LI
    )


def replied(number: int = 1) -> MessageFirstReplied:
    return MessageFirstReplied(message_id=message(number), ordinal=1, event_id=CAUSE, ref=LI)


EVERY: list[Event] = [opened(), clicked(), viewed(), replied(), withdrawn()]


async def a_hook(given: Given, *types: str, tenant: str = "demo") -> UUID:
    body = {"url": "https://hooks.example/", "types": types}
    answer = await given.ask(HOOKS, method="POST", json=body, roles=["manager"], tenant=tenant)
    assert answer.status == 201
    return UUID(answer.json["id"])


async def queued(given: Given, hook: UUID) -> list[tuple[UUID, str]]:
    rows = await given.writer.fetch(
        "select id, type from delivery where webhook_id = $1 order by seq", hook
    )
    return [(row["id"], row["type"]) for row in rows]


async def test_every_type_of_fact_is_delivered_and_registration_is_not(given: Given) -> None:
    hook = await a_hook(given)
    await given.say(registered(), *EVERY, *EVERY)
    made = await queued(given, hook)
    assert {name for _, name in made} == set(Kind)
    assert {one for one, _ in made} == {delivery_id(fact_id(event), hook) for event in EVERY}
    assert given.rung == [hook] * 5
    assert given.metric("webhook_made_total") == 5


async def test_an_endpoint_gets_the_types_it_wants_and_its_tenants_only(given: Given) -> None:
    wants = await a_hook(given, "message.first_clicked", "message.first_replied")
    rival = await a_hook(given, tenant="rival")
    await given.say(registered(), *EVERY)
    assert sorted(name for _, name in await queued(given, wants)) == [
        "message.first_clicked", "message.first_replied",
    ]  # fmt: skip
    assert await queued(given, rival) == []
    await given.say(registered(1, tenant=RIVAL), opened(1, tenant=RIVAL), tenant=RIVAL)
    assert len(await queued(given, rival)) == 1
    assert len(await queued(given, wants)) == 2


async def test_a_fact_waits_for_its_message_and_goes_to_who_wants_it_then(given: Given) -> None:
    first = await a_hook(given)
    await given.say(opened(), clicked())
    assert await queued(given, first) == []
    second = await a_hook(given)
    await given.say(registered())
    assert len(await queued(given, first)) == len(await queued(given, second)) == 2
    third = await a_hook(given)
    await given.say(opened(), registered())
    assert await queued(given, third) == [], "a repetition is nothing new"


async def test_a_disabled_endpoint_gets_nothing(given: Given) -> None:
    hook = await a_hook(given)
    answer = await given.ask(
        f"{HOOKS}/{hook}", method="PATCH", json={"enabled": False}, roles=["manager"]
    )
    assert answer.status == 200
    await given.say(registered(), *EVERY)
    assert await queued(given, hook) == []


async def _fold_and_fail(given: Given, ready: Slice) -> None:
    async with given.writer.acquire() as connection, connection.transaction():
        await given.fold.apply(connection, ready)
        raise LookupError


async def test_a_fold_that_does_not_commit_leaves_no_delivery(given: Given) -> None:
    hook = await a_hook(given)
    await given.say(registered())
    ready, _ = decode(given.fold, [record(opened())])
    with pytest.raises(LookupError):
        await _fold_and_fail(given, ready)
    assert await queued(given, hook) == []
    await given.say(opened())
    assert len(await queued(given, hook)) == 1


FACTS = st.one_of(
    st.builds(registered, st.integers(1, 2)),
    st.builds(opened, st.integers(1, 2), st.sampled_from([LI, MO, None])),
    st.builds(clicked, st.integers(1, 2)),
    st.builds(withdrawn, st.integers(1, 2)),
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@law(facts=st.lists(FACTS, max_size=10), data=st.data())
async def test_no_order_slicing_or_repetition_changes_what_is_delivered(
    given: Given, facts: list[Event], data: st.DataObject
) -> None:
    for table in ("webhook", "fact", "alert", "message"):
        await given.writer.execute(f"delete from {table}")  # noqa: S608 - of our own
    hook = await a_hook(given)
    again = data.draw(st.lists(st.sampled_from(facts), max_size=5)) if facts else []
    records = [record(one) for one in data.draw(st.permutations(facts + again))]
    while records:
        size = data.draw(st.integers(1, len(records)))
        await given.fold_in(records[:size])
        records = records[size:]
    known = {one.message_id for one in facts if isinstance(one, MessageRegistered)}
    expected = {
        delivery_id(fact_id(one), hook)
        for one in facts
        if not isinstance(one, MessageRegistered) and getattr(one, "message_id") in known  # noqa: B009
    }
    assert {one for one, _ in await queued(given, hook)} == expected


async def test_an_endpoint_that_is_deleted_meanwhile_does_not_poison_the_fold(given: Given) -> None:
    hook = await a_hook(given)
    await given.say(registered())
    ready, _ = decode(given.fold, [record(opened())])
    async with (
        asyncio.TaskGroup() as tasks,
        given.writer.acquire() as connection,
        connection.transaction(),
    ):
        await connection.execute("delete from webhook where id = $1", hook)

        async def fold() -> None:
            async with given.writer.acquire() as other, other.transaction():
                await given.fold.apply(other, ready)

        folding = tasks.create_task(fold())

        async def blocked() -> bool:
            return bool(await given.writer.fetchval(_BLOCKED))

        await eventually(blocked)
        assert not folding.done()
    assert await queued(given, hook) == []


_BLOCKED = """
select count(*) > 0 from pg_stat_activity
where wait_event_type = 'Lock' and datname = current_database()
"""


async def test_what_is_erased_is_in_no_body_that_is_sent_later(post: Post) -> None:
    hook = await post.hook("status/500", names=True)
    await post.given.say(personal(), registered(), opened())
    await post.attempted(hook, 1)
    assert b"Li" in post.receiver.calls[0].body
    await post.given.fold_in([record(personal())])  # said again, it changes nothing
    post.pass_time(8)
    await post.attempted(hook, 2)
    assert post.receiver.calls[1].body == post.receiver.calls[0].body
    await post.given.fold_in([tombstone()])
    post.pass_time(600)
    await post.attempted(hook, 3)
    (first, _, last) = post.receiver.calls
    assert (last.id, last.json["id"]) == (first.id, first.json["id"])
    assert last.json["data"]["recipient"] == {
        "id": None, "name": None, "address": None, "ref": LI,
    }  # fmt: skip
    assert last.json["data"]["subject"] is None
