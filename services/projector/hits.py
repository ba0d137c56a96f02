"""The quick reader: a hit as our trackers write it, from its record straight to its row. Pure.

Nearly all records are hits, and reading them is most of what Python does in a fold. What is not exactly as expected
here, whatever it may be, is left to the full reader (``envelope.decode``, ``admission``, ``Slice.add``), which finds
the same row or says what is wrong. That both agree on any record is a law in ``tests/projector/test_hits.py``.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Final

import orjson

from schemas import envelope, identity, topics
from schemas.events import CANARY_LINK_INDEX
from schemas.identity import Tenant
from schemas.instant import Instant, parse_written
from services.projector.admission import FUTURE_LIMIT, ID_TOLERANCE, LATENESS_WINDOW
from services.projector.kinds import Kind
from services.projector.verdicts.rules import judge_request
from services.runtime.records import Record

Row = tuple[object, ...]
_Form = tuple[Callable[[object], bool], Kind, str | None]
"""Whether parsed JSON satisfies the type's schema, the kind, and the member that numbers the link or file."""

_FORMS: Final[dict[bytes, _Form]] = {
    name.encode("ascii"): (envelope.reads(name), kind, item)
    for name, kind, item in (
        ("message.opened.v1", Kind.OPEN, None),
        ("link.clicked.v1", Kind.CLICK, "link_index"),
        ("attachment.viewed.v1", Kind.ATTACHMENT_VIEW, "attachment_index"),
    )
}
_TOPIC: Final = topics.EVENTS.name
_SPECVERSION: Final = envelope.SPECVERSION.encode("ascii")


def read(record: Record) -> Row | None:
    """Return the row of ``staged_hit`` that a record becomes; None when the full reader is to be asked."""
    try:
        return _read(record)
    except (KeyError, ValueError, AttributeError, TypeError):
        # A header is missing or malformed; or it has no value, which Kafka allows.
        return None


def _read(record: Record) -> Row | None:
    topic, _, _, key, value, headers, _ = record
    attributes = dict(headers)
    form = _FORMS.get(attributes["ce_type"])
    # No backslash, no escapes: so no U+0000 either.
    if form is None or not value or len(value) > topics.MAX_EVENT_BYTES or b"\\" in value:
        return None
    is_readable, kind, item = form
    event = orjson.loads(value)
    if not is_readable(event):
        return None
    message, refs, method, get = event["message_id"], event["refs"], event["method"], event.get
    identifier = attributes["ce_id"].decode("ascii")
    occurred_at = parse_written(attributes["ce_time"])
    recorded_at = parse_written(attributes["ce_recordedtime"])
    attributes["ce_source"].decode("utf-8")
    if (
        topic != _TOPIC
        or attributes["ce_specversion"] != _SPECVERSION
        or key != message.encode("ascii")
        or not _is_admitted(identifier, occurred_at, recorded_at)
    ):
        return None
    user_agent, purpose, sec_purpose = get("user_agent", ""), get("purpose"), get("sec_purpose")
    number = event[item] if item else None
    on_canary = number == CANARY_LINK_INDEX and kind is Kind.CLICK
    agent, rule, human = judge_request(method, user_agent, purpose, sec_purpose, on_canary)
    return (
        identifier,
        _tenant(attributes["ce_tenant"]),
        message,
        refs[0] if len(refs) == 1 else None,
        kind,
        number,
        occurred_at,
        recorded_at,
        agent,
        rule,
        human,
        method,
        event["edge"],
        user_agent,
        get("network"),
        get("language"),
        purpose,
        sec_purpose,
        get("range"),
    )


def _is_admitted(identifier: str, occurred_at: Instant, recorded_at: Instant) -> bool:
    """Tell whether an id is one of version 7 that fits its hit's times, by the limits of ``admission``."""
    return (
        identity.UUID7_PATTERN.fullmatch(identifier) is not None
        and -FUTURE_LIMIT <= recorded_at - occurred_at <= LATENESS_WINDOW
        and abs(int(identifier[:8] + identifier[9:13], 16) * 1000 - occurred_at) <= ID_TOLERANCE
    )


@lru_cache(maxsize=1024)
def _tenant(raw: bytes) -> Tenant:
    return identity.tenant(raw.decode("utf-8"))
