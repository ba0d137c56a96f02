"""The query API against its own OpenAPI document: requests drawn from it, valid and not, as three callers.

A request's parameters are the document's, their values what its schemas allow, what they forbid, and what somebody
might try: ids, names and cursors of another seller and another tenant. Each answer has a status and a media type that
the document has for it, never one of our faults, a body of its schema, and in body and headers not a byte that is of
somebody else. `SCHEMA_EXAMPLES=5000 make test T=tests/projector/query/test_document_under_fire.py` asks so many of
each path, and six times as many of the list of messages, other ones each time.
"""

import asyncio
import os
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote, unquote

import jsonschema_rs
import orjson
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as law
from hypothesis import strategies as st

from services.projector.query.web import OPENAPI
from tests.projector.query.given import Answer, Given, token
from tests.projector.query.marked import CALLERS, LIVES, Caller, live

EXAMPLES: Final = int(os.environ.get("SCHEMA_EXAMPLES", "0"))
DOCUMENT: Final[dict[str, Any]] = orjson.loads(OPENAPI)
COMPONENTS: Final = DOCUMENT["components"]
ANSWER_SECONDS: Final = 10.0
TEXTS: Final = (
    *(text for life in LIVES for text in life.texts),
    "zq",
    "demo",
    "mia",
    "%",
    "_",
    "\\",
)
NAMES: Final = {
    "/v1/templates/{id}": ("demo-template", "other-template", "demo-zero", "none"),
    "/v1/recipients/{id}": tuple(
        name for life in LIVES for name in (life.ref, f"{life.mark}-person")
    ),
}
NASTY: Final = (
    "",
    "\x00",
    "0",
    "-1",
    "501",
    "1e3",
    "٣",
    "null",
    "'",
    '"',
    "0" * 400,
    "2026-13-01",
    ":a",
)
ACCEPTED: Final = (
    None, "application/json", "text/csv", "application/x-ndjson", "text/csv;q=0.5, application/json;q=0.1",
    "*/*", "application/*", "text/html", "", ";;q=,", "text/csv;q=nan",
)  # fmt: skip
TRIED: Final = st.sampled_from(NASTY) | st.sampled_from(TEXTS) | st.text(max_size=300)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request; ``bad`` says that a parameter breaks its schema in the document."""

    path: str
    caller: Caller
    target: str
    accept: str | None
    method: str = "GET"
    bad: bool = False


def resolved(thing: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference into the document's components."""
    while "$ref" in thing:
        _, _, kind, name = thing["$ref"].split("/")
        thing = COMPONENTS[kind][name]
    return thing


@lru_cache
def validator(schema: bytes) -> jsonschema_rs.Draft202012Validator:
    registry = jsonschema_rs.Registry([("urn:document", DOCUMENT)])
    whole = schema.replace(b'"#/', b'"urn:document#/')
    return jsonschema_rs.Draft202012Validator(
        orjson.loads(whole), registry=registry, validate_formats=True
    )


def allowed(schema: dict[str, Any]) -> st.SearchStrategy[str]:
    """Draw what the schema of one value is meant for, as it is written in a URL."""
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if schema["type"] == "integer":
        return st.integers(schema["minimum"], schema["maximum"]).map(str)
    forms = {one.get("format") for one in (schema, *schema.get("anyOf", ()))}
    days, times = st.dates().map(str), st.datetimes().map(lambda when: when.isoformat() + "Z")
    if "date" in forms:
        return days | times
    if "date-time" in forms:
        return times
    if "uuid" in forms:
        known = st.sampled_from([str(one) for life in LIVES for one in life.messages])
        return st.one_of(known, known, known, st.uuids().map(str))
    return st.one_of(*[st.sampled_from(TEXTS)] * 3, st.text(max_size=20))


def holds(schema: dict[str, Any], written: str) -> bool:
    """Tell whether a value as written is of the schema; digits are a whole number where one is wanted."""
    value: object = written
    if schema.get("type") == "integer":
        if not (written.isascii() and written.lstrip("-").isdecimal()):
            return False
        value = int(written[:20])
    return validator(orjson.dumps(schema)).is_valid(value)


@st.composite
def requests(draw: st.DrawFn, path: str, cursors: tuple[str, ...]) -> Asked:
    """Draw a request of one path, of which half have nothing but values that the schemas allow."""
    honest = draw(st.booleans())
    caller, method = draw(st.sampled_from(CALLERS)), draw(st.sampled_from(("GET", "GET", "HEAD")))
    accept = draw(st.sampled_from(ACCEPTED[:4] if honest else ACCEPTED))
    parameters = [resolved(one) for one in DOCUMENT["paths"][path]["get"].get("parameters", ())]
    target, bad = path, False
    for parameter in (one for one in parameters if one["in"] == "path"):
        schema = resolved(parameter["schema"])
        named = st.sampled_from(NAMES[path]) if path in NAMES else allowed(schema)
        value = draw(named if honest else st.one_of(named, TRIED.filter(_is_a_segment)))
        target = target.replace("{id}", quote(value, safe=""))
        bad |= not holds(schema, value)
    query = []
    left_out = {"cursor"} if honest else set()  # few cursors are of the list that is drawn
    optional = [one for one in parameters if one["in"] == "query" and one["name"] not in left_out]
    once = None if draw(st.integers(0, 9)) == 5 else _once
    chosen = (
        st.lists(st.sampled_from(optional), max_size=3, unique_by=once) if optional else st.just([])
    )
    for parameter in draw(chosen):
        name, schema = parameter["name"], resolved(parameter["schema"])
        one = resolved(schema.get("items", schema))
        usual = st.sampled_from(cursors) if name == "cursor" else allowed(one)
        value = draw(usual if honest else st.one_of(usual, usual, TRIED))
        query.append(f"{name}={quote(value, safe='')}")
        bad |= not holds(one, value)
    if not honest and draw(st.integers(0, 9)) == 5:
        query.append(draw(st.sampled_from(("colour=red", "tenant=other", "%00=1", "=", "&&"))))
    whole = target + ("?" + "&".join(query) if query else "")
    return Asked(path, caller, whole, accept, method, bad)


