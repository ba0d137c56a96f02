"""The directory asked over real HTTP: slow, dead, talking nonsense, too much, and of another tenant."""

import asyncio
from typing import Any

import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry

from schemas import topics
from schemas.events import RecipientKind
from schemas.identity import Tenant
from services.rewriter.directory import answers
from services.rewriter.directory.answers import NOBODY, Known
from services.rewriter.directory.directory import open_directory
from services.rewriter.directory.patience import FAILURES, REST_SECONDS
from services.rewriter.metrics import Metrics
from tests.rewriter.directory.given import Asking, a_directory
from tests.rewriter.given import CONFIG, a_body, a_recipient, a_rewriter, until
from tests.support.clock import ManualClock

DEMO, OTHER = Tenant("demo"), Tenant("other")
P1, P2, P3, P9 = (f"p{number}@customer.example" for number in (1, 2, 3, 9))
CONTACT = Known(RecipientKind.CONTACT, "c-1", "Asia/Singapore")


async def test_all_unknown_addresses_of_a_mail_are_asked_for_in_one_call_and_remembered() -> None:
    async with a_directory(token="s3cret") as asking:
        found = await asking.directory.look_up(DEMO, [P1.upper(), P2, P9, P1])
        assert found == {P1: CONTACT, P2: Known(RecipientKind.LEAD), P9: NOBODY}
        again = await asking.directory.look_up(DEMO, [P9, P1, P3])
        assert again[P3] == Known(RecipientKind.ACCOUNT, refuses=True)
        assert asking.theirs.questions == [
            {"tenant": "demo", "addresses": [P1, P2, P9]},
            {"tenant": "demo", "addresses": [P3]},
        ]
        assert asking.theirs.headers[0]["Authorization"] == "Bearer s3cret"
        await asking.directory.look_up(OTHER, [P1])
        assert asking.theirs.questions[-1]["tenant"] == "other"
        asking.clock.advance(61.0)
        await asking.directory.look_up(DEMO, [P1])
        assert len(asking.theirs.questions) == 4
        assert asking.counted("calls_total", outcome="answered") == 4
        assert asking.counted("addresses_total", outcome="found") == 8


@pytest.mark.parametrize("cache_entries", [100, 0])
async def test_what_is_being_asked_is_not_asked_again(cache_entries: int) -> None:
    async with a_directory(cache_entries=cache_entries) as asking:
        asking.theirs.open.clear()
        async with asyncio.TaskGroup() as group:
            first = group.create_task(asking.directory.look_up(DEMO, [P1, P2]))
            await until(lambda: len(asking.theirs.questions) == 1)
            second = group.create_task(asking.directory.look_up(DEMO, [P2]))
            third = group.create_task(asking.directory.look_up(DEMO, [P2, P3]))
            await until(lambda: len(asking.theirs.questions) == 2)
            asking.theirs.open.set()
        assert [one["addresses"] for one in asking.theirs.questions] == [[P1, P2], [P3]]
        assert first.result() == {P1: CONTACT, P2: Known(RecipientKind.LEAD)}
        assert second.result() == {P2: Known(RecipientKind.LEAD)}
        assert third.result().keys() == {P2, P3}


def large() -> bytes:
    return b'{"tenant": "demo", "recipients": [' + b" " * answers.MAX_ANSWER_BYTES + b"]}"


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (web.Response(status=500), "refused"),
        (web.Response(status=302, headers={"Location": "/who"}), "refused"),
        (web.Response(status=401), "refused"),
        (web.Response(body=b"{}", content_type="text/html"), "bad_answer"),
        (web.Response(body=b"<html>", content_type="application/json"), "bad_answer"),
        (web.Response(body=large(), content_type="application/json"), "too_large"),
        (
            web.json_response({"tenant": "other", "recipients": []}),
            "bad_answer",
        ),
    ],
)
async def test_what_is_no_answer_is_none_and_is_not_remembered(
    answer: web.Response, outcome: str
) -> None:
    async with a_directory() as asking:
        asking.theirs.answer = answer
        assert await asking.directory.look_up(DEMO, [P1]) == {}
        assert len(asking.theirs.questions) == 1
        assert asking.counted("calls_total", outcome=outcome) == 1
        assert asking.counted("addresses_total", outcome="unknown") == 1
        asking.theirs.answer = None
        assert await asking.directory.look_up(DEMO, [P1]) == {P1: CONTACT}


async def test_a_slow_one_is_waited_for_no_longer_than_the_deadline() -> None:
    async with a_directory(seconds=0.1) as asking:
        await asking.directory.look_up(DEMO, [P2])
        asking.theirs.open.clear()
        async with asyncio.timeout(3.0):
            assert await asking.directory.look_up(DEMO, [P1, P2]) == {P2: Known(RecipientKind.LEAD)}
        assert asking.counted("calls_total", outcome="timeout") == 1


async def test_a_dead_one_costs_some_mails_their_deadline_and_the_others_nothing() -> None:
    async with a_directory(seconds=0.1) as asking:
        asking.theirs.open.clear()
        for _ in range(FAILURES + 5):
            assert await asking.directory.look_up(DEMO, [P1]) == {}
        assert len(asking.theirs.questions) == FAILURES
        asking.theirs.open.set()
        asking.clock.advance(REST_SECONDS)
        assert await asking.directory.look_up(DEMO, [P1]) == {P1: CONTACT}
        assert await asking.directory.look_up(DEMO, [P2]) == {P2: Known(RecipientKind.LEAD)}


