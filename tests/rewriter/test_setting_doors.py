import asyncio
import re

import pytest

from schemas import identity, token, topics
from schemas.identity import RecipientRef
from schemas.settings import PreferenceSet, TenantSet
from schemas.token import Purpose
from services.rewriter import setting_doors
from tests.rewriter.given import KEYS, TENANT, a_body, a_recipient, a_rewriter, bearer, until

DOOR = "/v1/preferences/p1%40customer.example"
REF = identity.recipient_ref(KEYS.recipients, TENANT, "p1@customer.example")
TOKEN = re.compile(r"https://t\.example/([oc])/([A-Za-z0-9_-]+)")
SET_AT = "2026-01-01T00:00:00.000000Z"


async def test_a_recipient_nobody_has_asked_allows_it() -> None:
    async with a_rewriter() as rewriter:
        answer = await rewriter.call("GET", DOOR, "seller")
        expected = {"ref": REF, "follow": "allow", "since": None, "by": None}
        assert (answer.status, answer.json) == (200, expected)


async def test_a_refusal_holds_from_the_next_mail_on() -> None:
    async with a_rewriter() as rewriter:
        refused = {"ref": REF, "follow": "do_not_allow", "since": SET_AT, "by": "ana"}
        put = await rewriter.call("PUT", DOOR, "seller", json={"follow": "do_not_allow"})
        assert (put.status, put.json) == (200, refused)
        upper = "/v1/preferences/P1@Customer.example"
        assert (await rewriter.call("GET", upper, "seller")).json == refused
        mail = (await rewriter.post(a_body(to=[a_recipient(1), a_recipient(2)]))).json
        reasons = [one["reason"] and one["reason"]["code"] for one in mail["recipients"]]
        assert reasons == ["recipient_refuses", None]
        await rewriter.call("PUT", DOOR, "seller", json={"follow": "allow"})
        assert (await rewriter.post(a_body())).json["followed"] is True
        first, second = rewriter.published(topics.SETTINGS)
        assert isinstance(first.event, PreferenceSet)
        assert first.envelope.id != second.envelope.id
        raw = b"".join(
            one.value or b"" for one in rewriter.log.memory.published(topics.SETTINGS.name)
        )
        assert b"customer" not in raw
        assert rewriter.counted("settings_put_total", kind="preference") == 2


async def test_another_tenants_preference_is_another() -> None:
    async with a_rewriter() as rewriter:
        await rewriter.call("PUT", DOOR, "seller", json={"follow": "do_not_allow"})
        other = bearer("seller", tenant="other")
        answer = await rewriter.call("GET", DOOR, headers=other)
        assert (answer.json["follow"], answer.json["ref"] == REF) == ("allow", False)


@pytest.mark.parametrize(
    "address", ["nobody", "a%40b%40c", "a%0A%40b.example", "%20", "a%40" + "b" * 320]
)
@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_what_is_no_address_is_refused(method: str, address: str) -> None:
    async with a_rewriter() as rewriter:
        answer = await rewriter.call(
            method, f"/v1/preferences/{address}", "seller", json={"follow": "allow"}
        )
        assert (answer.status, answer.json["field"]) == (400, "address")


async def test_an_address_with_a_slash_is_an_address() -> None:
    async with a_rewriter() as rewriter:
        answer = await rewriter.call("GET", "/v1/preferences/a%2Fb%40c.example", "seller")
        assert answer.json["ref"] == identity.recipient_ref(
            KEYS.recipients, TENANT, "a/b@c.example"
        )


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "/follow"),
        ({"follow": "maybe"}, "/follow"),
        ({"follow": None}, "/follow"),
        ({"follow": "allow", "x": 1}, "/x"),
    ],
)
async def test_a_preference_with_a_fault_is_refused(body: dict[str, object], field: str) -> None:
    async with a_rewriter() as rewriter:
        answer = await rewriter.call("PUT", DOOR, "seller", json=body)
        assert (answer.status, answer.json["field"]) == (422, field)
        assert not rewriter.published(topics.SETTINGS)


async def test_the_tenants_settings_are_replaced_as_a_whole() -> None:
    async with a_rewriter() as rewriter:
        told = (await rewriter.call("GET", "/v1/tenant", "admin")).json
        assert (told["engagement"], told["policy"], told["since"]) == (True, "recipient", None)
        change = {"engagement": False, "policy": "strict", "tracking_domain": "go.demo.example"}
        put = await rewriter.call("PUT", "/v1/tenant", "admin", json=change)
        assert put.status == 200
        assert put.json == {**told, **change, "since": SET_AT, "by": "ana"}
        assert (await rewriter.call("GET", "/v1/tenant", "admin")).json == put.json
        assert (await rewriter.post(a_body())).json["reason"]["code"] == "engagement_off"
        other = bearer("sender", tenant="other")
        mail = await rewriter.call("POST", "/v1/mail", headers=other, json=a_body())
        assert mail.json["followed"] is True
        again = await rewriter.call("PUT", "/v1/tenant", "admin", json={})
        assert again.json == {**told, "since": SET_AT, "by": "ana"}
        (first, _) = rewriter.published(topics.SETTINGS)
        assert isinstance(first.event, TenantSet)


