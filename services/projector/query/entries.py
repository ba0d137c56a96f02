"""Entries of a timeline: what stands in one line of a message's history, and in which order."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from schemas.identity import MessageId, Tenant, event_id
from schemas.instant import Instant
from services.projector.kinds import Kind
from services.projector.query import shapes
from services.projector.query.shapes import Fields, Personal, Shape

_INTERACTIONS: Final = {
    Kind.OPEN: "message.opened",
    Kind.CLICK: "link.clicked",
    Kind.ATTACHMENT_VIEW: "attachment.viewed",
}
_CORRESPONDENCE: Final = {
    "reply": "reply.received",
    "reply_of_sender": "reply.received",
    "bounce": "message.bounced",
    "complaint": "message.complained",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line: when, the event's id to break ties, and what the door shows."""

    at: Instant
    id: UUID
    shape: Shape


def hit(row: Fields, known: Personal) -> Entry:
    """Make the entry of an open, a click or an attachment view, with the verdict on it."""
    kind, item = Kind(row["kind"]), row["item"]
    return _entry(
        row["event_id"],
        _INTERACTIONS[kind],
        row["occurred_at"],
        recorded_at=shapes.moment(row["recorded_at"]),
        recipient=_who(row, known),
        link=shapes.link_identity(item, known) if kind == Kind.CLICK else None,
        attachment=shapes.attachment_identity(item, known)
        if kind == Kind.ATTACHMENT_VIEW
        else None,
        human=row["human"],
        requests=row["requests"],
        verdict={"agent": row["agent"], "rule": row["rule"]},
        request={
            name: row[name] for name in ("method", "network", "user_agent", "language", "edge")
        },
    )


def letter(row: Fields, known: Personal) -> Entry:
    """Make the entry of a reply, a bounce or a complaint, with the rule that matched it."""
    return _entry(
        row["event_id"],
        _CORRESPONDENCE[row["type"]],
        row["occurred_at"],
        recipient=_who(row, known),
        human=row["human"],
        correspondence={
            "rule": row["rule"],
            "author": row["author"],
            "returns_at": shapes.moment(row["returns_at"]),
            "permanent": row["permanent"],
            "status": row["status"],
        },
    )


def own(row: Fields, tenant: Tenant, message: MessageId) -> list[Entry]:
    """Make the entries that stand in the message's own row: prepared, sent if it was held, cancelled."""
    return [
        _entry(event_id(f"{kind}.v1", tenant, str(message)), kind, row[column])
        for kind, column in _OWN.items()
        if row[column] is not None
    ]


_OWN: Final = {
    "message.prepared": "prepared_at",
    "message.sent": "handed_at",
    "message.cancelled": "cancelled_at",
}


def entry(row: Fields, known: Personal) -> Entry:
    """Make the entry of one row of the timeline."""
    return letter(row, known) if row["kind"] is None else hit(row, known)


def newest_first(entries: Iterable[Entry]) -> list[Entry]:
    """Sort as the timeline does; the same in SQL."""
    return sorted(entries, key=lambda one: (one.at, one.id), reverse=True)


def older_than(entries: Sequence[Entry], at: int, tie: UUID) -> list[Entry]:
    """Keep the entries behind a position."""
    return [one for one in entries if (one.at, one.id) < (at, tie)]


def _who(row: Fields, known: Personal) -> Shape | None:
    return None if row["ref"] is None else shapes.identity(row["ref"], known)


def _entry(identifier: UUID, kind: str, at: int, **members: object) -> Entry:
    shape: Shape = {
        "id": str(identifier),
        "type": kind,
        "occurred_at": shapes.moment(at),
        "recorded_at": None,
        "recipient": None,
        "link": None,
        "attachment": None,
        "human": None,
        "requests": None,
        "verdict": None,
        "request": None,
        "correspondence": None,
    }
    return Entry(at=Instant(at), id=identifier, shape=shape | members)
