"""Decide whether a message is followed, for whom of its recipients, and why not for the others.

The order: did the sender ask; is engagement on; is there HTML; do recipients refuse; what are they. Two policies:

- `recipient` (the default): each account, contact or lead in To or Cc who allows it is followed; everybody else gets
  the mail as it was.
- `strict`, the model product's: one refusal or one `other` in To or Cc, and the message is not followed.

Bcc is not followed: nobody may learn from a hit, a list or a shared token that a hidden recipient was there. Where the
tenant has chosen otherwise (`follow_bcc`), each account, contact or lead in Bcc who allows it is followed as well, in a
copy and by tokens of their own; under `strict` they neither make a message followed nor hold it back, for that policy
looks at To and Cc.

A shared copy (`renditions: message`) is read by everybody, Bcc included, so it is followed only if it may be followed
for every one of them, and never with somebody in Bcc, whom its tokens would name. It is never split into a followed and
an untouched copy behind the caller's back: who asked for one copy will send one copy, and a person who refuses must
never get a tracked one.

A person listed twice is one person: a refusal on either line counts for both. Whoever's kind could not be found out,
because the directory did not answer, is not followed, and counts like an `other`. `docs/follow.md` has all of it as a
table.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from schemas.events import AddressField, RecipientKind, Renditions
from schemas.identity import RecipientRef
from schemas.settings import FollowPolicy

MAX_SHARED_RECIPIENTS: Final = 8


class FollowReason(StrEnum):
    """Why a message or a recipient is not followed: a closed list, stable at the doors and in the log."""

    NOT_REQUESTED = "not_requested"
    ENGAGEMENT_OFF = "engagement_off"
    NO_HTML = "no_html"
    SIGNED = "signed"
    ENCRYPTED = "encrypted"
    MALFORMED = "malformed"
    UNAVAILABLE = "unavailable"
    RECIPIENT_REFUSES = "recipient_refuses"
    OTHER_RECIPIENT = "other_recipient"
    NO_FOLLOWABLE_RECIPIENT = "no_followable_recipient"
    KIND_NOT_FOLLOWABLE = "kind_not_followable"
    DIRECTORY_UNAVAILABLE = "directory_unavailable"
    BCC_NOT_FOLLOWED = "bcc_not_followed"
    TOO_MANY_FOR_SHARED_COPY = "too_many_for_shared_copy"
    MESSAGE_NOT_FOLLOWED = "message_not_followed"

    @property
    def detail(self) -> str:
        """The reason as a sentence for the seller."""
        return _DETAILS[self]


_DETAILS: Final[Mapping[FollowReason, str]] = {
    FollowReason.NOT_REQUESTED: "You chose not to follow this email.",
    FollowReason.ENGAGEMENT_OFF: "Email engagement is switched off for your organization.",
    FollowReason.NO_HTML: "The email is plain text, and only HTML email can be followed.",
    FollowReason.SIGNED: "The email is digitally signed, and following it would break the signature.",
    FollowReason.ENCRYPTED: "The email is encrypted, so nothing in it can be followed.",
    FollowReason.MALFORMED: "The email is not well formed, so changing anything in it could damage it.",
    FollowReason.UNAVAILABLE: "Following was not available just now, so the email went out as you wrote it.",
    FollowReason.RECIPIENT_REFUSES: "A recipient does not allow following.",
    FollowReason.OTHER_RECIPIENT: "A recipient is not an account, contact or lead.",
    FollowReason.NO_FOLLOWABLE_RECIPIENT: "There is no account, contact or lead in To or Cc.",
    FollowReason.KIND_NOT_FOLLOWABLE: "Only accounts, contacts and leads are followed.",
    FollowReason.DIRECTORY_UNAVAILABLE: (
        "It could not be found out just now whether a recipient is an account, contact or lead."
    ),
    FollowReason.BCC_NOT_FOLLOWED: "Recipients in Bcc are not followed, so that they stay hidden.",
    FollowReason.TOO_MANY_FOR_SHARED_COPY: (
        f"One shared copy can be followed for at most {MAX_SHARED_RECIPIENTS} recipients."
    ),
    FollowReason.MESSAGE_NOT_FOLLOWED: "This recipient could be followed, but the email as a whole is not.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """One line of To, Cc or Bcc; `refuses` if our settings or the caller's own records say so.

    The kind is None where the directory should have said it and did not answer.
    """

    ref: RecipientRef
    field: AddressField
    kind: RecipientKind | None
    refuses: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the sender asked for, as far as following depends on it."""

    follow: bool
    has_html: bool
    recipients: Sequence[Recipient]
    renditions: Renditions = Renditions.RECIPIENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Followability:
    """Whether a message or a recipient is followed: yes, if no reason speaks against it."""

    reason: FollowReason | None

    @property
    def followed(self) -> bool:
        """Whether it is followed."""
        return self.reason is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What became of the wish to follow: for the message, and for each recipient in the order of the request."""

    reason: FollowReason | None
    recipients: tuple[Followability, ...]

    @property
    def followed(self) -> bool:
        """Whether at least one copy of the message is followed."""
        return self.reason is None


def decide(
    request: Request, *, engagement: bool, policy: FollowPolicy, follow_bcc: bool = False
) -> Decision:
    """Decide of a message under its tenant's settings."""
    if not request.follow:
        return unfollowed(request.recipients, FollowReason.NOT_REQUESTED)
    if not engagement:
        return unfollowed(request.recipients, FollowReason.ENGAGEMENT_OFF)
    if not request.has_html:
        return unfollowed(request.recipients, FollowReason.NO_HTML)
    # A shared copy's tokens name everybody they are for.
    hidden_too = follow_bcc and request.renditions is Renditions.RECIPIENT
    verdicts = _judge(request.recipients, hidden_too)
    reason = _message_reason(request, verdicts, policy)
    if reason is not None:
        verdicts = [verdict or FollowReason.MESSAGE_NOT_FOLLOWED for verdict in verdicts]
    return _decision(reason, verdicts)


