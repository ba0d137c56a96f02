import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from services.runtime.requests import Query, Validator, pointer, read_body, read_json
from services.runtime.web import RequestMetrics, answer, application

MAIL = {
    "type": "object",
    "required": ["from", "to"],
    "additionalProperties": False,
    "properties": {
        "from": {"$ref": "#/components/schemas/Address"},
        "to": {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/Address"}},
        "subject": {"type": "string", "maxLength": 10},
        "send_at": {"type": "string", "format": "date-time"},
        "count": {"type": "integer"},
        "template": {"anyOf": [{"$ref": "#/components/schemas/Template"}, {"type": "null"}]},
        "either": {"oneOf": [{"type": "integer"}, {"type": "boolean"}]},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "anything": {},
    },
}
ADDRESS = {
    "type": "object",
    "required": ["address"],
    "properties": {"address": {"type": "string"}, "a/b~c": {"type": "string"}},
    "unevaluatedProperties": False,
}
TEMPLATE = {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}}
OPENAPI = orjson.dumps(
    {
        "openapi": "3.1.0",
        "info": {"title": "t", "version": "1"},
        "components": {"schemas": {"Mail": MAIL, "Address": ADDRESS, "Template": TEMPLATE}},
    }
)
GOOD = {"from": {"address": "ana@demo.example"}, "to": [{"address": "li@customer.example"}]}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def echo(request: web.Request) -> web.Response:
    return answer(await read_json(request, Validator(OPENAPI, "Mail")))


async def listing(request: web.Request) -> web.Response:
    query = Query(request, known={"limit", "from", "view", "q"})
    return answer(
        {
            "limit": query.integer("limit", default=50, minimum=1, maximum=500),
            "from": query.instant("from"),
            "view": query.choice("view", ["summary", "complete"]),
            "q": query.text("q", maximum=5),
        }
    )


async def ask(method: str, path: str, **more: Any) -> tuple[int, dict[str, Any]]:
    app = application(
        [web.post("/v1/mail", echo), web.get("/v1/messages", listing)],
        openapi=OPENAPI,
        verifier=None,
        max_body_bytes=10_000,
        metrics=RequestMetrics("tracker", CollectorRegistry()),
    )
    async with (
        TestClient(TestServer(app)) as client,
        client.request(method, path, **more) as response,
    ):
        told = orjson.loads(await response.read())
        if response.status >= 400:
            assert response.content_type == "application/problem+json"
            assert told["status"] == response.status
        return response.status, told


async def refused(value: object) -> dict[str, str]:
    """Send a body that is refused; return the slug of each field at fault."""
    headers = {"Content-Type": "application/json"}
    status, told = await ask("POST", "/v1/mail", data=json.dumps(value).encode(), headers=headers)
    assert status == 422
    assert told["field"] == told["errors"][0]["field"]
    return {one["field"]: one["type"].rpartition(":")[2] for one in told["errors"]}


async def test_a_valid_body_is_handed_on() -> None:
    assert await ask("POST", "/v1/mail", json=GOOD) == (200, GOOD)


@pytest.mark.parametrize(
    ("more", "field", "slug"),
    [
        ({"to": []}, "/to", "invalid-field"),
        ({"to": [{}]}, "/to/0/address", "invalid-field"),
        ({"to": [{"address": 7}]}, "/to/0/address", "invalid-field"),
        ({"to": [{"address": "a", "adress": "b"}]}, "/to/0/adress", "unknown-field"),
        ({"from": {"address": "a", "a/b~c": 1}}, "/from/a~1b~0c", "invalid-field"),
        ({"subjekt": "x"}, "/subjekt", "unknown-field"),
        ({"subject": "x" * 11}, "/subject", "invalid-field"),
        ({"send_at": "tomorrow"}, "/send_at", "invalid-field"),
        ({"count": 1.5}, "/count", "invalid-field"),
        ({"template": {}}, "/template/id", "invalid-field"),
        ({"template": 5}, "/template", "invalid-field"),
        ({"either": "x"}, "/either", "invalid-field"),
        ({"labels": {"step": 1}}, "/labels/step", "invalid-field"),
        ({"subject": "a\0b"}, "/subject", "invalid-field"),
        ({"anything": [{"k": ["x", "\0"]}]}, "/anything/0/k/1", "invalid-field"),
        ({"labels": {"\0": "x"}}, "/labels/\0", "invalid-field"),
    ],
)
async def test_the_field_at_fault_is_named(more: dict[str, Any], field: str, slug: str) -> None:
    assert await refused(GOOD | more) == {field: slug}


async def test_every_field_at_fault_is_named() -> None:
    assert await refused({"subject": 1, "x": 1, "y": 1}) == {
        "/from": "invalid-field",
        "/to": "invalid-field",
        "/subject": "invalid-field",
        "/x": "unknown-field",
        "/y": "unknown-field",
    }


