"""Read what mail servers report: a mail bounced or is late (RFC 3464, or in prose), was shown, or complained of (ARF).

`flufl.bounce` says whether a report is of a failure and whether that is final. It sees a report rebuilt from the few
words it judges by, never the mail itself: its patterns were not written against somebody who wants them to take long.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from email.message import Message
from enum import StrEnum
from typing import Final

from flufl.bounce import all_failures

from services.rewriter.replies import addresses, automatic, subjects
from services.rewriter.replies.parse import Headers, Inbound, Part, read_headers, split

MAX_BLOCKS: Final = 100
MAX_LINES: Final = 400
MAX_LINE_CHARACTERS: Final = 200
_RETURNED: Final = (
    *("message/rfc822", "text/rfc822-headers", "message/rfc822-headers", "message/global"),
    "message/global-headers",
)
_STATUS: Final = re.compile(r"(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?![\d.])", re.ASCII)
_NOBODY: Final = "nobody@sender.invalid"
_BY_CLASS: Final = {"5": "failed", "4": "delayed", "2": "delivered"}
_UNUSUAL: Final = re.compile(r"[^\t -~]")
_ADDRESS: Final = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,200}@[A-Za-z0-9.-]{1,200}", re.ASCII
)
_QUOTED_HEADER: Final = re.compile(
    r"^[> \t]{0,8}(message-id|reply-to):[ \t]*(\S[^\n]{0,1000})$", re.I | re.M
)


class Report(StrEnum):
    """What a report says of a mail."""

    FAILED = "failed"
    DELAYED = "delayed"
    RECEIPT = "receipt"
    COMPLAINT = "complaint"
    NOT_SPAM = "not_spam"


class Rule(StrEnum):
    """By what a report was recognised."""

    DELIVERY_STATUS = "delivery_status"
    BOUNCE_TEXT = "bounce_text"
    DISPOSITION = "disposition_notification"
    FEEDBACK_REPORT = "feedback_report"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """A report: of what, by which rule, for which address, and the headers of the mail that came back in it."""

    report: Report
    rule: Rule
    returned: Headers
    status: str | None = None
    recipient: str | None = None


def read(mail: Inbound) -> Reported | None:
    """Read the report that a mail is; None where it is none."""
    if feedback := mail.part("message/feedback-report"):
        return _feedback(mail, feedback)
    if delivery := mail.part("message/delivery-status", "message/global-delivery-status"):
        return _delivery(mail, delivery)
    if mail.part("message/disposition-notification"):
        return Reported(report=Report.RECEIPT, rule=Rule.DISPOSITION, returned=_returned(mail))
    return _prose(mail)


def _feedback(mail: Inbound, part: Part) -> Reported:
    said = read_headers(part.raw())
    kind = (said.first("feedback-type") or "abuse").lower()
    return Reported(
        report=Report.NOT_SPAM if kind == "not-spam" else Report.COMPLAINT,
        rule=Rule.FEEDBACK_REPORT,
        returned=_returned(mail),
        recipient=_recipient(said, "original-rcpt-to"),
    )


def _delivery(mail: Inbound, part: Part) -> Reported:
    """Read a delivery status; of several recipients none is named, and one failure counts more than delays."""
    blocks = [read_headers(block) for block in part.raw().split(b"\n\n", MAX_BLOCKS)[:MAX_BLOCKS]]
    told = [block for block in blocks if _action(block)]
    late, lost = all_failures(_rebuilt_status([_action(block) for block in told]))
    meant = [block for number, block in enumerate(told) if _name(number).encode() in (lost or late)]
    found = {_recipient(block, "original-recipient", "final-recipient") for block in meant}
    report = Report.FAILED if lost else Report.DELAYED if late else Report.RECEIPT
    return Reported(
        report=report,
        rule=Rule.DELIVERY_STATUS,
        returned=_returned(mail),
        status=next((status for block in meant if (status := _status_of(block))), None),
        recipient=found.pop() if len(found) == 1 else None,
    )


def _action(block: Headers) -> str:
    """Say what became of a recipient: the action, else what the class of the status means."""
    said = (block.first("action") or "").strip().lower()
    status = _status_of(block)
    word = re.match(r"[a-z]{1,20}", said)
    if word:
        return word[0]
    return _BY_CLASS[status[0]] if status else ""


def _status_of(block: Headers) -> str | None:
    for name in ("status", "diagnostic-code"):
        if found := _STATUS.search(block.first(name) or ""):
            return found[0]
    return None


def _recipient(block: Headers, *names: str) -> str | None:
    for name in names:
        written = (block.first(name) or "").rpartition(";")[2]
        if found := _ADDRESS.search(written):
            return found[0]
    return None


def _name(number: int) -> str:
    return f"{number}@recipient.invalid"


def _rebuilt_status(actions: Iterable[str]) -> Message:
    """Write the report anew, with a number for each recipient."""
    status = Message()
    status["Content-Type"] = "message/delivery-status"
    blocks: list[Message | str] = []
    for number, action in enumerate(actions):
        block = Message()
        block["Final-Recipient"] = f"rfc822; {_name(number)}"
        block["Action"] = action
        blocks.append(block)
    status.set_payload(blocks)
    whole = Message()
    whole["Content-Type"] = "multipart/report"
    whole.attach(status)
    return whole


def _prose(mail: Inbound) -> Reported | None:
    """Read a bounce that servers wrote in words, where everything else speaks for one as well."""
    written = mail.headers.all("x-failed-recipients")
    if not (written or automatic.is_from_daemon(mail) or subjects.is_undelivered(mail.subject)):
        return None
    texts = [one.text() for one in mail.parts if one.media in ("text/plain", "text/html")]
    late, lost = all_failures(_rebuilt_prose(mail, texts))
    if not late and not lost:
        return None
    found = [one.decode("ascii", "replace") for one in sorted(lost or late)]
    status = next((hit[0] for one in texts if (hit := _STATUS.search(one))), None)
    return Reported(
        report=Report.FAILED if lost else Report.DELAYED,
        rule=Rule.BOUNCE_TEXT,
        returned=_returned(mail),
        status=status,
        recipient=found[0] if len(found) == 1 and _ADDRESS.fullmatch(found[0]) else None,
    )


def _rebuilt_prose(mail: Inbound, texts: Sequence[str]) -> Message:
    """Write the mail anew: short lines of plain characters, and the headers that some patterns look for."""
    whole = Message()
    whole["Content-Type"] = "multipart/mixed"
    # some patterns take it for granted that there is an author and a part
    found = _ADDRESS.fullmatch(addresses.author(mail.headers) or "")
    whole["From"] = _NOBODY if found is None else found[0]
    if failed := _ADDRESS.findall(" ".join(mail.headers.all("x-failed-recipients"))[:4096]):
        whole["X-Failed-Recipients"] = ", ".join(failed)
    for one in texts or [""]:
        part = Message()
        part["Content-Type"] = "text/plain"
        lines = one.split("\n", MAX_LINES)[:MAX_LINES]
        part.set_payload("\n".join(_UNUSUAL.sub("?", line[:MAX_LINE_CHARACTERS]) for line in lines))
        whole.attach(part)
    return whole


def _returned(mail: Inbound) -> Headers:
    """Return the headers of the mail that came back, as a part of its own or below the words of a server."""
    if part := mail.part(*_RETURNED):
        return split(part.raw().lstrip(b"\n"))[0]
    found: dict[str, list[str]] = {}
    for one in mail.parts:
        if one.media.startswith("text/"):
            for name, value in _QUOTED_HEADER.findall(one.text()):
                found.setdefault(name.lower(), []).append(value)
    return Headers(found)
