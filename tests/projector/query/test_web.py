from typing import Any
from urllib.parse import quote

import jsonschema_rs
import orjson
import pytest
from aiohttp import web
from openapi_spec_validator import validate

from services.projector.query.web import OPENAPI, ROUTES
from tests.projector.query.given import REF, Given
from tests.support.clock import START

DOCUMENT: dict[str, Any] = orjson.loads(OPENAPI)
UNKNOWN = "0e5b3f0c-9c5b-5d0b-9a39-2f0c8e5b1d77"
MESSAGE = f"/v1/messages/{UNKNOWN}"
DOORS = [
    "/v1/messages", MESSAGE, f"{MESSAGE}/timeline", f"{MESSAGE}/links", f"{MESSAGE}/recipients",
    f"{MESSAGE}/attachments", "/v1/templates", "/v1/templates/intro", "/v1/kpis", "/v1/recipients/c-17",
]  # fmt: skip
BAD = [
    ("/v1/messages?colour=red", "colour"),
    ("/v1/messages?limit=0", "limit"),
    ("/v1/messages?limit=501", "limit"),
    ("/v1/messages?limit=5&limit=6", "limit"),
    ("/v1/messages?from=yesterday", "from"),
    ("/v1/messages?to=2026-13-01T00:00:00Z", "to"),
    ("/v1/messages?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "to"),
    ("/v1/messages?followed=perhaps", "followed"),
    ("/v1/messages?sort=body", "sort"),
    ("/v1/messages?status=read", "status"),
    ("/v1/messages?q=%00", "q"),
    ("/v1/messages?cursor=nonsense", "cursor"),
    ("/v1/messages/17", "id"),
    (f"/v1/messages/{UNKNOWN.upper()}", "id"),
    (f"{MESSAGE}?limit=1", "limit"),
    (f"{MESSAGE}/timeline?view=sideways", "view"),
    (f"{MESSAGE}/timeline?cursor=AAAA", "cursor"),
    (f"{MESSAGE}/links?sort=opens", "sort"),
    (f"{MESSAGE}/recipients?q=li", "q"),
    (f"{MESSAGE}/attachments?q=offer", "q"),
    (f"{MESSAGE}/attachments?cursor=AAAA", "cursor"),
    ("/v1/kpis?limit=5", "limit"),
    ("/v1/kpis?by=month", "by"),
    ("/v1/kpis?from=yesterday", "from"),
    ("/v1/kpis?from=2026-02-30", "from"),
    ("/v1/kpis?from=1969-12-31", "from"),
    ("/v1/kpis?to=2026-01-01T00:00:01Z", "to"),
    ("/v1/kpis?from=2026-01-02&to=2026-01-01", "to"),
    ("/v1/kpis?from=2025-01-01&to=2026-01-03", "from"),
    ("/v1/kpis?by=hour_of_week&from=2026-01-01", "from"),
    ("/v1/kpis?by=hour_of_week&to=2026-01-01", "to"),
    (f"/v1/kpis?regarding={'x' * 257}", "regarding"),
    ("/v1/kpis?recipient=%00", "recipient"),
    ("/v1/recipients/c-17?sort=sent_at", "sort"),
    ("/v1/recipients/c-17?limit=0", "limit"),
    ("/v1/recipients/c-17?cursor=AAAA", "cursor"),
    (f"/v1/recipients/{'x' * 257}", "id"),
    ("/v1/recipients/a%00b", "id"),
    ("/v1/templates?sort=subject", "sort"),
    ("/v1/templates?from=2026-01-01T00:00:00Z", "from"),
    ("/v1/templates/intro?view=summary", "view"),
    (f"/v1/templates/{'x' * 257}", "id"),
    ("/v1/templates/a%00b", "id"),
]


def valid(component: str, value: Any) -> None:
    """Hold an answer to its schema in the document, formats included."""
    registry = jsonschema_rs.Registry([("urn:document", DOCUMENT)])
    jsonschema_rs.Draft202012Validator(
        {"$ref": f"urn:document#/components/schemas/{component}"},
        registry=registry,
        validate_formats=True,
    ).validate(value)


def test_the_document_is_valid_openapi() -> None:
    validate(DOCUMENT)
    assert DOCUMENT["openapi"].startswith("3.1")


def test_the_document_has_exactly_the_doors_that_there_are() -> None:
    router = web.UrlDispatcher()
    router.add_routes(ROUTES)
    paths = {resource.canonical for resource in router.resources()} | {"/openapi.json"}
    assert set(DOCUMENT["paths"]) == paths


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("/v1/messages?owner=a%00b", "It must not contain the character NUL."),
        ("/v1/messages?label=a%00b", "It must not contain the character NUL."),
        ("/v1/templates/a%00b", "It must not contain the character NUL."),
        (f"/v1/messages?owner={'x' * 257}", "It must be text of at most 256 characters."),
    ],
)
async def test_what_is_wrong_with_a_text_is_told_as_it_is(
    given: Given, path: str, detail: str
) -> None:
    assert (await given.ask(path)).json["detail"] == detail