def unfollowed(recipients: Sequence[Recipient], reason: FollowReason) -> Decision:
    """The decision that nothing is followed, for a reason that is nobody's in particular (`signed`, `unavailable`)."""
    return _decision(reason, [reason] * len(recipients))


def _decision(reason: FollowReason | None, verdicts: Iterable[FollowReason | None]) -> Decision:
    return Decision(
        reason=reason, recipients=tuple(Followability(reason=verdict) for verdict in verdicts)
    )


def _judge(recipients: Sequence[Recipient], hidden_too: bool) -> list[FollowReason | None]:
    """What speaks against each recipient alone."""
    refusing = {recipient.ref for recipient in recipients if recipient.refuses}
    return [_judge_one(recipient, refusing, hidden_too) for recipient in recipients]


def _judge_one(
    recipient: Recipient, refusing: set[RecipientRef], hidden_too: bool
) -> FollowReason | None:
    if recipient.field is AddressField.BCC and not hidden_too:
        return FollowReason.BCC_NOT_FOLLOWED
    if recipient.ref in refusing:
        return FollowReason.RECIPIENT_REFUSES
    if recipient.kind is None:
        return FollowReason.DIRECTORY_UNAVAILABLE
    if recipient.kind is RecipientKind.OTHER:
        return FollowReason.KIND_NOT_FOLLOWABLE
    return None


def _message_reason(
    request: Request, verdicts: Sequence[FollowReason | None], policy: FollowPolicy
) -> FollowReason | None:
    """What speaks against the message as a whole: refusals first, then kinds, then what a shared copy forbids."""
    shared = request.renditions is Renditions.MESSAGE
    strict = policy is FollowPolicy.STRICT
    counting = [
        (recipient.ref, verdict)
        for recipient, verdict in zip(request.recipients, verdicts, strict=True)
        if not (strict and recipient.field is AddressField.BCC)
    ]
    followable = {ref for ref, verdict in counting if verdict is None}
    told = {verdict for _, verdict in counting}
    found = _against(told, bool(followable), everybody_counts=shared or strict)
    if found is not None:
        return found
    if shared and FollowReason.BCC_NOT_FOLLOWED in verdicts:
        return FollowReason.BCC_NOT_FOLLOWED
    if shared and len(followable) > MAX_SHARED_RECIPIENTS:
        return FollowReason.TOO_MANY_FOR_SHARED_COPY
    return None


def _against(
    verdicts: Collection[FollowReason | None], anybody: bool, *, everybody_counts: bool
) -> FollowReason | None:
    """What the recipients who count say of the message, whatever its copies; `anybody` of them may be followed."""
    if FollowReason.RECIPIENT_REFUSES in verdicts and (everybody_counts or not anybody):
        return FollowReason.RECIPIENT_REFUSES
    if not anybody:
        unknown = FollowReason.DIRECTORY_UNAVAILABLE in verdicts
        return (
            FollowReason.DIRECTORY_UNAVAILABLE if unknown else FollowReason.NO_FOLLOWABLE_RECIPIENT
        )
    if FollowReason.KIND_NOT_FOLLOWABLE in verdicts and everybody_counts:
        return FollowReason.OTHER_RECIPIENT
    if FollowReason.DIRECTORY_UNAVAILABLE in verdicts and everybody_counts:
        return FollowReason.DIRECTORY_UNAVAILABLE
    return None
