"""Facts, personal data and records for the tests of alerts, with everything a test does not care about filled in."""

from uuid import UUID

from schemas import identity, topics
from schemas.envelope import Envelope, encode
from schemas.events import TYPE_OF, Event
from schemas.facts import MessageFirstOpened, MessageFirstOpenWithdrawn, MessageRegistered
from schemas.identity import MessageId, RecipientRef, Tenant
from schemas.instant import SECOND, Instant
from schemas.personal import Mailbox, MessagePersonal, PersonalRecipient
from services.runtime.kafka import Record
from services.runtime.leases import Lane
from tests.support.clock import START

DEMO = Tenant("demo")
RIVAL = Tenant("rival")
LI, MO = RecipientRef("00112233aabbccdd"), RecipientRef("ffeeddcc99887766")
CAUSE = UUID("01a20ce4-063b-7000-8203-040506070809")
FACTS = Lane(topics.FACTS.name, 3)
PERSONAL = Lane(topics.PERSONAL.name, 3)


def message(number: int, tenant: Tenant = DEMO) -> MessageId:
    """Name a message by a number."""
    return identity.message_of_header(tenant, f"<{number}@demo.example>")


def registered(
    number: int = 1,
    *,
    owner: str = "ana",
    tenant: Tenant = DEMO,
    refs: tuple[RecipientRef, ...] = (LI,),
) -> MessageRegistered:
    """Build the fact that a message is known."""
    return MessageRegistered(
        message_id=message(number, tenant), owner=owner, followed=True, refs=refs
    )


def opened(
    number: int = 1, ref: RecipientRef | None = LI, ordinal: int = 1, tenant: Tenant = DEMO
) -> MessageFirstOpened:
    """Build a first open."""
    return MessageFirstOpened(
        message_id=message(number, tenant), ordinal=ordinal, event_id=CAUSE, ref=ref
    )


def withdrawn(
    number: int = 1, ref: RecipientRef | None = LI, ordinal: int = 1
) -> MessageFirstOpenWithdrawn:
    """Build the withdrawal of a first open."""
    return MessageFirstOpenWithdrawn(
        message_id=message(number), ordinal=ordinal, rule="burst", ref=ref
    )


def personal(
    number: int = 1, subject: str = "Your offer", tenant: Tenant = DEMO
) -> MessagePersonal:
    """Build what is personal about a message to Li."""
    return MessagePersonal(
        message_id=message(number, tenant),
        subject=subject,
        sender=Mailbox(address="ana@demo.example"),
        recipients=(
            PersonalRecipient(ref=LI, address="li@customer.example", name="Li", id="c-17"),
        ),
    )


def fact_id(event: Event, tenant: Tenant = DEMO) -> UUID:
    """Name a fact as the projector does; anything else gets an id of its own."""
    name = TYPE_OF[type(event)]
    ref, ordinal = getattr(event, "ref", None), getattr(event, "ordinal", 1)
    return identity.fact_id(name, tenant, getattr(event, "message_id"), ref, ordinal)  # noqa: B009 - not all have one


def record(
    event: Event, *, tenant: Tenant = DEMO, at: int = START, offset: int = 0, partition: int = 3
) -> Record:
    """Lay an event into a record."""
    envelope = Envelope(
        id=fact_id(event, tenant), source="/test", tenant=tenant, occurred_at=Instant(at)
    )
    encoded = encode(envelope, event, Instant(at + SECOND))
    return Record(
        topic=encoded.topic,
        partition=partition,
        offset=offset,
        key=encoded.key,
        value=encoded.value,
        headers=encoded.headers,
        timestamp_ms=0,
    )


def tombstone(number: int = 1) -> Record:
    """Erase what is personal about a message."""
    return Record(
        topic=PERSONAL.topic,
        partition=PERSONAL.partition,
        offset=0,
        key=topics.message_key(message(number)),
        value=None,
        headers=(),
        timestamp_ms=0,
    )