async def test_only_unknown_fields_make_the_problem_unknown_field() -> None:
    _, told = await ask("POST", "/v1/mail", json=GOOD | {"x": 1})
    assert told["type"] == "urn:inkling:problem:unknown-field"
    _, told = await ask("POST", "/v1/mail", json=GOOD | {"x": 1, "count": ""})
    assert told["type"] == "urn:inkling:problem:invalid-field"


async def test_a_refusal_does_not_repeat_the_value() -> None:
    for value in ({"subject": "hunter2hunter2"}, {"count": "hunter2"}, {"send_at": "hunter2"}):
        _, told = await ask("POST", "/v1/mail", json=GOOD | value)
        assert "hunter2" not in str(told)


async def test_a_body_that_is_no_object_is_refused() -> None:
    bodies: list[object] = [[], "x", 1, None]
    for body in bodies:
        assert await refused(body) == {"": "invalid-field"}


async def test_a_document_nested_too_deeply_is_refused() -> None:
    deep: Any = "x"
    for _ in range(500):
        deep = [deep]
    (field,) = await refused(GOOD | {"anything": deep})
    assert field.startswith("/anything/0/0")


async def test_a_whole_number_may_be_written_with_a_point() -> None:
    _, told = await ask("POST", "/v1/mail", json=GOOD | {"count": 1.0})
    assert told["count"] == 1
    assert isinstance(told["count"], int)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"a": NaN}',
        b'{"a": 1e999}',
        b'{"a": "\\ud800"}',
        b'{"a": "\xff"}',
        b"\xef\xbb\xbf{}",
        b"[" * 2000 + b"]" * 2000,
    ],
)
async def test_what_is_not_json_is_malformed(body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    status, told = await ask("POST", "/v1/mail", data=body, headers=headers)
    assert (status, told["type"]) == (400, "urn:inkling:problem:malformed-json")


@pytest.mark.parametrize("content_type", ["text/plain", "application/octet-stream", "text/json"])
async def test_another_content_type_is_not_read(content_type: str) -> None:
    headers = {"Content-Type": content_type}
    status, told = await ask("POST", "/v1/mail", data=b"{}", headers=headers)
    assert (status, told["type"]) == (415, "urn:inkling:problem:unsupported-media-type")


async def test_a_body_above_the_limit_is_too_large_announced_or_not() -> None:
    async def chunks() -> Any:
        for _ in range(20):
            yield b" " * 1000

    headers = {"Content-Type": "application/json"}
    for data in (b" " * 20_000, chunks()):
        status, told = await ask("POST", "/v1/mail", data=data, headers=headers)
        assert (status, told["type"]) == (413, "urn:inkling:problem:too-large")
        assert "10000 bytes" in told["detail"]


@pytest.mark.parametrize("wait", [False, True])
async def test_a_body_is_the_same_whether_it_was_here_before_it_is_read_and_when_read_again(
    wait: bool,
) -> None:
    arrived = asyncio.Event()

    async def twice(request: web.Request) -> web.Response:
        if wait:
            whole = asyncio.Event()
            request.content.on_eof(whole.set)
            async with asyncio.timeout(5.0):
                await whole.wait()
        arrived.set()
        return web.Response(body=await read_body(request) + await read_body(request))

    async def pieces() -> Any:
        yield b"a" * 900
        if not wait:
            await arrived.wait()
        yield b"b" * 900

    app = web.Application(client_max_size=10_000)
    app.add_routes([web.post("/", twice)])
    async with (
        TestClient(TestServer(app)) as client,
        client.post("/", data=pieces()) as response,
    ):
        assert await response.read() == (b"a" * 900 + b"b" * 900) * 2


async def test_parameters_are_read_by_type() -> None:
    path = "/v1/messages?limit=500&from=1970-01-01T00:00:01Z&view=summary&q=h%C3%A9"
    expected = {"limit": 500, "from": 1_000_000, "view": "summary", "q": "hé"}
    assert await ask("GET", path) == (200, expected)
    absent = {"limit": 50, "from": None, "view": None, "q": None}
    assert await ask("GET", "/v1/messages") == (200, absent)


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=", "limit"),
        ("limit=1.0", "limit"),
        ("limit=1&limit=2", "limit"),
        ("from=yesterday", "from"),
        ("from=2026-01-01T00:00:00+01:00", "from"),  # a bare plus is a space in a query
        ("view=all", "view"),
        ("q=toolong", "q"),
        ("q=%00", "q"),
        ("limits=1", "limits"),
    ],
)
async def test_a_bad_parameter_is_named(query: str, name: str) -> None:
    status, told = await ask("GET", f"/v1/messages?{query}")
    assert (status, told["type"]) == (400, "urn:inkling:problem:invalid-field")
    assert told["field"] == name


def test_a_component_that_is_missing_is_told_at_the_start() -> None:
    with pytest.raises(ValueError, match="no component Letter"):
        Validator(OPENAPI, "Letter")


@given(st.lists(st.text() | st.integers(min_value=0)))
def test_a_pointer_leads_back_to_its_path(path: list[str | int]) -> None:
    parts = pointer(path).split("/")[1:]
    assert [part.replace("~1", "/").replace("~0", "~") for part in parts] == [str(p) for p in path]
