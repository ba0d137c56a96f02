"""What names a person or holds content, apart from everything else so that it can be forgotten."""

from dataclasses import dataclass

from schemas.identity import MessageId, RecipientRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """An address and the name shown with it."""

    address: str
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalRecipient:
    """Who stands behind a ref: address, name, and the caller's own id."""

    ref: RecipientRef
    address: str
    name: str | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalLink:
    """Where a link leads and what it says."""

    index: int
    url: str
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalAttachment:
    """What a file is called."""

    index: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagePersonal:
    """What names a person or holds content, by message; compacted, so that erasing is a rewrite or a tombstone."""

    message_id: MessageId
    subject: str
    sender: Mailbox
    recipients: tuple[PersonalRecipient, ...] = ()
    links: tuple[PersonalLink, ...] = ()
    attachments: tuple[PersonalAttachment, ...] = ()
