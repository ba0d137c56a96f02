"""Decide what an inbound mail is: a report, a machine's answer or a person's, and to which message. Pure.

In this order: whether it is a mail at all, whether it is one of ours come back, whether a server reports something,
who wrote it, and which message it is about.
"""

from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from typing import Final, assert_never
from uuid import UUID

from schemas import identity
from schemas.events import (
    TYPE_OF,
    Inbound,
    MessageBounced,
    MessageComplained,
    ReplyAuthor,
    ReplyKind,
    ReplyReceived,
)
from schemas.identity import RecipientRef
from schemas.instant import Instant
from services.rewriter.replies import addresses, automatic, match, parse, report, returns, subjects
from services.rewriter.replies.automatic import Automatic
from services.rewriter.replies.match import Match, MatchedBy, Terms
from services.rewriter.replies.parse import Headers
from services.rewriter.replies.report import Report, Reported, Rule


class Outcome(StrEnum):
    """What became of an inbound mail."""

    REPLY = "reply"
    AUTOMATIC = "automatic"
    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    UNMATCHED = "unmatched"
    IGNORED = "ignored"


class Reason(StrEnum):
    """Why nothing was recorded of a mail: a closed list, stable at the door."""

    NOT_A_MAIL = "not_a_mail"
    OWN_MAIL = "own_mail"
    FORWARD = "forward"
    RECEIPT = "receipt"
    NOT_SPAM = "not_spam"
    NO_MESSAGE = "no_message"

    @property
    def detail(self) -> str:
        """The reason as a sentence."""
        return _DETAILS[self]


_DETAILS: Final = {
    Reason.NOT_A_MAIL: "These bytes hold no header that a mail has.",
    Reason.OWN_MAIL: "This is a mail that left through us, not an answer to one.",
    Reason.FORWARD: "The mail was passed on, not answered.",
    Reason.RECEIPT: "The report says that the mail arrived or was shown; that is neither an answer nor a bounce.",
    Reason.NOT_SPAM: "The report takes a complaint back.",
    Reason.NO_MESSAGE: "Nothing in the mail names a message of this tenant.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What an inbound mail is, and what is recorded of it: nothing where there is a reason."""

    outcome: Outcome
    reason: Reason | None = None
    rule: Automatic | Rule | MatchedBy | None = None
    match: Match | None = None
    event: Inbound | None = None
    business_key: str = ""


def judge(raw: bytes, terms: Terms, received_at: Instant) -> Judgement:
    """Judge an inbound mail; the same bytes give the same judgement but for dates without a year."""
    mail = parse.read(raw)
    if mail is None:
        return Judgement(outcome=Outcome.IGNORED, reason=Reason.NOT_A_MAIL)
    if match.is_ours(mail.headers, terms):
        return Judgement(outcome=Outcome.IGNORED, reason=Reason.OWN_MAIL)
    key = _business_key(mail.headers, raw)
    if reported := report.read(mail):
        return _reported(mail, reported, terms, key)
    return _answer(mail, terms, key, received_at)


def event_id(event: Inbound, terms: Terms, business_key: str) -> UUID:
    """Name the event of an inbound mail, alike however often that mail comes in."""
    return identity.event_id(TYPE_OF[type(event)], terms.tenant, business_key)


def _answer(mail: parse.Inbound, terms: Terms, key: str, received_at: Instant) -> Judgement:
    rule = automatic.judge(mail)
    found = match.find(mail.headers, terms)
    if found is None:
        return Judgement(outcome=Outcome.UNMATCHED, reason=Reason.NO_MESSAGE, rule=rule)
    passed_on = (
        subjects.is_forward(mail.subject) and found.matched_by is not MatchedBy.ADDRESS_TOKEN
    )
    if passed_on and rule is None:
        return Judgement(outcome=Outcome.IGNORED, reason=Reason.FORWARD, match=found)
    wrote = addresses.author(mail.headers)
    from_ref = None if wrote is None else terms.ref(wrote)
    own = found.ref is not None and found.ref == from_ref
    event = ReplyReceived(
        message_id=found.message_id,
        kind=ReplyKind.HUMAN if rule is None else ReplyKind.AUTOMATIC,
        author=ReplyAuthor.RECIPIENT if own else ReplyAuthor.OTHER,
        rule=rule or found.matched_by,
        ref=found.ref,
        returns_at=None if rule is None else returns.read(_said(mail), received_at),
        from_ref=from_ref,
    )
    return Judgement(
        outcome=Outcome.REPLY if rule is None else Outcome.AUTOMATIC,
        rule=rule or found.matched_by,
        match=found,
        event=event,
        business_key=key,
    )


def _reported(mail: parse.Inbound, reported: Reported, terms: Terms, key: str) -> Judgement:
    match reported.report:
        case Report.RECEIPT:
            return Judgement(outcome=Outcome.IGNORED, reason=Reason.RECEIPT, rule=reported.rule)
        case Report.NOT_SPAM:
            return Judgement(outcome=Outcome.IGNORED, reason=Reason.NOT_SPAM, rule=reported.rule)
        case Report.FAILED | Report.DELAYED:
            outcome = Outcome.BOUNCE
        case Report.COMPLAINT:
            outcome = Outcome.COMPLAINT
        case _:
            assert_never(reported.report)
    found = _about(mail, reported, terms)
    if found is None:
        return Judgement(outcome=Outcome.UNMATCHED, reason=Reason.NO_MESSAGE, rule=reported.rule)
    ref = found.ref or _ref(reported.recipient, terms)
    event: Inbound
    if outcome is Outcome.COMPLAINT:
        event = MessageComplained(message_id=found.message_id, rule=reported.rule, ref=ref)
    else:
        event = MessageBounced(
            message_id=found.message_id,
            permanent=reported.report is Report.FAILED,
            rule=reported.rule,
            ref=ref,
            status=reported.status,
        )
    return Judgement(
        outcome=outcome, rule=reported.rule, match=found, event=event, business_key=key
    )


def _about(mail: parse.Inbound, reported: Reported, terms: Terms) -> Match | None:
    """Find the message a report is about: by the address it came to, by what came back in it, by its own thread."""
    return (
        match.by_address(addresses.delivered(mail.headers), terms)
        or match.find_returned(reported.returned, terms)
        or match.find(mail.headers, terms)
    )


def _ref(address: str | None, terms: Terms) -> RecipientRef | None:
    return None if address is None else terms.ref(address)


def _said(mail: parse.Inbound) -> str:
    """Return the words in which an absence is told: the text, and the subject where it tells one itself."""
    subject = f"{mail.subject}\n\n" if "(" in mail.subject[:200] else ""
    return subject + mail.text()


def _business_key(headers: Headers, raw: bytes) -> str:
    """Name the inbound mail: by its `Message-ID`, or by its bytes where it has none that could be one."""
    found = match.ids(headers.first("message-id") or "")
    return found[0] if found else blake2b(raw, digest_size=32).hexdigest()
