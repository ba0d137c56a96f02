"""Messages as CSV (RFC 4180): a header row, CRLF, quotes where needed, and no cell that a spreadsheet would run.

A cell of text that begins with what starts a formula gets an apostrophe before it, which spreadsheets hide.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import orjson

from services.projector.query.shapes import INTERACTIONS, Shape

_PLAIN: Final = ("id", "subject", "owner", "sent_at", "scheduled_at", "followed")
COLUMNS: Final = (
    *_PLAIN,
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
    return _write([[_cell(value) for value in _values(message)] for message in messages])


def _values(message: Mapping[str, Any]) -> list[object]:
    template, reason = message["template"] or {}, message["reason"] or {}
    labels = message["labels"]
    return [
        *(message[name] for name in _PLAIN),
        reason.get("code"),
        message["renditions"],
        template.get("id"),
        template.get("name"),
        template.get("version"),
        message["regarding"],
        orjson.dumps(labels, option=orjson.OPT_SORT_KEYS).decode() if labels else None,
        "; ".join(map(_person, message["recipients"])),
        message["recipient_count"],
        message["status"]["code"],
        message["status"]["text"],
        *(
            counted[part]
            for name in INTERACTIONS
            for counted in (message[name], message[name]["human"])
            for part in ("count", "first_at", "last_at")
        ),
    ]


def _person(who: Mapping[str, Any]) -> str:
    name, address = who["name"], who["address"]
    if address is None:
        return str(who["ref"])
    return f"{name} <{address}>" if name else str(address)


def _cell(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value


def _write(lines: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(lines)
    return text.getvalue().encode()
