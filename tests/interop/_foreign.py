"""What an answer gives away; read by our tests and by schemathesis, so that it stands on nothing but Python."""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, unquote

# What a parameter's description says and its schema cannot.
IN_WORDS: Final = frozenset(
    {
        *((name, "Hours of the week are of all time.") for name in ("from", "to")),
        *((name, "It must not be before 1970-01-01.") for name in ("from", "to")),
        *(
            (name, "It must be a day, or the first instant of one in UTC.")
            for name in ("from", "to")
        ),
        ("from", "It must be at most 366 days before to."),
        ("to", "It must not be before from."),
        ("q", "It must be at most 8 words."),
    }
)
_REFUSED: Final = 400
_SAID_OF_TEXTS: Final = frozenset({"type", "minLength", "maxLength", "pattern"})
_DOCUMENT: Final = Path(__file__).parents[2] / "services" / "projector" / "query" / "openapi.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An answer, and the target of the request that it answers."""

    target: str
    status: int
    headers: Mapping[str, str]
    body: bytes


def given_away(told: Told, needles: Collection[str]) -> list[str]:
    """Name the needles, all in lower case, that stand in an answer's headers or body.

    A refusal repeats the path as its `instance` (RFC 9457), which is the caller's own word, so that one is left out;
    an `instance` that says anything else is not.
    """
    head = "\n".join(f"{name}: {value}" for name, value in told.headers.items())
    body = told.body.decode("utf-8", "replace")
    if told.status >= _REFUSED:
        body = _without_the_path(body, told.target)
    # JSON may write a letter as its number
    seen = "\n".join((head, body, _read(body))).lower()
    return sorted(needle for needle in needles if needle in seen)


def is_in_words(body: bytes) -> bool:
    """Tell whether a refusal is of what the document says in words only, as a schema of one parameter cannot."""
    problem = json.loads(body)
    told = (problem.get("field"), problem.get("detail"))
    return problem["type"] == "urn:inkling:problem:invalid-cursor" or told in IN_WORDS


def are_allowed(query: str, names: Collection[str]) -> bool:
    """Tell whether the parameters named, as they are written in a query, are what the document says of texts.

    A number or null that was drawn because it is no text is one as soon as it stands in a query, and an empty list is
    nothing there. Of what is no text, or has a format, this says nothing: no.
    """
    given = parse_qs(query, keep_blank_values=True)
    return all(
        _are_texts_of(schema, given[name])
        for name in names
        if name in given
        for schema in _schemas(name)
    )


def _are_texts_of(schema: Mapping[str, Any], values: Collection[str]) -> bool:
    one = schema.get("items", schema)
    most = schema.get("maxItems", len(values)) if "items" in schema else 1
    return (
        len(values) <= most
        and one.get("type") == "string"
        and _SAID_OF_TEXTS.issuperset(one)
        and all(
            one.get("minLength", 0) <= len(value) <= one.get("maxLength", len(value))
            and re.search(one.get("pattern", ""), value)
            for value in values
        )
    )


def _schemas(name: str) -> list[Any]:
    return [one["schema"] for one in _parameters() if (one["name"], one["in"]) == (name, "query")]


@cache
def _parameters() -> list[Any]:
    return list(json.loads(_DOCUMENT.read_bytes())["components"]["parameters"].values())


def _without_the_path(body: str, target: str) -> str:
    try:
        problem = json.loads(body)
    except ValueError:
        return body
    if isinstance(problem, dict) and problem.get("instance") == unquote(target.partition("?")[0]):
        del problem["instance"]
        return json.dumps(problem, ensure_ascii=False)
    return body


def _read(body: str) -> str:
    try:
        return json.dumps(json.loads(body), ensure_ascii=False)
    except ValueError:
        return ""