async def test_one_that_is_not_there_at_all_is_away() -> None:
    async with a_directory(url="http://127.0.0.1:1/who") as asking:
        assert await asking.directory.look_up(DEMO, [P1]) == {}
        assert asking.counted("calls_total", outcome="unreachable") == 1


async def test_a_certificate_that_nobody_vouches_for_is_not_trusted(tmp_path: Any) -> None:
    async with a_directory() as asking:
        url = asking.directory._url.replace("http://", "https://")
        async with a_directory(url=url) as other:
            assert await other.directory.look_up(DEMO, [P1]) == {}
            assert asking.theirs.questions == []


async def test_without_an_address_there_is_none() -> None:
    counted = Metrics(CollectorRegistry())
    async with open_directory(CONFIG.directory, ManualClock(), counted) as directory:
        assert directory is None


def told(mail: Any) -> list[str | None]:
    return [one["reason"] and one["reason"]["code"] for one in mail["recipients"]]


MIXED = [a_recipient(1, None), a_recipient(3, None), a_recipient(9, None), a_recipient(7, "lead")]


async def test_a_mail_is_followed_for_whom_the_directory_names() -> None:
    async with a_directory() as asking, a_rewriter(directory=asking.directory) as rewriter:
        mail = (await rewriter.post(a_body(to=MIXED))).json
        assert told(mail) == [None, "recipient_refuses", "kind_not_followable", None]
        assert [one["kind"] for one in mail["recipients"]] == [
            "contact",
            "account",
            "other",
            "lead",
        ]
        assert mail["recipients"][0]["id"] == "c-1"
        assert asking.theirs.questions == [{"tenant": "demo", "addresses": [P1, P3, P9]}]


async def test_nobody_is_asked_for_mail_that_is_not_to_be_followed_or_says_all_itself() -> None:
    async with a_directory() as asking, a_rewriter(directory=asking.directory) as rewriter:
        await rewriter.post(a_body(to=MIXED, follow=False))
        await rewriter.post(a_body(to=[a_recipient(7, "lead"), a_recipient(8, "other")]))
        assert asking.theirs.questions == []


async def test_while_it_is_away_mail_goes_on_and_says_for_whom_it_was() -> None:
    async with a_directory() as asking, a_rewriter(directory=asking.directory) as rewriter:
        asking.theirs.answer = web.Response(status=503)
        mail = (await rewriter.post(a_body(to=MIXED))).json
        away = "directory_unavailable"
        assert told(mail) == [away, away, away, None]
        assert mail["followed"] is True
        alone = (await rewriter.post(a_body(to=MIXED[:1]))).json
        assert (alone["followed"], alone["reason"]["code"]) == (False, away)
        assert alone["renditions"][0]["html"] == a_body()["html"]


async def test_where_the_operator_wants_it_mail_waits_for_the_directory_or_passes() -> None:
    async with (
        a_directory(away="unavailable") as asking,
        a_rewriter(directory=asking.directory) as rewriter,
    ):
        asking.theirs.answer = web.Response(status=503)
        answer = await rewriter.post(a_body(to=MIXED))
        assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
        assert "directory" in answer.json["detail"]
        passed = await rewriter.post(a_body(to=MIXED, if_unavailable="pass"))
        assert (passed.status, passed.json["reason"]["code"]) == (201, "unavailable")
        assert not rewriter.log.memory.published("engagement.events.v1")
        preview = await rewriter.call("POST", "/v1/mail:preview", "sender", json=a_body(to=MIXED))
        assert preview.status == 503
        asking.theirs.answer = None
        asking.clock.advance(REST_SECONDS)
        assert (await rewriter.post(a_body(to=MIXED))).status == 201


async def test_a_mail_handed_in_again_is_decided_anew_under_the_same_ids() -> None:
    async with a_directory() as asking, a_rewriter(directory=asking.directory) as rewriter:
        asking.theirs.answer = web.Response(status=503)
        body = a_body(to=MIXED[:1])
        first = await rewriter.post(body, Idempotency_Key="k-1")
        asking.theirs.answer = None
        second = await rewriter.post(body, Idempotency_Key="k-1")
        assert (first.json["followed"], second.json["followed"]) == (False, True)
        assert first.json["message_id"] == second.json["message_id"]
        one, two = rewriter.published(topics.EVENTS)
        assert one.envelope.id == two.envelope.id


async def test_whoever_waits_for_a_call_that_is_given_up_does_not_wait_for_ever() -> None:
    async with a_directory() as asking:
        asking.theirs.open.clear()
        async with asyncio.TaskGroup() as group:
            first = group.create_task(asking.directory.look_up(DEMO, [P1]))
            await until(lambda: len(asking.theirs.questions) == 1)
            second = group.create_task(asking.directory.look_up(DEMO, [P1]))
            await asyncio.sleep(0)
            first.cancel()
        assert second.result() == {}
        asking.theirs.open.set()
        assert await asking.directory.look_up(DEMO, [P1]) == {P1: CONTACT}


async def test_nothing_of_it_names_a_person_in_logs_or_metrics(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with a_directory(token="s3cret") as asking:
        await fail(asking)
        shown = capsys.readouterr()
        assert "customer.example" not in shown.out + shown.err
        assert "s3cret" not in shown.out + shown.err
        labels = [
            sample.labels for family in asking.registry.collect() for sample in family.samples
        ]
        assert "customer" not in str(labels)


async def fail(asking: Asking) -> None:
    for answer in (web.Response(status=500), web.json_response({"tenant": P1})):
        asking.theirs.answer = answer
        assert await asking.directory.look_up(DEMO, [P1]) == {}
