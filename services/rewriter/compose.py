"""Build the MIME mail of one copy that was handed in as JSON: plain text, HTML, its pictures, its files.

Texts and files are in base64, so that whoever reads them gets every character as it was written, line ends included.
The same copy gives the same bytes. No `Date` is made up: whoever sends the mail dates it.
"""

import base64
import re
from collections.abc import Sequence
from email.message import Message
from email.policy import SMTP
from hashlib import blake2b
from typing import Final

from services.rewriter.copies import Rendition
from services.rewriter.instrument import Prepared
from services.rewriter.mail import Attachment
from services.rewriter.mime.fields import field

_ASCII_VALUE: Final = re.compile(r"[ -~]+")


def build(prepared: Prepared, copy: Rendition, headers: dict[str, str]) -> bytes:
    """Write the mail; `headers` are those of the answer, unencoded."""
    content = _content(prepared, copy)
    shown = {**headers, "Subject": prepared.mail.subject, "MIME-Version": "1.0"}
    return b"".join(field(name, value) for name, value in shown.items() if value) + content


def _content(prepared: Prepared, copy: Rendition) -> bytes:
    pictures = [one for one in copy.attachments if one.content_id]
    files = [one for one in copy.attachments if not one.content_id]
    html = None
    if copy.html is not None:
        html = _text("html", copy.html)
        if pictures:
            html = _multipart("related", [html, *map(_file, pictures)])
    else:
        files = [*pictures, *files]
    text = None if copy.text is None else _text("plain", copy.text)
    shown = [one for one in (text, html) if one is not None] or [_text("plain", "")]
    body = shown[0] if len(shown) == 1 else _multipart("alternative", shown)
    whole = _multipart("mixed", [body, *map(_file, files)]) if files else body
    return _named(whole, str(prepared.message_id)).as_bytes(policy=SMTP)


def _text(kind: str, text: str) -> Message:
    made = Message()
    made["Content-Type"] = f"text/{kind}; charset=utf-8"
    return _encoded(made, text.encode("utf-8", "replace"))


def _file(file: Attachment) -> Message:
    made = Message()
    made["Content-Type"] = file.content_type
    made.add_header("Content-Disposition", "inline" if file.content_id else "attachment")
    charset = "" if _ASCII_VALUE.fullmatch(file.name) else "utf-8"
    made.set_param("filename", file.name, header="Content-Disposition", charset=charset)
    if file.content_id:
        made["Content-ID"] = f"<{file.content_id}>"
    return _encoded(made, b"".join(file.chunks()))


def _encoded(made: Message, content: bytes) -> Message:
    made["Content-Transfer-Encoding"] = "base64"
    made.set_payload(base64.encodebytes(content).decode("ascii"))
    return made


def _multipart(kind: str, parts: Sequence[Message]) -> Message:
    made = Message()
    made["Content-Type"] = f"multipart/{kind}"
    for one in parts:
        made.attach(one)
    return made


def _named(whole: Message, name: str) -> Message:
    """Name every boundary; none can stand in a part, for they are in base64."""
    for number, part in enumerate(whole.walk()):
        if part.is_multipart():
            digest = blake2b(f"{name}:{number}".encode(), digest_size=12).hexdigest()
            part.set_boundary(f"=_inkling-{digest}")
    return whole
