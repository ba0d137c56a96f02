"""What the mail doors answer, as a JSON value: the copies, and what became of every recipient, link and file."""

from collections.abc import Iterable
from typing import Any, Final

from schemas.events import AddressField
from services.rewriter import mailboxes
from services.rewriter.copies import Rendition
from services.rewriter.follow import FollowReason
from services.rewriter.instrument import Prepared, Reason
from services.rewriter.links import Link, LinkReason
from services.rewriter.mail import MESSAGE_ID, Attachment, Mail, Recipient

BREAKS_DKIM: Final = "breaks_dkim"
_WARNINGS: Final = {
    BREAKS_DKIM: (
        "The mail is signed by its domain (DKIM), and the followed copies differ: sign them anew when they leave."
    ),
}


def write(prepared: Prepared, renditions: Iterable[Rendition]) -> dict[str, Any]:
    """Write the whole answer."""
    return {**outcome(prepared), "renditions": _renditions(prepared, renditions)}


def outcome(prepared: Prepared) -> dict[str, Any]:
    """Write what became of a mail, without its copies."""
    mail, decision, hosting = prepared.mail, prepared.decision, prepared.pictures.reasons
    return {
        "message_id": str(prepared.message_id),
        "follow_requested": mail.follow,
        "followed": decision.followed,
        "reason": _message_reason(prepared),
        "warnings": [{"code": one, "detail": _WARNINGS[one]} for one in warnings(prepared)],
        "recipients": [
            {
                "address": one.address,
                "id": one.id,
                "ref": ref,
                "kind": one.kind,
                "field": one.field,
                "followed": line.followed,
                "reason": _reason(line.reason),
            }
            for one, ref, line in zip(
                mail.recipients, prepared.refs, decision.recipients, strict=True
            )
        ],
        "links": [_link(link, link.reason or decision.reason) for link in prepared.links],
        "attachments": [
            {
                "index": index,
                "name": one.name,
                "size": one.size,
                "followed": reason is None,
                "reason": _reason(reason),
                "hosted": bool(hosting) and hosting[index] is None,
                "hosting_reason": _reason(hosting[index]) if hosting else None,
            }
            for index, (one, reason) in enumerate(
                zip(mail.attachments, prepared.attachment_reasons, strict=True)
            )
        ],
    }


def _link(link: Link, reason: LinkReason | FollowReason | None) -> dict[str, Any]:
    spot = link.spot
    return {
        "index": link.index,
        "url": spot.url,
        "text": spot.text,
        "position": spot.start,
        "followed": reason is None,
        "reason": None if reason is None else _reason(reason),
    }


def warnings(prepared: Prepared) -> tuple[str, ...]:
    """Name what somebody should know before the copies are sent."""
    document = prepared.mail.document
    broken = document is not None and document.signed_by_dkim and prepared.decision.followed
    return (BREAKS_DKIM,) if broken else ()


def _message_reason(prepared: Prepared) -> dict[str, str] | None:
    """Say of a mail that cannot be touched also what it is that cannot."""
    reason, document = prepared.decision.reason, prepared.mail.document
    if reason is None or document is None or document.untouchable is None:
        return _reason(reason)
    found = document.untouchable
    detail = (
        f"{reason.detail} {found.detail}" if reason.value == found.code.value else reason.detail
    )
    return {"code": reason.value, "detail": detail}


def _reason(reason: Reason | None) -> dict[str, str] | None:
    return None if reason is None else {"code": reason.value, "detail": reason.detail}


def _renditions(prepared: Prepared, renditions: Iterable[Rendition]) -> list[dict[str, Any]]:
    mail = prepared.mail
    shared = _headers(mail, prepared.message_id_header)
    return [
        {
            **envelope(one),
            "subject": mail.subject,
            "html": one.html,
            "text": one.text,
            "headers": shared | _reply_to(mail, one),
            "attachments": [_attached(file) for file in one.attachments],
        }
        for one in renditions
    ]


def envelope(copy: Rendition) -> dict[str, Any]:
    """Write for whom a copy is."""
    return {"recipient": copy.recipient, "to": copy.to, "followed": copy.followed}


def headers(prepared: Prepared, copy: Rendition) -> dict[str, str]:
    """Write the headers of a copy of a mail that came as JSON, unencoded."""
    mail = prepared.mail
    return _headers(mail, prepared.message_id_header) | _reply_to(mail, copy)


def _attached(file: Attachment) -> dict[str, str | None]:
    return {
        "name": file.name,
        "content_type": file.content_type,
        "content": file.content,
        "content_id": file.content_id,
    }


def _headers(mail: Mail, message_id: str) -> dict[str, str]:
    """All copies show the same: the caller's headers, and everybody in To and Cc."""
    shown = {
        MESSAGE_ID: message_id,
        "From": mailboxes.write(mail.sender.name, mail.sender.address),
        "To": _mailboxes(mail.recipients, AddressField.TO),
        "Cc": _mailboxes(mail.recipients, AddressField.CC),
    }
    return {name: value for name, value in shown.items() if value} | {
        name: value for name, value in mail.headers.items() if name != MESSAGE_ID
    }


def _reply_to(mail: Mail, copy: Rendition) -> dict[str, str]:
    """Have answers come to us under the sender's name, unless the caller has said where they go."""
    if copy.reply_to is None or any(name.lower() == "reply-to" for name in mail.headers):
        return {}
    return {"Reply-To": mailboxes.write(mail.sender.name, copy.reply_to)}


def _mailboxes(recipients: Iterable[Recipient], place: AddressField) -> str:
    return ", ".join(
        mailboxes.write(one.name, one.address) for one in recipients if one.field is place
    )
