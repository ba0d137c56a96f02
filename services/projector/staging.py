"""From the events of one slice to rows for the staging tables: judged, and otherwise as they are. Pure.

The columns here are those of ``projections/staging.sql``, in the same order.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import orjson

from schemas import codec, topics
from schemas.envelope import Envelope, Received
from schemas.events import (
    TYPE_OF,
    AttachmentViewed,
    Held,
    Hit,
    Inbound,
    LinkClicked,
    MessageBounced,
    MessageCancelled,
    MessageComplained,
    MessageOpened,
    MessagePrepared,
    MessageRescheduled,
    MessageSent,
    NetworkJudged,
    RecipientErased,
    ReplyReceived,
)
from schemas.identity import MessageId, Tenant
from schemas.personal import MessagePersonal
from schemas.settings import PreferenceSet, TenantSet
from services.projector.admission import Reason
from services.projector.kinds import Kind
from services.projector.verdicts import rules

Row = tuple[object, ...]
Name = tuple[Tenant, MessageId]
"""What names a message everywhere."""

# What the columns hold; the contract sets no upper bound.
_LARGEST_INTEGER: Final = 2**31 - 1
_LARGEST_BIGINT: Final = 2**63 - 1

HIT: Final = (
    *("event_id", "tenant", "message_id", "ref", "kind", "item", "occurred_at", "recorded_at"),
    *("agent", "rule", "human", "method", "edge", "user_agent", "network", "language"),
    *("purpose", "sec_purpose", "byte_range"),
)
CORRESPONDENCE: Final = (
    *("event_id", "tenant", "message_id", "ref", "type", "occurred_at", "human", "author", "rule"),
    *("returns_at", "permanent", "status", "from_ref"),
)
MESSAGE: Final = (
    *("event_id", "tenant", "message_id", "prepared_at", "owner", "followed", "reason"),
    *("renditions", "mode", "template_id", "template_name", "template_version", "regarding"),
    *("labels", "thread", "scheduled_at", "sender_ref", "recipient_count"),
)
RECIPIENT: Final = (
    *("tenant", "message_id", "ref", "position", "kind", "field", "followed", "reason"),
    "time_zone",
)
LINK: Final = ("tenant", "message_id", "link_index", "position", "host", "followed", "reason")
ATTACHMENT: Final = (
    *("tenant", "message_id", "attachment_index", "size", "content_type", "followed", "reason"),
)
HELD: Final = ("tenant", "message_id", "type", "occurred_at", "scheduled_at")
PERSONAL: Final = ("tenant", "message_id", "subject", "body")


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """What one slice brings, ready to be copied; filled in the log's order."""

    hits: list[Row] = field(default_factory=list)
    correspondence: list[Row] = field(default_factory=list)
    prepared: dict[Name, tuple[Envelope, MessagePrepared]] = field(default_factory=dict)
    held: list[Row] = field(default_factory=list)
    personal: dict[MessageId, Row | None] = field(default_factory=dict)
    engagement: dict[str, bool | None] = field(default_factory=dict)
    retention: dict[str, int | None] = field(default_factory=dict)
    """For how many days each tenant of those in `engagement` wants its history kept."""
    unfolded: Counter[str] = field(default_factory=Counter)
    lanes: dict[bytes, int] = field(default_factory=dict)
    """The partitions on which the messages lie that something happened to, by the key of their records."""

    @property
    def lane(self) -> int:
        """The lane whose rows of the roll-ups this slice adds to: one it holds, so that no other worker does."""
        return min(self.lanes.values())

    def add(self, received: Received, partition: int) -> Reason | None:
        """Take in an admitted event from a partition; a reason comes back when its numbers fit no column."""
        envelope, event = received.envelope, received.event
        match event:
            case MessageOpened() | LinkClicked() | AttachmentViewed():
                key = topics.message_key(event.message_id)
                self.add_hit(_hit(envelope, event, received.recorded_at), key, partition)
            case MessagePersonal():
                self.personal[event.message_id] = _personal(envelope, event)
            case MessagePrepared():
                if not _fits(event):
                    return Reason.OUT_OF_RANGE
                self.lanes[topics.message_key(event.message_id)] = partition
                self.prepared.setdefault((envelope.tenant, event.message_id), (envelope, event))
            case ReplyReceived() | MessageBounced() | MessageComplained():
                self.lanes[topics.message_key(event.message_id)] = partition
                self.correspondence.append(_correspondence(envelope, event))
            case MessageSent() | MessageRescheduled() | MessageCancelled():
                self.lanes[topics.message_key(event.message_id)] = partition
                self.held.append(_held(envelope, event))
            case TenantSet():
                self.engagement[envelope.tenant] = event.engagement
                self.retention[envelope.tenant] = event.retention_days
            case PreferenceSet():
                pass  # what a recipient allows changes no answer: what is in the log counts
            case NetworkJudged() | RecipientErased():
                self.unfolded[TYPE_OF[type(event)]] += 1
            case _:
                return Reason.WRONG_TOPIC
        return None

    def add_hit(self, row: Row, key: bytes, partition: int) -> None:
        """Take in a hit that is a row already, about the message of a key, from a partition."""
        self.lanes[key] = partition
        self.hits.append(row)

    def forget(self, message: MessageId) -> None:
        """Take in a tombstone of the personal topic."""
        self.personal[message] = None

    def unset(self, key: str) -> None:
        """Take in a tombstone of the settings topic; a recipient's changes nothing here."""
        if ":" not in key:
            self.engagement[key] = None