async def test_the_document_is_served_to_everybody(given: Given) -> None:
    async with given.client.get("/openapi.json") as answer:
        assert (answer.status, await answer.read()) == (200, OPENAPI)


@pytest.mark.parametrize("path", ["/v1/send-time", "/console/"])
async def test_doors_of_later_are_absent(given: Given, path: str) -> None:
    answer = await given.ask(path)
    assert (answer.status, answer.json["type"]) == (404, "urn:inkling:problem:not-found")
    valid("Problem", answer.json)


async def test_every_door_needs_a_token_and_a_reader_s_role(given: Given) -> None:
    for path in DOORS:
        async with given.client.get(path) as answer:
            assert answer.status == 401, path
            valid("Problem", await answer.json(content_type="application/problem+json"))
        for roles in (["sender"], [], ["visitor"]):
            refused = await given.ask(path, roles=roles)
            assert (refused.status, refused.json["type"]) == (403, "urn:inkling:problem:forbidden")
        async with given.client.post(path) as answer:
            assert answer.status == 405, path


@pytest.mark.parametrize(("path", "field"), BAD)
async def test_bad_input_is_refused_by_name(given: Given, path: str, field: str) -> None:
    answer = await given.ask(path)
    assert (answer.status, answer.json["field"]) == (400, field), answer
    slug = "invalid-cursor" if field == "cursor" else "invalid-field"
    assert answer.json["type"] == f"urn:inkling:problem:{slug}"
    assert answer.headers["Content-Type"] == "application/problem+json"
    valid("Problem", answer.json)


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/json", 200),
        ("text/csv, */*;q=0.1", 200),
        ("application/*", 200),
        ("text/csv", 200),
        ("text/html", 406),
    ],
)
async def test_an_answer_in_another_form_is_not_pretended(
    given: Given, accept: str, status: int
) -> None:
    answer = await given.ask("/v1/messages", headers={"Accept": accept})
    assert answer.status == status


async def full(given: Given) -> str:
    """Put two messages there that have everything, and one that has nothing."""
    found = await given.message(renditions="message")
    for _ in range(2):
        found = await given.message(
            template_id="intro", regarding="deal-9", labels={"step": "1"}, scheduled_at=START,
            handed_at=START, reason="no_html", clicks=1, first_clicked_at=START,
            last_clicked_at=START, human_clicks=1, human_first_clicked_at=START,
            human_last_clicked_at=START,
        )  # fmt: skip
        await given.personal(found)
        await given.recipient(found, reason="recipient_refuses")
        await given.recipient(
            found, ref="f" * 16, position=None, kind=None, field=None, followed=None
        )
        for index, reason in ((0, None), (1, "anchor")):
            await given.insert(
                "link", tenant="demo", message_id=found, link_index=index, followed=reason is None,
                reason=reason,
            )  # fmt: skip
        for index, reason in ((0, None), (1, "no_html")):
            await given.insert(
                "attachment", tenant="demo", message_id=found, attachment_index=index, size=9,
                content_type="application/pdf", followed=reason is None, reason=reason,
            )  # fmt: skip
        await given.insert(
            "viewer", tenant="demo", message_id=found, attachment_index=0, ref=REF,
            attachment_views=1, first_attachment_viewed_at=START, last_attachment_viewed_at=START,
        )  # fmt: skip
        for kind, ref in ((1, None), (2, REF), (3, REF)):
            await given.hit(found, kind, START + kind, ref=ref, language="en")
        await given.letter(found, "reply", START, author="recipient", returns_at=START)
        await given.letter(found, "bounce", START, permanent=False, status="4.2.2", human=False)
        await given.letter(found, "complaint", START, ref=None)
    await given.template(name="Intro", version="3", emails=2, followed_emails=2)
    await given.template(template_id="bare")
    return str(found)


