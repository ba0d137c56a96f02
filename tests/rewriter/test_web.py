from typing import Any

import orjson
import pytest
from openapi_spec_validator import validate

from services.rewriter.attachments import AttachmentReason
from services.rewriter.follow import FollowReason
from services.rewriter.links import LinkReason
from services.rewriter.pictures import PictureReason
from services.rewriter.web import openapi
from tests.rewriter.given import a_body, a_rewriter, bearer

DOCUMENT: Any = orjson.loads(openapi())
DOORS = [
    ("POST", "/v1/mail", "sender"),
    ("POST", "/v1/mail:preview", "sender"),
    ("GET", "/v1/preferences/a%40b.example", "seller"),
    ("PUT", "/v1/preferences/a%40b.example", "seller"),
    ("GET", "/v1/tenant", "admin"),
    ("PUT", "/v1/tenant", "admin"),
]
WRITING = [door for door in DOORS if door[0] != "GET"]


def test_the_document_is_openapi_and_names_every_reason() -> None:
    validate(DOCUMENT)
    reasons = {*FollowReason, *LinkReason, *AttachmentReason, *PictureReason}
    assert sorted(DOCUMENT["components"]["schemas"]["ReasonCode"]["enum"]) == sorted(reasons)


async def test_the_document_is_served_to_everybody_and_lists_every_door() -> None:
    async with a_rewriter() as rewriter:
        answer = await rewriter.call("GET", "/openapi.json")
        assert (answer.status, answer.raw) == (200, openapi())
        resources = rewriter.client.app.router.resources() if rewriter.client.app else []
        assert {one.canonical for one in resources} == set(DOCUMENT["paths"])


@pytest.mark.parametrize(("method", "path", "role"), DOORS)
async def test_every_door_needs_a_good_token_of_its_role(method: str, path: str, role: str) -> None:
    async with a_rewriter() as rewriter:
        expired = bearer(role, seconds=-60)["Authorization"]
        for bad in ("", "Basic YTpi", "Bearer", "Bearer x.y.z", expired, expired + "x"):
            answer = await rewriter.call(method, path, headers={"Authorization": bad}, json={})
            assert answer.status == 401, bad
            assert "WWW-Authenticate" in answer.headers
        wrong = {"sender": "admin", "seller": "sender", "admin": "manager"}[role]
        answer = await rewriter.call(method, path, wrong, json={})
        assert (answer.status, answer.json["type"]) == (403, "urn:inkling:problem:forbidden")
        foreign = bearer(role, tenant="No Tenant")
        assert (await rewriter.call(method, path, headers=foreign, json={})).status == 403


@pytest.mark.parametrize("role", ["manager", "admin"])
async def test_managers_and_admins_are_sellers(role: str) -> None:
    async with a_rewriter() as rewriter:
        answer = await rewriter.call("GET", "/v1/preferences/a%40b.example", role)
        assert answer.status == 200


# These read and answer mails as well.
MAIL = ("/v1/mail", "/v1/mail:preview")


@pytest.mark.parametrize(("method", "path", "role"), WRITING)
async def test_what_is_not_json_is_told_so(method: str, path: str, role: str) -> None:
    json_type = {"Content-Type": "application/json"}
    async with a_rewriter() as rewriter:
        for raw in (b"", b"{", b'{"a": NaN}', b'"\xff"', b'{"a": "\\ud800"}'):
            answer = await rewriter.call(method, path, role, data=raw, headers=json_type)
            assert (answer.status, answer.json["type"]) == (
                400,
                "urn:inkling:problem:malformed-json",
            )
        for raw in (b"[]", b'"x"', b"7", b"null"):
            answer = await rewriter.call(method, path, role, data=raw, headers=json_type)
            assert answer.status == 422
        others = ("text/plain",) if path in MAIL else ("message/rfc822", "text/plain")
        for media in others:
            answer = await rewriter.call(
                method, path, role, data=b"From: a@b", headers={"Content-Type": media}
            )
            assert answer.status == 415
            assert answer.json["type"] == "urn:inkling:problem:unsupported-media-type"


@pytest.mark.parametrize(("method", "path", "role"), DOORS)
async def test_nothing_is_answered_in_a_form_that_there_is_not(
    method: str, path: str, role: str
) -> None:
    wanted = "text/html" if path in MAIL else "message/rfc822"
    async with a_rewriter() as rewriter:
        answer = await rewriter.call(method, path, role, json=a_body(), headers={"Accept": wanted})
        assert (answer.status, answer.json["type"]) == (406, "urn:inkling:problem:not-acceptable")


async def test_a_body_above_the_limit_is_refused() -> None:
    async with a_rewriter() as rewriter:
        answer = await rewriter.call("PUT", "/v1/tenant", "admin", data=b" " * 31_457_281,
            headers={"Content-Type": "application/json"})  # fmt: skip
        assert (answer.status, answer.json["type"]) == (413, "urn:inkling:problem:too-large")


async def test_other_paths_and_methods_are_not_there() -> None:
    async with a_rewriter() as rewriter:
        assert (await rewriter.call("GET", "/v1/reply", "sender")).status == 404
        assert (await rewriter.call("GET", "/v1/mail", "sender")).status == 405
        assert (await rewriter.call("DELETE", "/v1/tenant", "admin")).status == 405
