import asyncio
import base64
from typing import Any

import pytest

from schemas import topics
from schemas.events import MessagePrepared
from schemas.personal import MessagePersonal
from schemas.token import Purpose, read
from tests.rewriter.given import (
    CONFIG,
    HTML,
    TARGET,
    URL,
    Rewriter,
    a_body,
    a_recipient,
    a_rewriter,
    until,
)
from tests.support.clock import START

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def nothing_left(rewriter: Rewriter) -> bool:
    return not rewriter.published(topics.EVENTS) and not rewriter.published(topics.PERSONAL)


async def test_a_mail_is_followed_and_its_records_are_safe_before_the_answer() -> None:
    async with a_rewriter() as rewriter:
        answer = await rewriter.post(a_body(to=[a_recipient(1, id="c-1")]), traceparent=TRACE)
        assert answer.status == 201, answer
        told = answer.json
        (copy,) = told["renditions"]
        assert (told["followed"], copy["recipient"], copy["followed"]) == (True, "c-1", True)
        link = copy["html"].split(f'href="{URL}/c/')[1].split('"')[0]
        assert read(CONFIG.token_keys, Purpose.CLICK, link).url == TARGET
        (personal,) = rewriter.published(topics.PERSONAL)
        (happened,) = rewriter.published(topics.EVENTS)
        assert isinstance(personal.event, MessagePersonal)
        assert isinstance(happened.event, MessagePrepared)
        for one in (personal, happened):
            assert str(getattr(one.event, "message_id", "")) == told["message_id"]
            assert one.envelope.traceparent == TRACE
            assert one.envelope.tenant == "demo"
            assert one.envelope.occurred_at == START
        assert happened.event.followed
        assert rewriter.counted("mails_total", outcome="followed") == 1
        assert rewriter.counted("publish_seconds_count") == 1


async def test_the_answer_waits_for_kafka() -> None:
    async with a_rewriter() as rewriter:
        rewriter.log.memory.held = True
        async with asyncio.TaskGroup() as group:
            asked = group.create_task(rewriter.post(a_body()))
            await until(lambda: len(rewriter.log.memory._waiting) == 2)
            assert not asked.done()
            rewriter.log.memory.release()
        assert asked.result().status == 201


async def test_the_same_call_twice_is_answered_with_the_same_bytes() -> None:
    async with a_rewriter() as rewriter:
        body = a_body(to=[a_recipient(1), a_recipient(2, kind="other")])
        first = await rewriter.post(body, Idempotency_Key="order-77")
        rewriter.clock.advance(30)
        again = await rewriter.post(body, Idempotency_Key="order-77")
        assert (first.status, first.raw) == (201, again.raw)
        own = a_body(headers={"message-id": "<offer-1@demo.example>"})
        third = await rewriter.post(own)
        fourth = await rewriter.post({**own}, Idempotency_Key="ignored")
        assert third.raw == fourth.raw
        ids = [one.envelope.id for one in rewriter.published(topics.EVENTS)]
        assert (len(ids), len(set(ids))) == (4, 2)
        assert third.json["renditions"][0]["headers"]["Message-ID"] == "<offer-1@demo.example>"


async def test_without_a_name_every_call_is_a_mail_of_its_own() -> None:
    async with a_rewriter() as rewriter:
        first, second = await rewriter.post(a_body()), await rewriter.post(a_body())
        assert first.json["message_id"] != second.json["message_id"]
        other = await rewriter.post(a_body(subject="x"), Idempotency_Key="a")
        assert (
            other.json["message_id"]
            != (await rewriter.post(a_body(), Idempotency_Key="a")).json["message_id"]
        )


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "ä"])
async def test_an_idempotency_key_is_visible_ascii(key: str) -> None:
    async with a_rewriter() as rewriter:
        answer = await rewriter.post(a_body(), Idempotency_Key=key)
        assert (answer.status, answer.json["field"]) == (400, "Idempotency-Key")
        assert nothing_left(rewriter)


async def test_a_mail_that_is_not_followed_is_recorded_and_leaves_byte_for_byte() -> None:
    html = "<p>\r\n\tÄ \ufeff&amp;<A href=x>\u2028</p>"
    async with a_rewriter() as rewriter:
        answer = await rewriter.post(a_body(follow=False, html=html, text="\r\n x"))
        told = answer.json
        assert (answer.status, told["followed"]) == (201, False)
        assert told["reason"] == {
            "code": "not_requested",
            "detail": "You chose not to follow this email.",
        }
        assert (told["renditions"][0]["html"], told["renditions"][0]["text"]) == (html, "\r\n x")
        (happened,) = rewriter.published(topics.EVENTS)
        assert isinstance(happened.event, MessagePrepared)
        assert happened.event.reason == "not_requested"
        assert rewriter.counted("mail_reasons_total", reason="not_requested") == 1


async def test_files_nobody_follows_stay_attached_as_they_came() -> None:
    content = base64.b64encode(bytes(range(256))).decode()
    file = {"name": "Ä offer.pdf", "content_type": "application/pdf", "content": content}
    async with a_rewriter() as rewriter:
        answer = await rewriter.post(a_body(attachments=[file, {**file, "content_id": "<a@b>"}]))
        told = answer.json
        assert told["renditions"][0]["attachments"] == [
            {**file, "content_id": None},
            {**file, "content_id": "a@b"},
        ]
        assert [(one["size"], one["reason"]["code"]) for one in told["attachments"]] == [
            (256, "not_requested"),
            (256, "not_requested"),
        ]
        assert not any(rewriter.folder.rglob("*"))


