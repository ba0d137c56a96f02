"""What an answer gives away; read by our tests and by schemathesis, so that it stands on nothing but Python."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

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
