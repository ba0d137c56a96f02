"""What a webhook says: one JSON document that is CloudEvents 1.0 and has the members of Standard Webhooks. Pure.

It carries ids; names, addresses and subject only where the endpoint asks for them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import orjson

from schemas import identity, instant
from schemas.events import TYPE_OF
from schemas.facts import MessageFirstOpened
from schemas.identity import MessageId, RecipientRef, Tenant
from schemas.instant import Instant
from services.alerts.webhooks.kinds import TEST, Kind

SOURCE: Final = "/inkling/alerts"
MAX_BYTES: Final = 20_000
# Texts of others are cut here, so that a body stays below its limit whatever they hold.
MAX_TEXT: Final = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A fact that can be delivered; `detail` is what only its type has."""

    fact_id: UUID
    tenant: Tenant
    type: Kind
    message_id: MessageId
    ref: RecipientRef | None
    ordinal: int
    occurred_at: Instant
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What else is known when the body is written; what was erased, or never came, is None."""

    owner: str
    recipient: Mapping[str, str] | None
    subject: str | None
    attachment: str | None = None


def written(told: Told, known: Known, *, names: bool) -> bytes:
    """Write the body of a fact, with `names` or without."""
    data: dict[str, Any] = {
        "message_id": str(told.message_id),
        "owner": known.owner,
        "recipient": _recipient(told.ref, known.recipient or {}, names=names),
        "ordinal": told.ordinal,
        "occurred_at": instant.text(told.occurred_at),
        **told.detail,
    }
    if told.type is Kind.FIRST_OPEN_WITHDRAWN:
        data["withdraws"] = str(_withdrawn(told))
    if names:
        data["subject"] = _cut(known.subject)
        if told.type is Kind.FIRST_ATTACHMENT_VIEWED:
            data["attachment_name"] = _cut(known.attachment)
    return _document(told.fact_id, told.tenant, told.type, told.occurred_at, data)


def test(identifier: UUID, tenant: str, webhook: UUID, now: Instant) -> bytes:
    """Write the body of a test."""
    return _document(identifier, tenant, TEST, now, {"webhook_id": str(webhook)})


def _document(
    identifier: UUID, tenant: str, kind: str, at: Instant, data: Mapping[str, Any]
) -> bytes:
    time = instant.text(at)
    return orjson.dumps(
        {
            "specversion": "1.0",
            "id": str(identifier),
            "source": SOURCE,
            "type": kind,
            "time": time,
            "timestamp": time,  # the same, under Standard Webhooks' name
            "tenant": tenant,
            "datacontenttype": "application/json",
            "data": data,
        }
    )


def _recipient(
    ref: str | None, personal: Mapping[str, str], *, names: bool
) -> dict[str, str | None] | None:
    if ref is None:
        return None
    shown: dict[str, str | None] = {"id": personal.get("id"), "ref": ref}
    if names:
        shown |= {"name": personal.get("name"), "address": personal.get("address")}
    return shown


def _withdrawn(told: Told) -> UUID:
    first = TYPE_OF[MessageFirstOpened]
    return identity.fact_id(first, told.tenant, told.message_id, told.ref, told.ordinal)


def _cut(text: str | None) -> str | None:
    return None if text is None else text[:MAX_TEXT]