async def test_a_preview_is_the_same_markup_and_leaves_nothing() -> None:
    async with a_rewriter() as rewriter:
        body = a_body(headers={"Message-ID": "<a@demo.example>"})
        shown = await rewriter.call("POST", "/v1/mail:preview", "sender", json=body)
        assert shown.status == 200
        assert nothing_left(rewriter)
        sent = (await rewriter.post(body)).json
        assert {**shown.json, "renditions": []} == {**sent, "renditions": []}
        html = shown.json["renditions"][0]["html"]
        pixel = html.split(f'src="{URL}/o/')[1].split(".gif")[0]
        assert not read(CONFIG.token_keys, Purpose.OPEN, pixel).recorded
        assert len(html) == len(sent["renditions"][0]["html"])
        assert rewriter.counted("mails_total", outcome="previewed") == 1


async def test_without_kafka_a_mail_is_refused_and_a_repeat_finds_the_same_ids() -> None:
    async with a_rewriter() as rewriter:
        rewriter.log.memory.trouble = "kafka: away"
        refused = await rewriter.post(a_body(), Idempotency_Key="k")
        assert (refused.status, refused.json["type"]) == (503, "urn:inkling:problem:unavailable")
        assert refused.headers["Retry-After"] == "1"
        assert "kafka" not in refused.raw.decode()
        assert nothing_left(rewriter)
        assert rewriter.counted("mails_total", outcome="refused_unavailable") == 1
        rewriter.log.memory.trouble = None
        assert (await rewriter.post(a_body(), Idempotency_Key="k")).status == 201
        assert (
            await rewriter.call("POST", "/v1/mail:preview", "sender", json=a_body())
        ).status == 200


async def test_where_the_caller_asked_for_it_the_mail_passes_untouched() -> None:
    async with a_rewriter() as rewriter:
        rewriter.log.memory.trouble = "kafka: away"
        answer = await rewriter.post(a_body(if_unavailable="pass"))
        told = answer.json
        assert (answer.status, told["followed"], told["reason"]["code"]) == (
            201,
            False,
            "unavailable",
        )
        assert [one["html"] for one in told["renditions"]] == [HTML]
        assert told["recipients"][0]["reason"]["code"] == "unavailable"
        assert told["links"][0]["reason"]["code"] == "unavailable"
        assert nothing_left(rewriter)
        assert rewriter.counted("mails_total", outcome="passed_unavailable") == 1


async def test_before_the_settings_are_known_nothing_is_followed() -> None:
    async with a_rewriter(caught_up=False) as rewriter:
        assert (await rewriter.post(a_body())).status == 503
        assert (
            await rewriter.call("POST", "/v1/mail:preview", "sender", json=a_body())
        ).status == 503
        passed = await rewriter.post(a_body(if_unavailable="pass"))
        assert (passed.status, passed.json["followed"]) == (201, False)
        assert nothing_left(rewriter)


@pytest.mark.parametrize(
    ("changes", "slug", "field"),
    [
        ({"owner": None}, "invalid-field", "/owner"),
        ({"owner": 5}, "invalid-field", "/owner"),
        ({"subject": "a\0b"}, "invalid-field", "/subject"),
        ({"colour": "red"}, "unknown-field", "/colour"),
        ({"to": [{"name": "nobody"}]}, "invalid-field", "/to/0/address"),
        ({"to": [a_recipient(1), a_recipient(2, time_zone="Mars/Olympus")]}, "invalid-field", "/to/1/time_zone"),
        ({"attachments": [{"name": "a", "content": "&&&"}]}, "invalid-field", "/attachments/0/content"),
        ({"headers": {"X-A": "b\r\nBcc: eve@evil.example"}}, "invalid-field", "/headers/X-A"),
        ({"headers": {"X-A\r\nBcc": "b"}}, "invalid-field", "/headers"),
        ({"to": []}, "invalid-field", "/to"),
        ({"html": "x" * 4_000_000, "to": [a_recipient(n) for n in range(18)]}, "too-large", "/to"),
        ({"to": [a_recipient(n, name="ß" * 256, id="ü" * 256) for n in range(300)]}, "too-large", "/to"),
    ],
)  # fmt: skip
async def test_a_fault_is_named_and_nothing_is_half_done(
    changes: dict[str, Any], slug: str, field: str
) -> None:
    async with a_rewriter() as rewriter:
        answer = await rewriter.post(a_body(**changes))
        assert (answer.status, answer.json["type"]) == (422, f"urn:inkling:problem:{slug}")
        assert answer.json["field"] == field
        assert nothing_left(rewriter)
        assert rewriter.counted("mails_total", outcome="refused") == 1
        assert "eve@" not in answer.raw.decode()


async def test_an_invalid_trace_is_not_forwarded() -> None:
    async with a_rewriter() as rewriter:
        await rewriter.post(a_body(), traceparent="nonsense")
        assert rewriter.published(topics.EVENTS)[0].envelope.traceparent is None
