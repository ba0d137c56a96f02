"""Events and records for the projector's tests, with everything a test does not care about filled in."""

from uuid import UUID

from schemas import identity, instant
from schemas.envelope import Envelope, encode
from schemas.events import (
    AddressField,
    AttachmentViewed,
    Event,
    LinkClicked,
    MessageOpened,
    MessagePrepared,
    PreparedAttachment,
    PreparedLink,
    PreparedRecipient,
    RecipientKind,
    ReplyAuthor,
    ReplyKind,
    ReplyReceived,
    Template,
)
from schemas.identity import MessageId, RecipientRef, Tenant
from schemas.instant import Instant
from schemas.topics import EVENTS
from services.runtime.kafka import Record
from services.runtime.leases import Lane
from tests.support.clock import START

ACME = Tenant("acme")
RIVAL = Tenant("rival")
ANNA, BERT, CARL, EVE = (RecipientRef(digit * 16) for digit in "abce")
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36"
APPLE = "Mozilla/5.0"
NOW = Instant(START)
REPLY = UUID("00000000-0000-5000-8000-000000000001")
LANE = Lane(EVENTS.name, 3)


def message(number: int, tenant: Tenant = ACME) -> MessageId:
    """Name a message by a number."""
    return identity.message_of_header(tenant, f"<{number}@acme.example>")


def hit_id(at: int, number: int) -> UUID:
    """Name a hit by its time and a number."""
    return identity.uuid7(Instant(at), number.to_bytes(identity.ENTROPY_BYTES, "big"))


def opened(
    number: int = 1,
    refs: tuple[RecipientRef, ...] = (ANNA,),
    agent: str = CHROME,
    tenant: Tenant = ACME,
) -> MessageOpened:
    """Build an open."""
    return MessageOpened(
        message_id=message(number, tenant), refs=refs, method="GET", edge="edge-1", user_agent=agent
    )


def clicked(
    number: int = 1, link: int = 0, refs: tuple[RecipientRef, ...] = (ANNA,)
) -> LinkClicked:
    """Build a person's click."""
    return LinkClicked(
        message_id=message(number),
        refs=refs,
        link_index=link,
        method="GET",
        edge="edge-1",
        user_agent=CHROME,
    )


def viewed(
    number: int = 1,
    file: int = 0,
    refs: tuple[RecipientRef, ...] = (ANNA,),
    agent: str = CHROME,
    method: str = "GET",
    network: str | None = None,
) -> AttachmentViewed:
    """Build a request of a file, a person's unless said otherwise."""
    return AttachmentViewed(
        message_id=message(number),
        refs=refs,
        attachment_index=file,
        method=method,
        edge="edge-1",
        user_agent=agent,
        network=network,
    )


def prepared(
    number: int = 1,
    *,
    tenant: Tenant = ACME,
    owner: str = "sally",
    followed: bool = True,
    template: str | None = "offer",
    scheduled_at: Instant | None = None,
    refs: tuple[RecipientRef, ...] = (ANNA, BERT),
) -> MessagePrepared:
    """Build a prepared message with two links and a file."""
    return MessagePrepared(
        message_id=message(number, tenant),
        owner=owner,
        followed=followed,
        reason=None if followed else "switched_off",
        template=None
        if template is None
        else Template(id=template, name=f"{template} {number}", version=str(number)),
        regarding="deal-7",
        labels={"campaign": "spring"},
        recipients=tuple(
            PreparedRecipient(
                ref=ref, kind=RecipientKind.CONTACT, field=AddressField.TO, followed=followed
            )
            for ref in refs
        ),
        links=(
            PreparedLink(index=0, position=10, followed=True, host="example.org"),
            PreparedLink(index=1, position=90, followed=True, host="example.net"),
        ),
        attachments=(
            PreparedAttachment(index=0, size=99, content_type="application/pdf", followed=True),
        ),
        scheduled_at=scheduled_at,
        thread="t",
        sender_ref=CARL,
    )


def record(
    event: Event,
    *,
    identifier: UUID | None = None,
    at: int = NOW,
    recorded_at: int | None = None,
    tenant: Tenant = ACME,
    offset: int = 0,
    partition: int = LANE.partition,
) -> Record:
    """Lay an event into a record; without an identifier it gets one that fits a hit."""
    envelope = Envelope(
        id=identifier or hit_id(at, offset),
        source="/test",
        tenant=tenant,
        occurred_at=Instant(at),
    )
    encoded = encode(
        envelope, event, Instant(at + instant.SECOND if recorded_at is None else recorded_at)
    )
    return Record(
        topic=encoded.topic,
        partition=partition,
        offset=offset,
        key=encoded.key,
        value=encoded.value,
        headers=encoded.headers,
        timestamp_ms=0,
    )


def replied(
    author: ReplyAuthor = ReplyAuthor.RECIPIENT,
    offset: int = 0,
    *,
    ref: RecipientRef | None = ANNA,
    wrote: RecipientRef | None = None,
) -> Record:
    """Lay a person's reply into a record, always the same one."""
    event = ReplyReceived(
        message_id=message(1),
        kind=ReplyKind.HUMAN,
        author=author,
        rule="in_reply_to",
        ref=ref,
        from_ref=wrote,
    )
    return record(event, identifier=REPLY, offset=offset)