def _hit(envelope: Envelope, event: Hit, recorded_at: int) -> Row:
    verdict = rules.judge(event)
    kind, item = _kind(event)
    return (
        str(envelope.id),
        envelope.tenant,
        str(event.message_id),
        event.refs[0] if len(event.refs) == 1 else None,
        kind,
        item,
        envelope.occurred_at,
        recorded_at,
        *verdict,
        event.method,
        event.edge,
        event.user_agent,
        event.network,
        event.language,
        event.purpose,
        event.sec_purpose,
        event.range,
    )


def _kind(event: Hit) -> tuple[Kind, int | None]:
    match event:
        case MessageOpened():
            return Kind.OPEN, None
        case LinkClicked():
            return Kind.CLICK, event.link_index
        case AttachmentViewed():
            return Kind.ATTACHMENT_VIEW, event.attachment_index


def _correspondence(envelope: Envelope, event: Inbound) -> Row:
    head = (envelope.id, envelope.tenant, event.message_id, event.ref)
    at = envelope.occurred_at
    match event:
        case ReplyReceived():
            human = rules.judge_reply(event.kind)
            tail = (event.author, event.rule, event.returns_at, None, None, event.from_ref)
            return (*head, "reply", at, human, *tail)
        case MessageBounced():
            rest = (None, event.rule, None, event.permanent, event.status, None)
            return (*head, "bounce", at, False, *rest)
        case MessageComplained():
            return (*head, "complaint", at, True, None, event.rule, None, None, None, None)


def _held(envelope: Envelope, event: Held) -> Row:
    head = (envelope.tenant, event.message_id)
    match event:
        case MessageSent():
            return (*head, "sent", envelope.occurred_at, None)
        case MessageRescheduled():
            return (*head, "rescheduled", envelope.occurred_at, event.scheduled_at)
        case MessageCancelled():
            return (*head, "cancelled", envelope.occurred_at, None)


def _personal(envelope: Envelope, event: MessagePersonal) -> Row:
    # Written anew, so that nothing stays that the contract does not name.
    return (envelope.tenant, event.message_id, event.subject, orjson.dumps(codec.write(event)))


def _fits(event: MessagePrepared) -> bool:
    return all(link.position <= _LARGEST_INTEGER for link in event.links) and all(
        attachment.size <= _LARGEST_BIGINT for attachment in event.attachments
    )


def message_row(envelope: Envelope, event: MessagePrepared) -> Row:
    """Lay out a prepared message as a row of ``staged_message``."""
    template = event.template
    return (
        envelope.id,
        envelope.tenant,
        event.message_id,
        envelope.occurred_at,
        event.owner,
        event.followed,
        event.reason,
        event.renditions,
        event.mode,
        None if template is None else template.id,
        None if template is None else template.name,
        None if template is None else template.version,
        event.regarding,
        orjson.dumps(dict(event.labels)),
        event.thread,
        event.scheduled_at,
        event.sender_ref,
        len({one.ref for one in event.recipients}),
    )


def recipient_rows(name: Name, event: MessagePrepared) -> list[Row]:
    """Lay out the recipients; of one that is named twice, the first place holds."""
    rows: dict[str, Row] = {}
    for position, one in enumerate(event.recipients):
        row = (position, one.kind, one.field, one.followed, one.reason, one.time_zone)
        rows.setdefault(one.ref, (*name, one.ref, *row))
    return list(rows.values())


def link_rows(name: Name, event: MessagePrepared) -> list[Row]:
    """Lay out the links; of two with one index, the first holds."""
    rows: dict[int, Row] = {}
    for one in event.links:
        row = (*name, one.index, one.position, one.host, one.followed, one.reason)
        rows.setdefault(one.index, row)
    return list(rows.values())


def attachment_rows(name: Name, event: MessagePrepared) -> list[Row]:
    """Lay out the files; of two with one index, the first holds."""
    rows: dict[int, Row] = {}
    for one in event.attachments:
        row = (*name, one.index, one.size, one.content_type, one.followed, one.reason)
        rows.setdefault(one.index, row)
    return list(rows.values())