@pytest.mark.parametrize("on", [True, False])
async def test_what_is_answered_is_what_the_document_says(given: Given, on: bool) -> None:
    message = f"/v1/messages/{await full(given)}"
    await given.engagement(on)
    for path, component in (
        ("/v1/messages?limit=1", "MessageList"),
        ("/v1/messages?followed=all", "MessageList"),
        (message, "MessageAnswer"),
        (f"{message}/timeline", "Timeline"),
        (f"{message}/timeline?view=summary&limit=3", "Timeline"),
        (f"{message}/links", "LinkList"),
        (f"{message}/attachments?limit=1", "AttachmentList"),
        (f"{message}/recipients?limit=1", "RecipientList"),
        ("/v1/kpis", "KpisByDay"),
        ("/v1/kpis?recipient=c-17&from=2025-12-01&to=2026-01-05", "KpisByDay"),
        ("/v1/kpis?by=hour_of_week", "KpisByHourOfWeek"),
        ("/v1/kpis?by=hour_of_week&regarding=deal-9", "KpisByHourOfWeek"),
        ("/v1/recipients/c-17", "RecipientAnswer"),
        (f"/v1/recipients/{REF}?limit=1", "RecipientAnswer"),
        ("/v1/templates", "TemplateList"),
        ("/v1/templates/intro", "TemplateAnswer"),
    ):
        answer = await given.get(path)
        valid(component, answer)
        assert answer.get("data") != [], path
        assert answer["engagement"]["on"] is on


async def test_documented_parameters_are_the_ones_that_are_read(given: Given) -> None:
    message = await full(given)
    samples = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z", "limit": "2"}
    components = DOCUMENT["components"]["parameters"]
    for path, item in DOCUMENT["paths"].items():
        for reference in item["get"].get("parameters", ()):
            parameter = components[reference["$ref"].rpartition("/")[2]]
            name, schema = parameter["name"], parameter["schema"]
            schema = schema.get("items", schema)
            if parameter["in"] == "path" or name == "cursor":
                continue
            known = {"templates": "intro", "recipients": "c-17"}
            where = path.replace("{id}", known.get(path.split("/")[2], message))
            for value in schema.get("enum", [samples.get(name, "a")]):
                answer = await given.ask(f"{where}?{name}={value}")
                assert answer.status == 200, (where, name, value, answer)


@pytest.mark.parametrize("name", ["{0e5b3f0c}", "a/b", "a%b", "ä b", "a+b", "a;b?c#d"])
async def test_an_id_of_the_caller_s_may_hold_any_character(given: Given, name: str) -> None:
    person = {"ref": REF, "address": "li@customer.example", "name": "Li", "id": name}
    message = await given.message(template_id=name)
    await given.recipient(message)
    await given.personal(message, recipients=[person])
    await given.template(template_id=name, emails=1)
    written = quote(name, safe="")
    assert (await given.get(f"/v1/templates/{written}"))["id"] == name
    assert (await given.get(f"/v1/recipients/{written}"))["data"] != []
    refused = await given.ask(f"/v1/messages/{written}")
    assert (refused.status, refused.json["field"]) == (400, "id")


async def test_no_answer_is_kept_by_a_cache(given: Given) -> None:
    assert (await given.ask("/v1/messages")).headers["Cache-Control"] == "no-store"