async def test_hidden_recipients_followed_by_choice_are_revealed_to_nobody() -> None:
    body = a_body(to=[a_recipient(1)], cc=[a_recipient(2, "other")], bcc=[a_recipient(3)])
    async with a_rewriter() as rewriter:
        silent = (await rewriter.post(body)).json
        assert silent["recipients"][2]["reason"]["code"] == "bcc_not_followed"
        await rewriter.call("PUT", "/v1/tenant", "admin", json={"follow_bcc": True})
        mail = (await rewriter.post(body)).json
        refs = [one["ref"] for one in mail["recipients"]]
        copies = {one["recipient"]: one for one in mail["renditions"]}
        assert [one["followed"] for one in mail["recipients"]] == [True, False, True]
        assert copies.keys() == {refs[0], None, refs[2]}
        for recipient, copy in copies.items():
            assert "p3" not in str(copy["headers"]) + copy["html"]
            named = {ref for token in TOKEN.findall(copy["html"]) for ref in _refs(*token)}
            assert named == ({recipient} if recipient else set())
        shared = (await rewriter.post({**body, "cc": [], "renditions": "message"})).json
        assert (shared["followed"], shared["reason"]["code"]) == (False, "bcc_not_followed")


def _refs(door: str, written: str) -> tuple[RecipientRef, ...]:
    purpose = Purpose.OPEN if door == "o" else Purpose.CLICK
    return token.read(KEYS.tokens, purpose, written).refs


async def test_links_and_message_ids_are_at_the_tenants_own_domain() -> None:
    async with a_rewriter() as rewriter:
        change = {"tracking_domain": "Go.Demo.example:8443"}
        await rewriter.call("PUT", "/v1/tenant", "admin", json=change)
        (copy,) = (await rewriter.post(a_body())).json["renditions"]
        assert copy["html"].count('"https://go.demo.example:8443/') >= 2
        assert copy["headers"]["Message-ID"].endswith("@go.demo.example>")


async def test_a_setting_that_breaks_a_rule_is_refused_by_name() -> None:
    async with a_rewriter() as rewriter:
        change = {"own_networks": ["10.0.0.1/8"], "tracking_domain": "no domain"}
        answer = await rewriter.call("PUT", "/v1/tenant", "admin", json=change)
        assert answer.status == 422
        fields = [one["field"] for one in answer.json["errors"]]
        assert fields == ["/tracking_domain", "/own_networks/0"]
        assert not rewriter.published(topics.SETTINGS)


async def test_the_answer_waits_until_the_setting_is_read_back() -> None:
    async with a_rewriter() as rewriter:
        rewriter.log.deaf = True
        async with asyncio.TaskGroup() as group:
            put = group.create_task(
                rewriter.call("PUT", DOOR, "seller", json={"follow": "do_not_allow"})
            )
            await until(lambda: len(rewriter.published(topics.SETTINGS)) == 1)
            assert not put.done()
            await rewriter.log._read_back()
        assert put.result().json["follow"] == "do_not_allow"


async def test_a_setting_that_is_not_read_back_in_time_is_not_confirmed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(setting_doors, "READ_BACK_SECONDS", 0.05)
    async with a_rewriter() as rewriter:
        rewriter.log.deaf = True
        answer = await rewriter.call("PUT", DOOR, "seller", json={"follow": "do_not_allow"})
        assert (answer.status, answer.headers["Retry-After"]) == (503, "1")


async def test_without_kafka_or_before_the_settings_are_known_nobody_is_told_anything_wrong() -> (
    None
):
    async with a_rewriter() as rewriter:
        rewriter.log.memory.trouble = "kafka: away"
        assert (await rewriter.call("PUT", DOOR, "seller", json={"follow": "allow"})).status == 503
        assert (await rewriter.call("GET", DOOR, "seller")).status == 200
    async with a_rewriter(caught_up=False) as rewriter:
        assert (await rewriter.call("GET", DOOR, "seller")).status == 503
        assert (await rewriter.call("GET", "/v1/tenant", "admin")).status == 503
        assert (await rewriter.call("PUT", "/v1/tenant", "admin", json={})).status == 503
