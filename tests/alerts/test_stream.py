"""The live stream over real HTTP and a real database."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID

import pytest

from schemas.instant import Instant
from services.alerts.cards import AlertType, Card
from services.alerts.store import Numbered
from services.alerts.stream import GRACE_MICROSECONDS, PAGE, Pace, settled
from tests.alerts.given import STREAM, Given, Live, away, open_doors
from tests.alerts.records import (
    LI,
    MO,
    RIVAL,
    message,
    opened,
    personal,
    record,
    registered,
    withdrawn,
)
from tests.alerts.test_web import refused, valid
from tests.support.eventually import eventually
from tests.support.stack import Database


def numbered(seq: int, *, known: bool = True, age: int = 0) -> Numbered:
    card = Card(
        id=UUID(int=seq),
        type=AlertType.FIRST_OPENED,
        message_id=message(seq),
        owner="ana",
        contact=None,
        subject=None,
        occurred_at=Instant(0),
        created_at=Instant(0),
    )
    return Numbered(seq=seq, card=card, known=known, age=age)


def test_an_alert_waits_a_moment_for_its_names_and_those_behind_it_wait_with_it() -> None:
    young, old = numbered(2, known=False), numbered(2, known=False, age=GRACE_MICROSECONDS)
    assert [one.seq for one in settled([numbered(1), young, numbered(3)])] == [1]
    assert [one.seq for one in settled([numbered(1), old, numbered(3)])] == [1, 2, 3]
    assert settled([]) == []


async def _ids(live: Live, count: int) -> list[str]:
    return [(await live.next()).alert["message_id"] for _ in range(count)]


def _names(*numbers: int) -> list[str]:
    return [str(message(number)) for number in numbers]


async def test_a_stream_is_open_at_once_and_tells_what_comes(given: Given) -> None:
    await given.say(personal(1), registered(1), opened(1, None))
    async with given.stream() as live:
        assert live.answer.headers["Content-Type"] == "text/event-stream"
        assert live.answer.headers["Cache-Control"] == "no-store"
        opening = await live.frame()
        assert opening is not None
        assert opening.fields == {"id": "1", "retry": "3000"}
        await given.say(opened(1))
        event = await live.next()
        assert (event.id, event.fields["event"]) == ("2", "message.first_opened")
        valid("Alert", event.alert)
        assert [event.alert] == [one for one in await given.inbox() if one["recipient"]]
        assert event.alert["recipient"]["id"] == "c-17"
        assert event.alert["subject"] == "Your offer"
        assert given.metric("stream_connections") == 1
    assert given.metric("stream_sent_total") == 1
    await eventually(lambda: given.metric("stream_ended_total", reason="gone") == 1)
    assert given.metric("stream_connections") == 0


async def test_a_stream_resumes_with_exactly_what_was_missed(given: Given) -> None:
    for number in range(1, 7):
        await given.say(personal(number), registered(number))
    async with given.stream() as live:
        await given.say(opened(1))
        last = (await live.next()).id
    await given.say(opened(2), opened(2), opened(3), opened(1))
    async with given.stream(last) as live:
        assert await _ids(live, 2) == _names(2, 3)
        await given.say(opened(4))
        assert await _ids(live, 1) == _names(4)
    async with given.stream("0") as live:
        await given.say(opened(5))
        assert await _ids(live, 5) == _names(1, 2, 3, 4, 5)
    async with given.stream() as live:
        await given.say(opened(6))
        assert await _ids(live, 1) == _names(6)


async def test_a_client_cut_off_before_its_first_event_resumes_from_the_opening(
    given: Given,
) -> None:
    await given.say(personal(1), registered(1))
    async with given.stream() as live:
        opening = await live.frame()
        assert opening is not None
    await given.say(opened(1))
    async with given.stream(opening.id) as live:
        assert await _ids(live, 1) == _names(1)


async def test_more_than_a_page_was_missed(given: Given) -> None:
    count = PAGE * 2 + 3
    facts = [opened(1, ordinal=ordinal) for ordinal in range(1, count + 1)]
    await given.say(personal(1), registered(1))
    await given.fold_in([record(fact) for fact in facts])
    async with given.stream("0") as live:
        ids = [int((await live.next()).id) for _ in facts]
    assert ids == list(range(1, count + 1))


async def test_what_another_process_folded_is_told_too(given: Given) -> None:
    await given.say(personal(1), registered(1), personal(2), registered(2))
    async with given.stream() as live:
        await given.say_elsewhere(opened(1), opened(2))
        assert await _ids(live, 2) == _names(1, 2)


async def test_what_was_withdrawn_meanwhile_is_not_told(given: Given) -> None:
    await given.say(personal(1), registered(1), opened(1, LI), opened(1, MO), withdrawn(1, LI))
    async with given.stream("0") as live:
        assert (await live.next()).alert["recipient"]["ref"] == MO


async def test_everybody_hears_what_is_theirs(given: Given) -> None:
    who: tuple[dict[str, Any], ...] = (
        {}, {"subject": "ben"}, {"subject": "eve", "roles": ["manager"]}, {"tenant": "rival"},
    )  # fmt: skip
    async with AsyncExitStack() as stack:
        ana, ben, manager, rival = [
            await stack.enter_async_context(given.stream(**one)) for one in who
        ]
        for number, owner in ((1, "ana"), (2, "ben"), (3, "ana")):
            await given.say(personal(number), registered(number, owner=owner), opened(number))
        theirs = (personal(9, tenant=RIVAL), registered(9, tenant=RIVAL), opened(9, tenant=RIVAL))
        await given.say(*theirs, tenant=RIVAL)
        assert await _ids(ana, 2) == _names(1, 3)
        assert await _ids(ben, 1) == _names(2)
        assert await _ids(manager, 3) == _names(1, 2, 3)
        assert await _ids(rival, 1) == [str(message(9, RIVAL))]


async def test_an_alert_that_overtakes_its_names_waits_for_them_or_goes_without(
    given: Given,
) -> None:
    await given.say(registered(1), registered(2))
    async with given.stream() as live:
        await given.say(opened(1))
        await given.say(personal(1))
        assert (await live.next()).alert["subject"] == "Your offer"
        await given.say(opened(2))
        without = (await live.next()).alert
        assert without["subject"] is None
        assert without["recipient"] == {"id": None, "name": None, "address": None, "ref": LI}


@pytest.mark.parametrize("last", ["x", "", "-1", "1.5", "2", "9" * 20, "٣"])
async def test_a_bad_last_event_id_is_named(given: Given, last: str) -> None:
    await given.say(registered(1), opened(1))
    problem = refused(await given.ask(STREAM, {"Last-Event-ID": last}), 400, "invalid-field")
    assert problem["field"] == "Last-Event-ID"
    assert given.metric("stream_connections") == 0


async def test_a_stream_has_no_parameters(given: Given) -> None:
    assert refused(await given.ask(f"{STREAM}?limit=5"), 400, "invalid-field")["field"] == "limit"


async def test_a_tenant_has_so_many_streams_and_no_more(given: Given) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(5):
            await stack.enter_async_context(given.stream())
        answer = await given.ask(STREAM)
        refused(answer, 503, "unavailable")
        assert int(answer.headers["Retry-After"]) > 0
        await stack.enter_async_context(given.stream(tenant="rival"))
    assert given.metric("stream_refused_total") == 1

    async def admitted() -> bool:
        async with given.client.get(STREAM, headers=given.bearer()) as answer:
            return answer.status == 200

    await eventually(admitted)


async def test_a_stream_ends_when_its_token_does(given: Given) -> None:
    async with given.stream(seconds=0.3) as live:
        await live.ended()
    assert given.metric("stream_ended_total", reason="expired") == 1


async def test_a_stream_ends_on_a_restart_with_a_time_to_come_back(given: Given) -> None:
    async with given.stream() as live:
        await live.frame()
        given.life.stop()
        (farewell,) = await live.ended()
        assert 1_000 <= int(farewell.fields["retry"]) <= 10_000
    assert given.metric("stream_ended_total", reason="stopping") == 1


async def test_a_silent_stream_says_that_it_lives(database: Database) -> None:
    async with (
        open_doors(database, pace=Pace(heartbeat_seconds=0.05)) as given,
        given.stream() as live,
    ):
        await live.frame()
        for _ in range(3):
            beat = await live.frame()
            assert beat is not None
            assert set(beat.fields) == {""}


async def test_a_client_that_does_not_read_is_cut_and_can_come_back(database: Database) -> None:
    async with open_doors(database, pace=Pace(write_seconds=0.2)) as given:
        await given.say(personal(1, "x" * 2000), registered(1))
        facts = [opened(1, ordinal=ordinal) for ordinal in range(1, 6001)]
        for start in range(0, len(facts), 2000):
            await given.fold_in([record(fact) for fact in facts[start : start + 2000]])
        async with given.stream("0"):
            await eventually(lambda: given.metric("stream_ended_total", reason="slow") == 1)
        sent = int(given.metric("stream_sent_total"))
        assert 0 < sent < len(facts)
        async with given.stream(str(sent)) as live:
            assert int((await live.next()).id) == sent + 1


async def test_a_stream_outlives_a_database_that_is_away(given: Given) -> None:
    await given.say(personal(1), registered(1))
    async with given.stream() as live:
        await live.frame()
        with away(given.database, "alerts_reader"):
            await given.say(opened(1))
            await eventually(lambda: given.metric("stream_retries_total") > 0)
        assert await _ids(live, 1) == _names(1)


async def test_many_streams_hear_of_an_alert_at_once(database: Database) -> None:
    async with open_doors(database, streams=50) as given, AsyncExitStack() as stack:
        lives = [
            await stack.enter_async_context(given.stream(roles=["manager"])) for _ in range(50)
        ]
        await given.say(personal(1), registered(1), opened(1))
        async with asyncio.TaskGroup() as tasks:
            heard = [tasks.create_task(_ids(live, 1)) for live in lives]
        assert [one.result() for one in heard] == [_names(1)] * 50
