"""Facts: what the projector states once, for others to act on; ids and refs only."""

from dataclasses import dataclass
from uuid import UUID

from schemas.identity import MessageId, RecipientRef
from schemas.instant import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRegistered:
    """Fact: what alerts must know of a message."""

    message_id: MessageId
    owner: str
    followed: bool
    refs: tuple[RecipientRef, ...] = ()
    scheduled_at: Instant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFirstOpened:
    """Fact: a person opened a message for the first time; no ref is a shared copy."""

    message_id: MessageId
    ordinal: int
    event_id: UUID
    ref: RecipientRef | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFirstClicked:
    """Fact: a person followed a link of a message for the first time."""

    message_id: MessageId
    ordinal: int
    event_id: UUID
    link_index: int
    ref: RecipientRef | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFirstAttachmentViewed:
    """Fact: a person viewed a file of a message for the first time."""

    message_id: MessageId
    ordinal: int
    event_id: UUID
    attachment_index: int
    ref: RecipientRef | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFirstReplied:
    """Fact: a person answered a message for the first time."""

    message_id: MessageId
    ordinal: int
    event_id: UUID
    ref: RecipientRef | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFirstOpenWithdrawn:
    """Fact: the first open of that ordinal turned out to be a machine's."""

    message_id: MessageId
    ordinal: int
    rule: str
    ref: RecipientRef | None = None
