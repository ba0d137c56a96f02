"""What the mail doors answer, as a JSON value: the copies, and what became of every recipient, link and file."""

import re
from collections.abc import Iterable
from typing import Any, Final

from schemas.events import AddressField
from services.rewriter.instrument import Prepared, Reason, Rendition
from services.rewriter.mail import MESSAGE_ID, Attachment, Mail, Recipient

# What may stand in a display name without quotes (RFC 5322 `atext` and blanks; RFC 6532 adds all beyond ASCII).
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ \t\u00a0-\U0010ffff-]+")
_ESCAPED: Final = re.compile(r'([\\"])')
_BACKSLASHED: Final = r"\\\1"


def write(prepared: Prepared, renditions: Iterable[Rendition]) -> dict[str, Any]:
    """Write the whole answer."""
    mail, decision, hosting = prepared.mail, prepared.decision, prepared.pictures.reasons
    return {
        "message_id": str(prepared.message_id),
        "followed": decision.followed,
        "reason": _reason(decision.reason),
        "renditions": _renditions(prepared, renditions),
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
        "links": [
            {
                "index": link.index,
                "url": link.url,
                "text": link.text,
                "followed": prepared.link_reason(link) is None,
                "reason": _reason(prepared.link_reason(link)),
            }
            for link in prepared.links
        ],
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


def _reason(reason: Reason | None) -> dict[str, str] | None:
    return None if reason is None else {"code": reason.value, "detail": reason.detail}


def _renditions(prepared: Prepared, renditions: Iterable[Rendition]) -> list[dict[str, Any]]:
    mail = prepared.mail
    headers = _headers(mail, prepared.message_id_header)
    return [
        {
            "recipient": one.recipient,
            "to": one.to,
            "followed": one.followed,
            "subject": mail.subject,
            "html": one.html,
            "text": one.text,
            "headers": headers | _reply_to(mail, one),
            "attachments": [_attached(file) for file in one.attachments],
        }
        for one in renditions
    ]


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
        "From": _mailbox(mail.sender.name, mail.sender.address),
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
    return {"Reply-To": _mailbox(mail.sender.name, copy.reply_to)}


def _mailboxes(recipients: Iterable[Recipient], place: AddressField) -> str:
    return ", ".join(_mailbox(one.name, one.address) for one in recipients if one.field is place)


def _mailbox(name: str | None, address: str) -> str:
    if not name:
        return address
    quoted = name if _PLAIN_NAME.fullmatch(name) else f'"{_ESCAPED.sub(_BACKSLASHED, name)}"'
    return f"{quoted} <{address}>"
