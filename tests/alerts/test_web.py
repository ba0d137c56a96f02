"""The inbox's door over real HTTP, and the document that describes both doors."""

from typing import Any

import jsonschema_rs
import orjson
import pytest
from openapi_spec_validator import validate

from services.alerts.web import OPENAPI
from tests.alerts.given import STREAM, Answer, Given
from tests.alerts.records import LI, RIVAL, opened, personal, registered
from tests.support.clock import START

DOCUMENT: dict[str, Any] = orjson.loads(OPENAPI)
INBOX = "/v1/alerts"


def valid(component: str, value: Any) -> None:
    """Hold an answer to its schema in the document, formats included."""
    registry = jsonschema_rs.Registry([("urn:document", DOCUMENT)])
    jsonschema_rs.Draft202012Validator(
        {"$ref": f"urn:document#/components/schemas/{component}"},
        registry=registry,
        validate_formats=True,
    ).validate(value)


def refused(answer: Answer, status: int, slug: str) -> Any:
    """Hold a refusal to its form; returns what it says."""
    assert answer.status == status, answer
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    problem = answer.json
    valid("Problem", problem)
    assert problem["type"] == f"urn:inkling:problem:{slug}"
    return problem


def test_the_document_is_valid_and_describes_the_doors_there_are() -> None:
    validate(DOCUMENT)
    assert DOCUMENT["openapi"].startswith("3.1")
    hooks, one = "/v1/webhooks", "/v1/webhooks/{id}"
    assert set(DOCUMENT["paths"]) == {
        INBOX, STREAM, hooks, one, f"{one}:test", f"{one}:rotate", f"{one}:replay", f"{one}/deliveries",
        "/openapi.json",
    }  # fmt: skip


async def test_the_document_is_served_to_everybody(given: Given) -> None:
    async with given.client.get("/openapi.json") as answer:
        assert (answer.status, await answer.json()) == (200, DOCUMENT)


async def test_the_inbox_shows_the_latest_first_page_by_page(given: Given) -> None:
    for number in range(1, 6):
        await given.say(personal(number), registered(number))
        await given.say(opened(number), at=START + number)
    await given.say(opened(1, None), at=START)
    pages = []
    path = f"{INBOX}?limit=4"
    while path:
        answer = await given.ask(path)
        assert answer.headers["Cache-Control"] == "no-store"
        valid("Inbox", answer.json)
        pages.append(answer.json["data"])
        cursor = answer.json["next"]
        path = f"{INBOX}?limit=4&cursor={cursor}" if cursor else ""
    assert [len(page) for page in pages] == [4, 2]
    times = [one["occurred_at"] for page in pages for one in page]
    assert times == sorted(times, reverse=True)
    assert len({one["id"] for page in pages for one in page}) == 6
    assert pages[1][-1]["recipient"] is None
    assert pages[0][0]["recipient"]["ref"] == LI


async def test_a_cursor_goes_on_whatever_came_meanwhile_and_only_for_its_owner(
    given: Given,
) -> None:
    await given.say(registered(1), opened(1, ordinal=1), opened(1, ordinal=2))
    first = (await given.ask(f"{INBOX}?limit=1")).json
    await given.say(opened(1, ordinal=3), at=START + 9)
    path = f"{INBOX}?limit=1&cursor={first['next']}"
    (second,) = (await given.ask(path)).json["data"]
    assert second["id"] != first["data"][0]["id"]
    for who in ({"subject": "ben"}, {"tenant": "rival"}, {"roles": ["manager"]}):
        problem = refused(await given.ask(path, **who), 400, "invalid-cursor")
        assert problem["field"] == "cursor"


async def test_a_range_includes_its_first_instant_and_not_its_last(given: Given) -> None:
    await given.say(registered(1))
    for ordinal in (1, 2, 3):
        await given.say(opened(1, ordinal=ordinal), at=START + ordinal * 1_000_000)
    query = "?from=2026-01-01T00:00:01Z&to=2026-01-01T00:00:03Z"
    assert [one["occurred_at"] for one in await given.inbox(query)] == [
        "2026-01-01T00:00:02.000000Z", "2026-01-01T00:00:01.000000Z",
    ]  # fmt: skip


async def test_everybody_sees_what_is_theirs(given: Given) -> None:
    await given.say(registered(1, owner="ana"), registered(2, owner="ben"), opened(1), opened(2))
    await given.say(registered(1, tenant=RIVAL), opened(1, tenant=RIVAL), tenant=RIVAL)

    async def owners(**who: Any) -> list[str]:
        return sorted(one["owner"] for one in await given.inbox(**who))

    assert await owners() == ["ana"]
    assert await owners(subject="ben") == ["ben"]
    assert await owners(subject="eve") == []
    assert await owners(subject="eve", roles=["manager"]) == ["ana", "ben"]
    assert await owners(subject="eve", roles=["admin"]) == ["ana", "ben"]
    assert await owners(tenant="rival", roles=["admin"]) == ["ana"]
    assert await owners(tenant="nobody", roles=["admin"]) == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=many", "limit"),
        ("limit=", "limit"),
        ("limit=5&limit=6", "limit"),
        ("colour=red", "colour"),
        ("sort=occurred_at", "sort"),
        ("from=yesterday", "from"),
        ("from=2026-01-01T00:00:00", "from"),
        ("to=2026-13-01T00:00:00Z", "to"),
        ("from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "to"),
    ],
)
async def test_a_bad_parameter_is_named(given: Given, query: str, field: str) -> None:
    assert refused(await given.ask(f"{INBOX}?{query}"), 400, "invalid-field")["field"] == field


@pytest.mark.parametrize("cursor", ["x", "", "AAAA", "%00", "e30", "A" * 38, "A" * 5000, "%C3%A4"])
async def test_an_unknown_cursor_is_refused(given: Given, cursor: str) -> None:
    problem = refused(await given.ask(f"{INBOX}?cursor={cursor}"), 400, "invalid-cursor")
    assert problem["field"] == "cursor"


@pytest.mark.parametrize("path", [INBOX, STREAM])
async def test_without_a_good_token_and_role_every_door_is_shut(given: Given, path: str) -> None:
    for bad in ("", "Bearer", "Bearer x.y.z", "Basic YTpi"):
        answer = await given.ask(path, {"Authorization": bad})
        refused(answer, 401, "unauthenticated")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    refused(await given.ask(path, seconds=-60), 401, "unauthenticated")
    refused(await given.ask(path, roles=["sender"]), 403, "forbidden")
    refused(await given.ask(path, roles=[]), 403, "forbidden")
    refused(await given.ask(path, {"Accept": "image/png"}), 406, "not-acceptable")


@pytest.mark.parametrize("path", ["/v1/nothing", "/v1/alerts/x:snooze", "/v1/reminders", "/"])
async def test_doors_that_do_not_exist_yet_are_absent(given: Given, path: str) -> None:
    refused(await given.ask(path), 404, "not-found")


async def test_the_doors_have_no_other_methods(given: Given) -> None:
    for path in (INBOX, STREAM):
        async with given.client.post(path) as answer:
            assert answer.status == 405
