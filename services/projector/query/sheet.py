"""Messages as CSV (RFC 4180): a header row, CRLF, quotes where needed, and no cell that a spreadsheet would run.

A cell of text that begins with what starts a formula gets an apostrophe before it, which spreadsheets hide.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import orjson

from services.projector.query.shapes import INTERACTIONS, Shape

COLUMNS: Final = (
    *("id", "subject", "owner", "sent_at", "scheduled_at", "followed"),
    *("reason", "renditions", "template_id", "template_name", "template_version", "regarding"),
    *("labels", "recipients", "recipient_count", "status", "status_text"),
    *(
        f"{whose}{name}{end}"
        for name in INTERACTIONS
        for whose in ("", "human_")
        for end in ("", "_first_at", "_last_at")
    ),
)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def header() -> bytes:
    """Write the row of the columns' names."""
    return _write([COLUMNS])


def rows(messages: Iterable[Shape]) -> bytes:
    """Write a row for each message, as `shapes.message` has it."""
    return _write(map(_values, messages))


def _values(message: Mapping[str, Any]) -> list[object]:
    """Return the cells; None is an empty one. Only what people wrote can begin like a formula."""
    template, reason = message["template"] or {}, message["reason"] or {}
    labels = message["labels"]
    cells: list[object] = [
        message["id"],
        _text(message["subject"]),
        _text(message["owner"]),
        message["sent_at"],
        message["scheduled_at"],
        "true" if message["followed"] else "false",
        _text(reason.get("code")),
        _text(message["renditions"]),
        _text(template.get("id")),
        _text(template.get("name")),
        _text(template.get("version")),
        _text(message["regarding"]),
        orjson.dumps(labels, option=orjson.OPT_SORT_KEYS).decode() if labels else None,
        _text("; ".join(map(_person, message["recipients"]))),
        message["recipient_count"],
        message["status"]["code"],
        message["status"]["text"],
    ]
    for name in INTERACTIONS:
        counted = message[name]
        human = counted["human"]
        cells += (counted["count"], counted["first_at"], counted["last_at"])
        cells += (human["count"], human["first_at"], human["last_at"])
    return cells


def _person(who: Mapping[str, Any]) -> str:
    name, address = who["name"], who["address"]
    if address is None:
        return str(who["ref"])
    return f"{name} <{address}>" if name else str(address)


def _text(value: str | None) -> str | None:
    return f"'{value}" if value is not None and value.startswith(_FORMULA) else value


def _write(lines: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(lines)
    return text.getvalue().encode()
