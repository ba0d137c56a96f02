"""The fold, through the real SQL: no order, slicing or repetition changes an inbox, and one fact is one alert."""

import asyncio

from hypothesis import HealthCheck, settings
from hypothesis import given as law
from hypothesis import strategies as st

from schemas.facts import MessageFirstOpened, MessageFirstOpenWithdrawn, MessageRegistered
from services.alerts.metrics import Outcome
from tests.alerts.given import Given
from tests.alerts.records import (
    DEMO,
    LI,
    MO,
    RIVAL,
    fact_id,
    opened,
    personal,
    record,
    registered,
    tombstone,
    withdrawn,
)
from tests.support.clock import START
from tests.support.eventually import eventually
from tests.support.folding import decode

MESSAGES = st.integers(1, 3)
REFS = st.sampled_from([LI, MO, None])
ORDINALS = st.integers(1, 2)
SAID = st.one_of(
    st.builds(registered, MESSAGES, owner=st.just("ana")),
    st.builds(opened, MESSAGES, REFS, ORDINALS),
    st.builds(opened, MESSAGES, REFS, ORDINALS),
    st.builds(withdrawn, MESSAGES, REFS, ORDINALS),
)
Fact = MessageRegistered | MessageFirstOpened | MessageFirstOpenWithdrawn


def expected(facts: list[Fact]) -> set[str]:
    """Say by the definition alone what is in the inbox: stated, registered, not withdrawn."""
    known = {one.message_id for one in facts if isinstance(one, MessageRegistered)}
    gone = {
        (one.message_id, one.ref, one.ordinal)
        for one in facts
        if isinstance(one, MessageFirstOpenWithdrawn)
    }
    return {
        str(fact_id(one))
        for one in facts
        if isinstance(one, MessageFirstOpened)
        and one.message_id in known
        and (one.message_id, one.ref, one.ordinal) not in gone
    }


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@law(facts=st.lists(SAID, max_size=12), data=st.data())
async def test_no_order_slicing_or_repetition_changes_the_inbox(
    given: Given, facts: list[Fact], data: st.DataObject
) -> None:
    await given.writer.execute("delete from alert")
    await given.writer.execute("delete from message")
    again = data.draw(st.lists(st.sampled_from(facts), max_size=6)) if facts else []
    records = [record(one) for one in data.draw(st.permutations(facts + again))]
    while records:
        size = data.draw(st.integers(1, len(records)))
        await given.fold_in(records[:size])
        records = records[size:]
    assert {one["id"] for one in await given.inbox("?limit=500")} == expected(facts)
    numbers = await given.writer.fetch("select seq from alert where seq is not null order by seq")
    assert len({row["seq"] for row in numbers}) == len(numbers)
    assert given.refused == []


async def test_a_first_open_of_a_registered_message_is_one_alert(given: Given) -> None:
    await given.say(personal(1), registered(1), at=START)
    await given.say(opened(1), opened(1), at=START + 7)
    (alert,) = await given.inbox()
    assert alert["id"] == str(fact_id(opened(1)))
    assert alert["recipient"] == {
        "id": "c-17", "name": "Li", "address": "li@customer.example", "ref": LI,
    }  # fmt: skip
    assert (alert["subject"], alert["owner"]) == ("Your offer", "ana")
    assert alert["occurred_at"] == "2026-01-01T00:00:00.000007Z"
    assert given.metric("facts_total", type="message.first_opened.v1", outcome=Outcome.ALERTED) == 1
    assert given.metric("facts_total", type="message.first_opened.v1", outcome="duplicate") == 1
    assert given.metric("alerts_total", type="message.first_opened") == 1


async def test_an_alert_waits_for_its_message_and_then_enters(given: Given) -> None:
    await given.say(opened(1), opened(2))
    assert await given.inbox(roles=["manager"]) == []
    assert given.metric("facts_total", type="message.first_opened.v1", outcome="waiting") == 2
    await given.say(registered(2, owner="ben"))
    assert [one["owner"] for one in await given.inbox(roles=["manager"])] == ["ben"]
    await given.say(registered(1))
    assert len(await given.inbox(roles=["manager"])) == 2


async def test_a_withdrawn_open_leaves_and_the_next_persons_open_alerts(given: Given) -> None:
    await given.say(registered(1), opened(1), withdrawn(1))
    assert await given.inbox() == []
    await given.say(opened(1, ordinal=2))
    assert [one["id"] for one in await given.inbox()] == [str(fact_id(opened(1, ordinal=2)))]
    await given.say(opened(1), withdrawn(1))
    assert len(await given.inbox()) == 1
    assert (
        given.metric("facts_total", type="message.first_open_withdrawn.v1", outcome="duplicate")
        == 1
    )


async def test_the_first_registration_holds(given: Given) -> None:
    await given.say(registered(1, owner="ana"), registered(1, owner="eve"), opened(1))
    assert [one["owner"] for one in await given.inbox()] == ["ana"]
    assert await given.inbox(subject="eve") == []


async def test_personal_data_comes_and_goes_with_its_topic(given: Given) -> None:
    await given.say(registered(1), opened(1))
    (bare,) = await given.inbox()
    assert (bare["subject"], bare["recipient"]["address"]) == (None, None)
    await given.fold_in([record(personal(1, "old")), record(personal(1, "new"))])
    assert [one["subject"] for one in await given.inbox()] == ["new"]
    await given.fold_in([tombstone(1)])
    assert [one["subject"] for one in await given.inbox()] == [None]
    assert (await given.inbox())[0]["recipient"]["ref"] == LI


async def test_numbers_follow_the_order_of_commits_within_a_tenant(given: Given) -> None:
    """Whoever sees a number sees every smaller one: slices of one tenant wait for each other."""
    await given.say(registered(1), registered(2))
    go = asyncio.Event()

    async def fold(number: int, partition: int, may_commit: asyncio.Event) -> None:
        ready, _ = decode(given.fold, [record(opened(number))])
        async with given.writer.acquire() as connection, connection.transaction():
            await given.fold.apply(connection, ready)
            applied.set()
            await may_commit.wait()

    async with asyncio.TaskGroup() as tasks:
        applied = asyncio.Event()
        tasks.create_task(fold(1, 3, go))
        await applied.wait()
        applied = asyncio.Event()
        overtaking = tasks.create_task(fold(2, 4, applied))

        async def blocked() -> bool:
            return bool(await given.writer.fetchval(_BLOCKED))

        await eventually(blocked)
        assert not overtaking.done()
        assert await given.inbox() == []
        go.set()
    rows = await given.writer.fetch("select fact_id, seq from alert order by seq")
    assert [row["fact_id"] for row in rows] == [fact_id(opened(1)), fact_id(opened(2))]


_BLOCKED = """
select count(*) > 0 from pg_stat_activity
where wait_event_type = 'Lock' and datname = current_database()
"""


async def test_tenants_are_numbered_apart(given: Given) -> None:
    await given.say(registered(1), opened(1))
    await given.say(registered(1, tenant=RIVAL), opened(1, tenant=RIVAL), tenant=RIVAL)
    rows = await given.writer.fetch("select tenant, seq from alert order by tenant")
    assert [tuple(row) for row in rows] == [(DEMO, 1), (RIVAL, 1)]
