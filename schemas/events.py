"""What can happen to a message, as frozen values, and the name of every type on the wire.

One class per type. A type grows only by new optional fields; anything else is a new type. What names a person or
holds content stands in ``schemas.personal`` and nowhere else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from schemas import facts, personal, settings
from schemas.identity import MessageId, RecipientRef
from schemas.instant import Instant


class RecipientKind(StrEnum):
    """What the sender's own records say a recipient is."""

    ACCOUNT = "account"
    CONTACT = "contact"
    LEAD = "lead"
    OTHER = "other"


class AddressField(StrEnum):
    """In which header of the mail a recipient stands."""

    TO = "to"
    CC = "cc"
    BCC = "bcc"


class Renditions(StrEnum):
    """One copy for each followed recipient, or one shared copy for the message."""

    RECIPIENT = "recipient"
    MESSAGE = "message"


class ReplyKind(StrEnum):
    """Whether a person or a machine wrote a reply."""

    HUMAN = "human"
    AUTOMATIC = "automatic"


class ReplyAuthor(StrEnum):
    """Who wrote a reply: a recipient of the message, its sender, or somebody else."""

    RECIPIENT = "recipient"
    SENDER = "sender"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """The template a mail was written from."""

    id: str
    name: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedRecipient:
    """One recipient of a prepared mail, without name or address."""

    ref: RecipientRef
    kind: RecipientKind
    field: AddressField
    followed: bool
    reason: str | None = None
    time_zone: str | None = None


CANARY_LINK_INDEX: Final = 65_535
"""The number of every mail's canary, the link that no person sees: the last that a token can carry, after all others.

One number for all mails, so that a click on it is told from the click alone, before its mail is known as prepared.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedLink:
    """One link of a prepared mail: its number in the mail, where it stands, and its host; or the mail's canary."""

    index: int
    position: int
    followed: bool
    host: str | None = None
    reason: str | None = None
    canary: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedAttachment:
    """One file of a prepared mail, without its name; the size is in bytes."""

    index: int
    size: int
    content_type: str
    followed: bool
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagePrepared:
    """A mail was handed in and its copies were made, followed or not."""

    message_id: MessageId
    owner: str
    followed: bool
    renditions: Renditions = Renditions.RECIPIENT
    mode: str = "full"
    reason: str | None = None
    template: Template | None = None
    regarding: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    recipients: tuple[PreparedRecipient, ...] = ()
    links: tuple[PreparedLink, ...] = ()
    attachments: tuple[PreparedAttachment, ...] = ()
    scheduled_at: Instant | None = None
    thread: str | None = None
    sender_ref: RecipientRef | None = None
    follow_requested: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSent:
    """A held mail was handed to the next mail server."""

    message_id: MessageId


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRescheduled:
    """A held mail will leave at another time."""

    message_id: MessageId
    scheduled_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageCancelled:
    """A held mail will not leave."""

    message_id: MessageId


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageOpened:
    """The pixel of a mail was requested; several refs are a shared copy."""

    message_id: MessageId
    refs: tuple[RecipientRef, ...]
    method: str
    edge: str
    user_agent: str = ""
    network: str | None = None
    language: str | None = None
    purpose: str | None = None
    sec_purpose: str | None = None
    range: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkClicked:
    """A followed link was requested."""

    message_id: MessageId
    refs: tuple[RecipientRef, ...]
    link_index: int
    method: str
    edge: str
    user_agent: str = ""
    network: str | None = None
    language: str | None = None
    purpose: str | None = None
    sec_purpose: str | None = None
    range: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentViewed:
    """A followed file was requested."""

    message_id: MessageId
    refs: tuple[RecipientRef, ...]
    attachment_index: int
    method: str
    edge: str
    user_agent: str = ""
    network: str | None = None
    language: str | None = None
    purpose: str | None = None
    sec_purpose: str | None = None
    range: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyReceived:
    """An inbound mail answers a message; ``rule`` says how it was matched, or told to be automatic.

    ``ref`` is whose copy is answered, where a token says so; ``from_ref`` is who wrote. The mail alone cannot tell the
    sender from somebody else, so with ``from_ref`` the author is decided by whoever knows the message's refs.
    """

    message_id: MessageId
    kind: ReplyKind
    author: ReplyAuthor
    rule: str
    ref: RecipientRef | None = None
    returns_at: Instant | None = None
    from_ref: RecipientRef | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageBounced:
    """A mail could not be delivered; ``status`` is RFC 3463's."""

    message_id: MessageId
    permanent: bool
    rule: str
    ref: RecipientRef | None = None
    status: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageComplained:
    """A recipient called a mail unwanted."""

    message_id: MessageId
    rule: str
    ref: RecipientRef | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkJudged:
    """A network was seen to act as a machine; belongs to no message, so every partition gets a copy."""

    network: str
    rule: str
    from_at: Instant
    until_at: Instant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientErased:
    """A recipient's data is to be forgotten; belongs to no message, so every partition gets a copy."""

    ref: RecipientRef


Hit = MessageOpened | LinkClicked | AttachmentViewed
Setting = settings.PreferenceSet | settings.TenantSet
Fact = (
    facts.MessageRegistered
    | facts.MessageFirstOpened
    | facts.MessageFirstClicked
    | facts.MessageFirstAttachmentViewed
    | facts.MessageFirstReplied
    | facts.MessageFirstOpenWithdrawn
)
Held = MessageSent | MessageRescheduled | MessageCancelled
Inbound = ReplyReceived | MessageBounced | MessageComplained
AboutMessage = MessagePrepared | Held | Hit | Inbound | personal.MessagePersonal | Fact
AboutNoMessage = NetworkJudged | RecipientErased
Event = AboutMessage | AboutNoMessage | Setting

TYPES: Final[Mapping[str, type[Event]]] = {
    "message.prepared.v1": MessagePrepared,
    "message.sent.v1": MessageSent,
    "message.rescheduled.v1": MessageRescheduled,
    "message.cancelled.v1": MessageCancelled,
    "message.opened.v1": MessageOpened,
    "link.clicked.v1": LinkClicked,
    "attachment.viewed.v1": AttachmentViewed,
    "reply.received.v1": ReplyReceived,
    "message.bounced.v1": MessageBounced,
    "message.complained.v1": MessageComplained,
    "network.judged.v1": NetworkJudged,
    "recipient.erased.v1": RecipientErased,
    "message.personal.v1": personal.MessagePersonal,
    "preference.set.v1": settings.PreferenceSet,
    "tenant.set.v1": settings.TenantSet,
    "message.registered.v1": facts.MessageRegistered,
    "message.first_opened.v1": facts.MessageFirstOpened,
    "message.first_clicked.v1": facts.MessageFirstClicked,
    "message.first_attachment_viewed.v1": facts.MessageFirstAttachmentViewed,
    "message.first_replied.v1": facts.MessageFirstReplied,
    "message.first_open_withdrawn.v1": facts.MessageFirstOpenWithdrawn,
}

TYPE_OF: Final[Mapping[type[Event], str]] = {cls: name for name, cls in TYPES.items()}
