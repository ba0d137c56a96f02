"""What a card says: of whom, about what, when. Pure; names and subject are joined on read, and may be unknown."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from schemas import instant
from schemas.instant import Instant


class AlertType(StrEnum):
    """What alerts; the word in the tables, in answers and as the stream's `event`."""

    FIRST_OPENED = "message.first_opened"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Whom an alert is about; only the ref stays when the person is unknown or was erased."""

    ref: str
    id: str | None = None
    name: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One alert as a seller sees it; no contact is a copy that several people share."""

    id: UUID
    type: AlertType
    message_id: UUID
    owner: str
    contact: Contact | None
    subject: str | None
    occurred_at: Instant
    created_at: Instant


def contact(ref: str | None, personal: Mapping[str, str] | None) -> Contact | None:
    """Say whom an alert is about, from its ref and what is personal about that ref."""
    if ref is None:
        return None
    known = personal or {}
    return Contact(
        ref=ref, id=known.get("id"), name=known.get("name"), address=known.get("address")
    )


def shown(card: Card) -> dict[str, Any]:
    """Lay out a card as JSON; the same in the inbox and on the stream."""
    who = card.contact
    return {
        "id": str(card.id),
        "type": card.type,
        "message_id": str(card.message_id),
        "owner": card.owner,
        "recipient": None
        if who is None
        else {"id": who.id, "name": who.name, "address": who.address, "ref": who.ref},
        "subject": card.subject,
        "occurred_at": instant.text(card.occurred_at),
        "created_at": instant.text(card.created_at),
    }