def _once(parameter: dict[str, Any]) -> object:
    """Tell two uses of one parameter apart only where it may be repeated."""
    return object() if parameter["schema"].get("type") == "array" else parameter["name"]


def _is_a_segment(value: str) -> bool:
    return value not in ("", ".", "..")


async def send(given: Given, asked: Asked) -> Answer:
    headers = {"Authorization": f"Bearer {token(**asked.caller.who)}"}
    if asked.accept is not None:
        headers["Accept"] = asked.accept
    async with given.client.request(asked.method, asked.target, headers=headers) as answer:
        return Answer(answer.status, await answer.read(), dict(answer.headers))


def hold(asked: Asked, answer: Answer) -> None:
    """Hold one answer to the document, and to what the caller may see."""
    documented = DOCUMENT["paths"][asked.path]["get"]["responses"]
    assert answer.status < 500, "a fault of ours"
    assert str(answer.status) in documented, "no such status in the document"
    if asked.bad:
        assert answer.status in (400, 406), "a value that the document forbids was taken"
    content = resolved(documented[str(answer.status)])["content"]
    media = answer.headers["Content-Type"].partition(";")[0]
    assert media in content, "no such media type in the document"
    body = answer.body
    if asked.method == "HEAD":
        assert body == b""
    elif media.endswith("json") and media != "application/x-ndjson":
        told = answer.json
        validator(orjson.dumps(content[media]["schema"])).validate(told)
        if answer.status >= 400:
            # it repeats the path, which is the caller's own word
            assert told.pop("instance") == unquote(asked.target.partition("?")[0])
            body = orjson.dumps(told)
    elif media == "application/x-ndjson":
        message = validator(b'{"$ref": "#/components/schemas/Message"}')
        for line in body.splitlines():
            message.validate(orjson.loads(line))
    seen = (body + repr(answer.headers).encode()).lower()
    for life in asked.caller.hidden:
        assert [one for one in life.needles if one in seen] == [], "somebody else's"


async def a_world(given: Given) -> tuple[str, ...]:
    """Put the three lives there, and return cursors of everybody's lists."""
    for life in LIVES:
        await live(given, life)
    for tenant in ("demo", "other"):
        for name in (f"{tenant}-template", f"{tenant}-zero"):
            await given.template(tenant=tenant, template_id=name, name=name, emails=2)
    cursors = []
    for caller in CALLERS:
        message = caller.own.messages[0]
        for path in (
            "/v1/messages", "/v1/messages?sort=subject", "/v1/messages?sort=-opens", "/v1/templates",
            f"/v1/messages/{message}/timeline", f"/v1/recipients/{caller.own.ref}",
        ):  # fmt: skip
            mark = "&" if "?" in path else "?"
            page = await given.get(f"{path}{mark}limit=1", **caller.who)
            assert page["next"] is not None, path
            cursors.append(page["next"])
    return tuple(cursors)


@pytest.mark.timeout(0 if EXAMPLES else 120)
async def test_no_request_breaks_the_document_or_shows_what_is_somebody_else_s(
    given: Given,
) -> None:
    cursors = await a_world(given)
    loop = asyncio.get_running_loop()
    told: Counter[tuple[str, str, int]] = Counter()
    own: Counter[Caller] = Counter()

    def ask(asked: Asked) -> None:
        answer = asyncio.run_coroutine_threadsafe(send(given, asked), loop).result(ANSWER_SECONDS)
        media = answer.headers.get("Content-Type", "").partition(";")[0]
        told[asked.path, media, answer.status] += 1
        hold(asked, answer)
        own[asked.caller] += asked.caller.own.mark.encode() in answer.body

    for path, item in sorted(DOCUMENT["paths"].items()):
        await asyncio.to_thread(repeated(path)(law(requests(path, cursors))(ask)))
        # that the requests reach everything is a part of the law
        for status in sorted({"200", "404", "406"} & set(item["get"]["responses"])):
            for media in resolved(item["get"]["responses"][status])["content"]:
                assert told[path, media, int(status)] > 0, (path, media, status, told)
    assert all(own[caller] > 20 for caller in CALLERS)


def repeated(path: str) -> settings:
    """Return how often a path is asked: the list of messages has most parameters."""
    return settings(
        max_examples=(EXAMPLES or 50) * (6 if path == "/v1/messages" else 1),
        derandomize=not EXAMPLES,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
