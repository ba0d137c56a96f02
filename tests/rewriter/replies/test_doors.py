"""The door of inbound mail, with a log in memory and over real Kafka."""

import asyncio
import secrets
from pathlib import Path
from typing import Any

import orjson
import pytest

from schemas import topics
from schemas.events import MessageBounced, MessageComplained, ReplyAuthor, ReplyReceived
from schemas.settings import TenantSet
from services.rewriter.replies.automatic import Automatic
from services.rewriter.replies.judge import Outcome, Reason
from services.rewriter.replies.match import MatchedBy
from services.rewriter.replies.report import Rule
from services.rewriter.web import openapi
from services.runtime.kafka import Outgoing
from tests.rewriter.given import (
    PARTITIONS,
    Answer,
    Rewriter,
    a_body,
    a_recipient,
    a_rewriter,
    bearer,
    received,
    until,
)
from tests.rewriter.replies.samples import PERSON, REPLY_DOMAIN, SENDER, reply, sample
from tests.rewriter.test_settings_reader import lying_in, over_kafka
from tests.support.clock import START

DOOR = "/v1/replies"
MEDIA = {"Content-Type": "message/rfc822"}
SCHEMAS: Any = orjson.loads(openapi())["components"]["schemas"]


async def hand_in(rewriter: Rewriter, raw: bytes, **headers: str) -> Answer:
    return await rewriter.call("POST", DOOR, "sender", data=raw, headers={**MEDIA, **headers})


async def set_reply_domain(rewriter: Rewriter) -> None:
    body = {"reply_domain": REPLY_DOMAIN}
    answer = await rewriter.call("PUT", "/v1/tenant", "admin", json=body)
    assert answer.status == 200, answer
    held = rewriter.settings.tenant("demo")  # type: ignore[arg-type]  # a NewType's text
    assert isinstance(held, TenantSet)
    assert held.reply_domain == REPLY_DOMAIN


def test_the_document_names_every_outcome_rule_and_reason() -> None:
    shown = SCHEMAS["InboundOutcome"]["properties"]
    assert sorted(shown["outcome"]["enum"]) == sorted(Outcome)
    assert set(shown["rule"]["enum"]) == {*Automatic, *Rule, *MatchedBy, None}
    assert set(shown["matched_by"]["enum"]) == {*MatchedBy, None}
    assert sorted(SCHEMAS["InboundReason"]["properties"]["code"]["enum"]) == sorted(Reason)


async def test_a_reply_to_a_followed_mail_finds_it_by_the_address_it_was_sent_to() -> None:
    async with a_rewriter() as rewriter:
        await set_reply_domain(rewriter)
        sent = (await rewriter.post(a_body(to=[a_recipient(1), a_recipient(2)]))).json
        to = sent["renditions"][0]["headers"]["Reply-To"]
        answer = await hand_in(rewriter, reply(f"To: {to}"), traceparent="x")
        assert (answer.status, answer.json) == (
            200,
            {
                "outcome": "reply",
                "reason": None,
                "rule": "address_token",
                "message_id": sent["message_id"],
                "matched_by": "address_token",
                "ref": PERSON,
                "from_ref": PERSON,
                "returns_at": None,
                "permanent": None,
                "status": None,
            },
        )
        told = rewriter.published(topics.EVENTS)[-1]
        assert isinstance(told.event, ReplyReceived)
        assert told.event.author is ReplyAuthor.RECIPIENT
        assert (told.envelope.tenant, told.envelope.occurred_at) == ("demo", START)
        assert rewriter.counted("replies_total", outcome="reply") == 1
        assert rewriter.counted("reply_rules_total", rule="address_token") == 1


@pytest.mark.parametrize("own", [None, "<own-7@demo.example>"])
async def test_a_reply_finds_its_mail_by_the_id_that_mail_bears(own: str | None) -> None:
    async with a_rewriter() as rewriter:
        headers = {} if own is None else {"Message-ID": own}
        sent = (await rewriter.post(a_body(headers=headers))).json
        shown = sent["renditions"][0]["headers"]["Message-ID"]
        told = (await hand_in(rewriter, reply(f"In-Reply-To: {shown}"))).json
        assert told["message_id"] == sent["message_id"]
        assert told["matched_by"] == ("message_id_token" if own is None else "in_reply_to")


async def test_the_prepared_mail_and_the_reply_name_the_sender_alike() -> None:
    async with a_rewriter() as rewriter:
        sent = (await rewriter.post(a_body())).json
        shown = sent["renditions"][0]["headers"]["Message-ID"]
        raw = reply(f"In-Reply-To: {shown}").replace(b"p1@customer", b"ANA@demo")
        told = (await hand_in(rewriter, raw)).json
        prepared, replied = rewriter.published(topics.EVENTS)
        assert told["from_ref"] == SENDER
        assert getattr(prepared.event, "sender_ref", None) == SENDER
        assert getattr(replied.event, "from_ref", None) == SENDER


