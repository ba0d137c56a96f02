"""From records to what a slice says: messages registered, opens stated and withdrawn, personal data. Pure."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from uuid import UUID

from schemas import envelope, identity, topics
from schemas.envelope import Envelope
from schemas.errors import BadIdentity, Refused
from schemas.events import TYPE_OF
from schemas.facts import (
    MessageFirstAttachmentViewed,
    MessageFirstClicked,
    MessageFirstOpened,
    MessageFirstOpenWithdrawn,
    MessageFirstReplied,
    MessageRegistered,
)
from schemas.identity import MessageId, RecipientRef, Tenant
from schemas.instant import Instant
from schemas.personal import MessagePersonal
from services.alerts.cards import AlertType
from services.alerts.webhooks.body import Told
from services.alerts.webhooks.kinds import Kind
from services.runtime.kafka import Record
from services.runtime.quarantine import Refusal

FIRST_OPENED: Final = TYPE_OF[MessageFirstOpened]
Fact = (
    MessageFirstOpened
    | MessageFirstClicked
    | MessageFirstAttachmentViewed
    | MessageFirstReplied
    | MessageFirstOpenWithdrawn
)
Name = tuple[Tenant, MessageId]
"""What names a message everywhere."""


class Reason(StrEnum):
    """Why an event that is well formed is set aside; a quarantine reason and a metric label."""

    WRONG_TOPIC = "wrong_topic"
    KEY_MALFORMED = "key_malformed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """A fact that alerts, or that takes such a one back; its id follows from the rest."""

    tenant: Tenant
    message_id: MessageId
    ref: RecipientRef | None
    ordinal: int
    occurred_at: Instant
    type: AlertType = AlertType.FIRST_OPENED

    @property
    def fact_id(self) -> UUID:
        """Name the fact that alerts, also where this one takes it back."""
        return identity.fact_id(FIRST_OPENED, self.tenant, self.message_id, self.ref, self.ordinal)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """What one slice says, repetitions folded; filled in the log's order."""

    registered: dict[Name, MessageRegistered] = field(default_factory=dict)
    opened: dict[UUID, Stated] = field(default_factory=dict)
    withdrawn: dict[UUID, Stated] = field(default_factory=dict)
    told: dict[UUID, Told] = field(default_factory=dict)
    """Every fact that webhooks can tell, by its id."""
    personal: dict[MessageId, tuple[Tenant, MessagePersonal] | None] = field(default_factory=dict)
    read: Counter[str] = field(default_factory=Counter)
    """Facts by type, repetitions included."""

    def take(self, record: Record) -> Refusal | None:
        """Take in one record; a refusal comes back when it is none of ours."""
        if record.topic == topics.PERSONAL.name and record.value is None:
            return self._forget(record)
        try:
            received = envelope.decode(record.key, record.value, record.headers)
        except Refused as refused:
            detail = f"{refused.field} {refused.detail}".strip()
            return Refusal(record=record, reason=refused.reason, detail=detail)
        if topics.of(received.event).name != record.topic:
            return Refusal(record=record, reason=Reason.WRONG_TOPIC)
        return self._add(record, received.envelope, received.event)

    def touched(self) -> list[MessageId]:
        """Name the messages of which an alert may now enter, or a fact be delivered."""
        stated = [one.message_id for one in self.told.values()]
        return sorted({*stated, *(message for _, message in self.registered)})

    def _add(self, record: Record, about: Envelope, event: object) -> Refusal | None:
        match event:
            case MessagePersonal():
                self.personal[event.message_id] = (about.tenant, event)
                return None
            case MessageRegistered():
                self.registered.setdefault((about.tenant, event.message_id), event)
            case MessageFirstOpened():
                stated = _stated(about, event)
                self.opened.setdefault(stated.fact_id, stated)
                self._tell(_told(about, event, Kind.FIRST_OPENED))
            case MessageFirstOpenWithdrawn():
                stated = _stated(about, event)
                self.withdrawn.setdefault(stated.fact_id, stated)
                self._tell(_told(about, event, Kind.FIRST_OPEN_WITHDRAWN, rule=event.rule))
            case MessageFirstClicked():
                detail = {"link_index": event.link_index}
                self._tell(_told(about, event, Kind.FIRST_CLICKED, **detail))
            case MessageFirstAttachmentViewed():
                detail = {"attachment_index": event.attachment_index}
                self._tell(_told(about, event, Kind.FIRST_ATTACHMENT_VIEWED, **detail))
            case MessageFirstReplied():
                self._tell(_told(about, event, Kind.FIRST_REPLIED))
            case _:
                return Refusal(record=record, reason=Reason.WRONG_TOPIC)
        self.read[TYPE_OF[type(event)]] += 1
        return None

    def _tell(self, told: Told) -> None:
        self.told.setdefault(told.fact_id, told)

    def _forget(self, record: Record) -> Refusal | None:
        try:
            message = identity.message_id((record.key or b"").decode("ascii", "replace"))
        except BadIdentity as error:
            return Refusal(record=record, reason=Reason.KEY_MALFORMED, detail=error.detail)
        self.personal[message] = None
        return None


def _stated(about: Envelope, event: MessageFirstOpened | MessageFirstOpenWithdrawn) -> Stated:
    return Stated(
        tenant=about.tenant,
        message_id=event.message_id,
        ref=event.ref,
        ordinal=event.ordinal,
        occurred_at=about.occurred_at,
    )


def _told(about: Envelope, event: Fact, kind: Kind, **detail: str | int) -> Told:
    name = TYPE_OF[type(event)]
    return Told(
        fact_id=identity.fact_id(name, about.tenant, event.message_id, event.ref, event.ordinal),
        tenant=about.tenant,
        type=kind,
        message_id=event.message_id,
        ref=event.ref,
        ordinal=event.ordinal,
        occurred_at=about.occurred_at,
        detail=detail,
    )
