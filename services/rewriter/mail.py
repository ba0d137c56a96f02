"""A mail as a caller hands it in: read from a body that satisfies the OpenAPI document, and checked further.

What no schema can say is said here: zones that exist, base64 that decodes, headers, recipients and content ids that
are named once. A mail that comes as MIME is read by `submission`, and is the same value in the end.
"""

import binascii
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any, Final

from schemas.events import AddressField, RecipientKind, Renditions, Template
from schemas.identity import bare_message_id, normal_address
from schemas.personal import Mailbox
from schemas.settings import Follow
from services.rewriter.faults import BadFields, Fault
from services.rewriter.mime import Document, File

MAX_RECIPIENTS: Final = 500
MESSAGE_ID: Final = "Message-ID"
_MESSAGE_ID_CHARACTERS: Final = 900
# They have fields of their own, or describe a body that only whoever builds the mail can describe.
_FOREIGN_HEADERS: Final = frozenset({"from", "to", "cc", "bcc", "subject", "mime-version"})
_FOREIGN_PREFIX: Final = "content-"
_UNSUBSCRIBE: Final = "list-unsubscribe"
_BRACKETED: Final = re.compile(r"<([^<>]*)>")
# What is decoded at a time: some milliseconds.
_STEP_CHARACTERS: Final = 1024 * 1024
_HEAD_CHARACTERS: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """One person in To, Cc or Bcc; `refuses` where the caller's own records, or the directory, say so.

    `kind_told` if the call said what they are; `kind_unknown` if the directory should have and did not answer.
    """

    address: str
    field: AddressField
    name: str | None = None
    id: str | None = None
    kind: RecipientKind = RecipientKind.OTHER
    time_zone: str | None = None
    refuses: bool = False
    kind_told: bool = True
    kind_unknown: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """One file, still in base64 or as a part of the mail; the size is in bytes once decoded.

    `wanted` asks that it be followed. By the content id, written without `<` and `>`, the HTML shows it (`cid:`).
    """

    name: str
    content_type: str
    content: str = ""
    size: int
    wanted: bool
    content_id: str | None = None
    part: File | None = None

    def head(self) -> bytes:
        """Return the first bytes: enough to tell pictures apart."""
        if self.part is not None:
            return next(self.part.chunks(), b"")[:_HEAD_CHARACTERS]
        return binascii.a2b_base64(self.content[:_HEAD_CHARACTERS])

    def chunks(self) -> Iterator[bytes]:
        """Give the content piece by piece, each in some milliseconds."""
        if self.part is not None:
            return self.part.chunks()
        starts = range(0, len(self.content), _STEP_CHARACTERS)
        return (binascii.a2b_base64(self.content[at : at + _STEP_CHARACTERS]) for at in starts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A mail and what its sender asks of us; each address stands in `recipients` once.

    What came as MIME is in `document`; then `html` and `text` are None, and the files are parts of it.
    """

    sender: Mailbox
    recipients: tuple[Recipient, ...]
    subject: str
    html: str | None
    text: str | None
    headers: Mapping[str, str]
    attachments: tuple[Attachment, ...]
    owner: str
    template: Template | None
    regarding: str | None
    labels: Mapping[str, str]
    follow: bool
    renditions: Renditions
    passes_unavailable: bool
    hosts_pictures: bool = False
    document: Document | None = None

    @property
    def bodies(self) -> tuple[str, ...]:
        """The HTML of the mail; one made as MIME may have several."""
        if self.document is not None:
            return tuple(one.text for one in self.document.bodies)
        return (self.html,) if self.html else ()

    @property
    def texts(self) -> tuple[str, ...]:
        """The plain text of the mail, likewise."""
        if self.document is not None:
            return tuple(one.text for one in self.document.texts)
        return () if self.text is None else (self.text,)

    @property
    def texts_break_words(self) -> tuple[bool, ...]:
        """Of each plain text, whether a word in it may go on in the next line."""
        if self.document is not None:
            return tuple(one.breaks_words for one in self.document.texts)
        return (False,) * len(self.texts)

    @property
    def unsubscribe_urls(self) -> tuple[str, ...]:
        """The web addresses in the mail's `List-Unsubscribe` (RFC 2369; blanks in them are folds)."""
        if self.document is not None:
            values = self.document.header.raw(_UNSUBSCRIBE)
        else:
            values = tuple(v for name, v in self.headers.items() if name.lower() == _UNSUBSCRIBE)
        found = ("".join(one.split()) for value in values for one in _BRACKETED.findall(value))
        return tuple(one for one in found if not one.lower().startswith("mailto:"))

    @property
    def message_id_header(self) -> str | None:
        """The caller's own `Message-ID`, if the mail has one."""
        return self.headers.get(MESSAGE_ID)


def read(body: Mapping[str, Any]) -> Mail:
    """Read a body that satisfies the component `Mail`; raises `BadFields`."""
    faults: list[Fault] = []
    mail = Mail(
        sender=Mailbox(address=body["from"]["address"], name=body["from"].get("name")),
        recipients=_recipients(body, faults),
        subject=body.get("subject", ""),
        html=body.get("html"),
        text=body.get("text"),
        headers=_headers(body.get("headers", {}), faults),
        attachments=_attachments(body.get("attachments", ()), faults),
        owner=body["owner"],
        template=_template(body.get("template")),
        regarding=body.get("regarding"),
        labels=body.get("labels", {}),
        follow=body.get("follow", True),
        renditions=Renditions(body.get("renditions", Renditions.RECIPIENT)),
        passes_unavailable=body.get("if_unavailable") == "pass",
        hosts_pictures=body.get("host_pictures", False),
    )
    if faults:
        raise BadFields(faults)
    return mail


def _template(body: Mapping[str, str] | None) -> Template | None:
    if body is None:
        return None
    return Template(id=body["id"], name=body.get("name"), version=body.get("version"))


def _recipients(body: Mapping[str, Any], faults: list[Fault]) -> tuple[Recipient, ...]:
    """Read all three fields; an address counts where it stands first, a refusal wherever it stands."""
    found: dict[str, Recipient] = {}
    listed = 0
    for place in AddressField:
        for index, one in enumerate(body.get(place, ())):
            listed += 1
            read_one = _recipient(one, place, f"/{place}/{index}", faults)
            key = normal_address(read_one.address)
            earlier = found.setdefault(key, read_one)
            if read_one.refuses and not earlier.refuses:
                found[key] = replace(earlier, refuses=True)
    if listed == 0:
        faults.append(Fault(field="/to", detail="There must be a recipient in To, Cc or Bcc."))
    if listed > MAX_RECIPIENTS:
        detail = f"There may be {MAX_RECIPIENTS} recipients in To, Cc and Bcc together."
        faults.append(Fault(field="/to", detail=detail))
    return tuple(found.values())


@cache
def zones() -> frozenset[str]:
    """The names of tzdata, so that a zone exists on every machine or on none."""
    return frozenset(files("tzdata").joinpath("zones").read_text(encoding="ascii").split())


def _recipient(
    body: Mapping[str, str], place: AddressField, pointer: str, faults: list[Fault]
) -> Recipient:
    zone = body.get("time_zone")
    if zone is not None and zone not in zones():
        detail = "There is no such IANA time zone."
        faults.append(Fault(field=f"{pointer}/time_zone", detail=detail))
    return Recipient(
        address=body["address"],
        field=place,
        name=body.get("name"),
        id=body.get("id"),
        kind=RecipientKind(body.get("kind", RecipientKind.OTHER)),
        time_zone=zone,
        refuses=body.get("follow") == Follow.DO_NOT_ALLOW,
        kind_told="kind" in body,
    )


def _headers(body: Mapping[str, str], faults: list[Fault]) -> dict[str, str]:
    headers: dict[str, str] = {}
    seen: set[str] = set()
    for name, value in body.items():
        lower = name.lower()
        pointer = f"/headers/{name.replace('~', '~0').replace('/', '~1')}"
        if lower in seen:
            faults.append(Fault(field=pointer, detail="This header stands here twice."))
        if lower in _FOREIGN_HEADERS or lower.startswith(_FOREIGN_PREFIX):
            detail = "This header has a field of its own, or belongs to whoever builds the mail."
            faults.append(Fault(field=pointer, detail=detail))
        if lower == MESSAGE_ID.lower():
            name = MESSAGE_ID
            if not _is_message_id(value):
                detail = "This is no Message-ID: <left@right>, without blanks."
                faults.append(Fault(field=pointer, detail=detail))
        seen.add(lower)
        headers[name] = value
    return headers


def _is_message_id(value: str) -> bool:
    bare = bare_message_id(value)
    return 0 < len(bare) <= _MESSAGE_ID_CHARACTERS and not any(
        one.isspace() or one in "<>" for one in bare
    )


def _attachments(body: Iterable[Mapping[str, Any]], faults: list[Fault]) -> tuple[Attachment, ...]:
    attachments = []
    content_ids: set[str] = set()
    for index, one in enumerate(body):
        content_id = one.get("content_id") and one["content_id"].strip("<>")
        if content_id in content_ids:
            detail = "Another file of the mail has this content id."
            faults.append(Fault(field=f"/attachments/{index}/content_id", detail=detail))
        if content_id:
            content_ids.add(content_id)
        size = _decoded_size(one["content"])
        if size is None:
            detail = "This is not base64 with padding and without line breaks."
            faults.append(Fault(field=f"/attachments/{index}/content", detail=detail))
        attachments.append(
            Attachment(
                name=one["name"],
                content_type=one.get("content_type", "application/octet-stream"),
                content=one["content"],
                size=size or 0,
                wanted=one.get("followed", False),
                content_id=content_id,
            )
        )
    return tuple(attachments)


def _decoded_size(content: str) -> int | None:
    """Return how many bytes it is once decoded, None where it is no base64; in pieces, for it may be 20 MB."""
    size = 0
    try:
        for at in range(0, len(content), _STEP_CHARACTERS):
            size += len(binascii.a2b_base64(content[at : at + _STEP_CHARACTERS], strict_mode=True))
    except ValueError:  # binascii.Error is one; so is what a non-ASCII text raises
        return None
    # Padding ends it, so it may stand in the last piece alone.
    padding = content.find("=")
    return size if padding < 0 or padding >= len(content) - 2 else None