@pytest.mark.parametrize(
    ("name", "shown", "event_type"),
    [
        ("exchange_oof", {"outcome": "automatic", "returns_at": "2026-08-03T00:00:00.000000Z"}, ReplyReceived),
        ("postfix_bounce", {"outcome": "bounce", "permanent": True, "status": "5.1.1"}, MessageBounced),
        ("postfix_delayed", {"outcome": "bounce", "permanent": False, "ref": PERSON}, MessageBounced),
        ("arf_complaint", {"outcome": "complaint", "rule": "feedback_report"}, MessageComplained),
        ("newsletter", {"outcome": "unmatched", "rule": "mailing_list", "message_id": None}, None),
        ("gmail_forward", {"outcome": "ignored", "matched_by": "message_id_token"}, None),
    ],
)  # fmt: skip
async def test_what_a_mail_is_is_told_and_recorded(
    name: str, shown: dict[str, Any], event_type: type | None
) -> None:
    async with a_rewriter() as rewriter:
        rewriter.clock.advance(195 * 86_400)  # a day in July 2026
        answer = await hand_in(rewriter, sample(name), **bearer("sender", seconds=200 * 86_400))
        assert answer.status == 200, answer
        assert answer.json.items() >= shown.items()
        assert (answer.json["reason"] is None) == (event_type is not None)
        assert [type(one.event) for one in rewriter.published(topics.EVENTS)] == (
            [] if event_type is None else [event_type]
        )
        assert rewriter.counted("replies_total", outcome=answer.json["outcome"]) == 1


@pytest.mark.parametrize("raw", [b"", b"\0" * 999, b"hello", b"{}", bytes(range(256)) * 99])
async def test_garbage_gets_a_reason(raw: bytes) -> None:
    async with a_rewriter() as rewriter:
        answer = await hand_in(rewriter, raw)
        assert (answer.status, answer.json["outcome"]) == (200, "ignored")
        assert answer.json["reason"]["code"] == "not_a_mail"
        assert rewriter.published(topics.EVENTS) == []
        assert rewriter.counted("reply_rules_total", rule="none") == 1


async def test_nothing_of_the_mail_but_refs_is_recorded() -> None:
    async with a_rewriter() as rewriter:
        await set_reply_domain(rewriter)
        for name in ("gmail_reply_to_token", "exim_bounce", "arf_complaint", "exchange_oof"):
            assert (await hand_in(rewriter, sample(name))).json["reason"] is None
        for one in rewriter.log.memory.published(topics.EVENTS.name):
            value = (one.value or b"").lower()
            for word in (b"customer.example", b"@", b"li ", b"offer", b"please"):
                assert word not in value
        assert rewriter.published(topics.PERSONAL) == []


async def test_the_answer_waits_for_kafka_and_without_it_is_503() -> None:
    async with a_rewriter() as rewriter:
        rewriter.log.memory.held = True
        async with asyncio.TaskGroup() as group:
            asked = group.create_task(hand_in(rewriter, sample("gmail_reply")))
            await until(lambda: rewriter.log.memory.waiting() == 1)
            assert not asked.done()
            rewriter.log.memory.release()
        assert asked.result().status == 200
        rewriter.log.memory.trouble = "kafka: away"
        refused = await hand_in(rewriter, sample("gmail_reply"))
        assert (refused.status, refused.headers["Retry-After"]) == (503, "1")
        assert rewriter.counted("replies_total", outcome="reply") == 1
        # what is not recorded needs no Kafka
        assert (await hand_in(rewriter, b"")).status == 200


async def test_before_the_settings_are_known_nothing_is_judged() -> None:
    async with a_rewriter(caught_up=False) as rewriter:
        assert (await hand_in(rewriter, sample("gmail_reply"))).status == 503
        assert rewriter.published(topics.EVENTS) == []


@pytest.mark.parametrize("media", ["application/json", "text/plain", "multipart/mixed", ""])
async def test_another_type_is_refused(media: str) -> None:
    async with a_rewriter() as rewriter:
        answer = await hand_in(rewriter, sample("gmail_reply"), **{"Content-Type": media})
        assert (answer.status, answer.json["type"]) == (
            415,
            "urn:inkling:problem:unsupported-media-type",
        )


async def test_the_door_is_the_senders_alone() -> None:
    async with a_rewriter() as rewriter:
        assert (await rewriter.call("POST", DOOR, data=b"", headers=MEDIA)).status == 401
        for role in ("seller", "manager", "admin"):
            answer = await rewriter.call("POST", DOOR, role, data=b"", headers=MEDIA)
            assert answer.status == 403
        foreign = {**bearer("sender", tenant="No Tenant"), **MEDIA}
        assert (await rewriter.call("POST", DOOR, data=b"", headers=foreign)).status == 403
        assert (await hand_in(rewriter, b"", Accept="text/html")).status == 406
        assert (await rewriter.call("GET", DOOR, "sender")).status == 405


async def test_a_mail_may_have_30_mb_and_no_more() -> None:
    head = reply("In-Reply-To: <offer-1@demo.example>")
    async with a_rewriter() as rewriter:
        largest = head + b"x" * (30 * 1024 * 1024 - len(head))
        assert (await hand_in(rewriter, largest)).json["outcome"] == "reply"
        assert (await hand_in(rewriter, largest + b"x")).status == 413


async def test_the_same_mail_handed_in_twice_is_one_event_in_kafka(
    kafka_servers: str, tmp_path: Path
) -> None:
    headers = {**bearer("sender", tenant=f"t-{secrets.token_hex(6)}"), **MEDIA}
    raw = reply("In-Reply-To: <offer-1@demo.example>")
    async with over_kafka(kafka_servers, tmp_path) as (client, _):
        told = []
        for _attempt in range(2):
            answer = await client.post(DOOR, headers=headers, data=raw)
            assert answer.status == 200
            told.append(await answer.json())
        assert told[0] == told[1]
        key = told[0]["message_id"].encode()
        number = topics.partition_of(key, PARTITIONS)
        found = await lying_in(kafka_servers, topics.EVENTS.name, number, key)
        events = [
            received(Outgoing(key=one.key or b"", value=one.value, headers=one.headers))
            for one in found
        ]
        assert len({one.envelope.id for one in events}) == 1
        assert isinstance(events[0].event, ReplyReceived)
