"""Facts: what was stated in a slice, encoded for the outbox. Pure; the time of recording is passed in."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from schemas import envelope as envelopes
from schemas import identity
from schemas.envelope import Encoded, Envelope
from schemas.events import TYPE_OF, Fact, MessagePrepared
from schemas.facts import (
    MessageFirstAttachmentViewed,
    MessageFirstClicked,
    MessageFirstOpened,
    MessageFirstReplied,
    MessageRegistered,
)
from schemas.identity import MessageId, RecipientRef, Tenant
from schemas.instant import Instant
from services.projector.kinds import Kind

SOURCE: Final = "/projector"
FIRST: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class First:
    """A person's first interaction of its kind; no ref is about the whole message."""

    tenant: Tenant
    message_id: MessageId
    ref: RecipientRef | None
    kind: Kind
    item: int | None
    event_id: UUID
    occurred_at: Instant


def registered(envelope: Envelope, event: MessagePrepared, recorded_at: Instant) -> Encoded:
    """State that a message is known; its refs are those of followed recipients."""
    fact = MessageRegistered(
        message_id=event.message_id,
        owner=event.owner,
        followed=event.followed,
        refs=tuple(dict.fromkeys(one.ref for one in event.recipients if one.followed)),
        scheduled_at=event.scheduled_at,
    )
    place = (envelope.tenant, event.message_id, None)
    return _encode(place, fact, envelope.occurred_at, recorded_at)


def stated(first: First, recorded_at: Instant) -> Encoded:
    """State a first interaction."""
    place = (first.tenant, first.message_id, first.ref)
    return _encode(place, _fact(first), first.occurred_at, recorded_at)


def _fact(first: First) -> Fact:
    message, ref, cause = first.message_id, first.ref, first.event_id
    match first.kind:
        case Kind.OPEN:
            return MessageFirstOpened(message_id=message, ordinal=FIRST, event_id=cause, ref=ref)
        case Kind.REPLY:
            return MessageFirstReplied(message_id=message, ordinal=FIRST, event_id=cause, ref=ref)
        case Kind.CLICK:
            return MessageFirstClicked(
                message_id=message,
                ordinal=FIRST,
                event_id=cause,
                link_index=first.item or 0,
                ref=ref,
            )
        case Kind.ATTACHMENT_VIEW:
            return MessageFirstAttachmentViewed(
                message_id=message,
                ordinal=FIRST,
                event_id=cause,
                attachment_index=first.item or 0,
                ref=ref,
            )


def _encode(
    place: tuple[Tenant, MessageId, RecipientRef | None],
    fact: Fact,
    occurred_at: Instant,
    recorded_at: Instant,
) -> Encoded:
    tenant, message, ref = place
    envelope = Envelope(
        id=identity.fact_id(TYPE_OF[type(fact)], tenant, message, ref, FIRST),
        source=SOURCE,
        tenant=tenant,
        occurred_at=occurred_at,
    )
    return envelopes.encode(envelope, fact, recorded_at)
