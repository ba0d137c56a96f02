"""A mail handed in as MIME: its headers and options become the body that a caller of the JSON form would have sent.

So both are held to one document, and one decision follows. What is at fault is named by the header it stands in.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from schemas.identity import normal_address
from schemas.personal import Mailbox
from services.rewriter import mail, mailboxes, options
from services.rewriter.faults import BadFields, Fault
from services.rewriter.mail import MESSAGE_ID, Attachment, Mail
from services.rewriter.mime import Document, File, Untouchable
from services.rewriter.mime.document import Trouble
from services.rewriter.options import FOLLOW_ATTACHMENTS, HEADER_OF, RECIPIENTS, Options

_FIELDS: Final = {"to": "To", "cc": "Cc", "bcc": "Bcc", "from": "From", "subject": "Subject"}
# What records keep of them; the mail itself keeps all.
_SUBJECT_CHARACTERS: Final = 2_000
_FILE_NAME_CHARACTERS: Final = 255
_MEDIA_CHARACTERS: Final = 255
# RFC 6761 §6.4: a domain that there never is.
_NOBODY: Final = Mailbox(address="unknown@invalid")
_BLANK_LINE: Final = re.compile(rb"\n\r?\n")
_MUST_NOT_LEAVE: Final = re.compile(
    rb"^(?:resent-)?bcc\s*:|^inkling-", re.IGNORECASE | re.MULTILINE
)
# The component `Address` of the OpenAPI document.
_ADDRESS: Final = re.compile(
    r"(?=.{3,320}\Z)[^\s<>,;\"@\x00-\x1f\x7f-\x9f]+@[^\s<>,;\"@\x00-\x1f\x7f-\x9f]+"
)
_POINTER: Final = re.compile(r"/([a-z_]+)(?:/(\d+))?(?:/([a-z_]+))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A mail and the JSON body it stands for, without its texts and files; faults found so far by header."""

    document: Document
    body: dict[str, Any]
    options: Options

    def header_of(self, pointer: str) -> str:
        """Say in which header a member of the body was written."""
        found = _POINTER.match(pointer)
        if found is None:
            return "From"
        member, number, part = found.groups()
        if member in _FIELDS and (part in (None, "address", "name") or number is None):
            return _FIELDS[member]
        return RECIPIENTS if member in _FIELDS else HEADER_OF.get(member, "Inkling-Owner")

    def mail(self) -> Mail:
        """Make the mail of a body that satisfies the component `Mail`; raises `BadFields`, each naming a header."""
        faults = list(self.options.faults)
        files = tuple(_files(self.document, self.options, faults))
        try:
            made = mail.read(self.body)
        except BadFields as bad:
            told = [replace(one, field=self.header_of(one.field)) for one in bad.faults]
            raise BadFields([*faults, *told]) from bad
        if faults:
            raise BadFields(faults)
        own = next((one for one in self.document.header.raw(MESSAGE_ID) if one), "")
        return replace(
            made,
            headers={MESSAGE_ID: own} if own else {},
            attachments=files,
            document=self.document,
        )


def read(document: Document) -> Submission:
    """Read the headers of a mail; whatever is at fault is kept for `mail`, so that all of it can be told at once."""
    header = document.header
    asked = options.read((one.name, one.value) for one in header.fields)
    body: dict[str, Any] = {
        **asked.body,
        "subject": _subject(next(iter(header.raw("Subject")), "")),
    }
    sender = _sender(document)
    if sender is None and document.untouchable is None:
        # Deliverable all the same, so it passes; but nobody can tell whose mail it is.
        trouble = Untouchable(Trouble.NO_SENDER)
        document = replace(document, bodies=(), texts=(), files=(), untouchable=trouble)
    body["from"] = _member(sender or _NOBODY)
    if _hides_fields(document):
        detail = "A line that is no field stands before this one, so programs differ in whether it is a header."
        asked.faults.append(Fault(field="Bcc", detail=detail))
    given: dict[str, dict[str, str]] = {}
    for address, found in asked.recipients:
        given.setdefault(normal_address(address), {}).update(found)
    listed: set[str] = set()
    for place in ("to", "cc", "bcc"):
        lines = []
        for one in _mailboxes(document, place, asked.faults):
            key = normal_address(one.address)
            listed.add(key)
            more = {name: value for name, value in given.get(key, {}).items() if name != "field"}
            lines.append({**_member(one), **more})
        body[place] = lines
    body["bcc"] += _hidden(asked, listed)
    return Submission(document=document, body=body, options=asked)


def _subject(written: str) -> str:
    return mailboxes.shown(written[: 8 * _SUBJECT_CHARACTERS])[:_SUBJECT_CHARACTERS]


def _hides_fields(document: Document) -> bool:
    """Tell whether a field that must not leave stands where we cannot take it out, and others might see it."""
    header = document.header
    if header.sound:
        return False
    end = _BLANK_LINE.search(document.raw, header.end)
    rest = document.raw[header.end : end.start() if end else len(document.raw)]
    return _MUST_NOT_LEAVE.search(rest) is not None


def _hidden(asked: Options, listed: set[str]) -> Iterator[dict[str, str]]:
    """Give those who stand in no header; only who says so means them, or a slip of the pen would get a copy."""
    for address, found in asked.recipients:
        key = normal_address(address)
        if key in listed:
            continue
        if "field" not in found:
            detail = "An address stands in none of To, Cc and Bcc; with field=bcc it is a hidden recipient."
            asked.faults.append(Fault(field=RECIPIENTS, detail=detail))
            continue
        listed.add(key)
        yield {"address": address, **{name: v for name, v in found.items() if name != "field"}}


def _sender(document: Document) -> Mailbox | None:
    for name in ("From", "Sender"):
        for value in document.header.raw(name):
            try:
                if (found := mailboxes.read(value)) and _ADDRESS.fullmatch(found[0].address):
                    return found[0]
            except mailboxes.Unreadable:
                continue
    return None


def _mailboxes(document: Document, place: str, faults: list[Fault]) -> list[Mailbox]:
    found: list[Mailbox] = []
    for value in document.header.raw(place):
        try:
            found += mailboxes.read(value)
            if len(found) > mail.MAX_RECIPIENTS:
                raise mailboxes.Unreadable("There are too many.")
        except mailboxes.Unreadable as error:
            detail = f"The addresses cannot be read: {error}"
            faults.append(Fault(field=_FIELDS[place], detail=detail))
    return found


def _member(one: Mailbox) -> dict[str, str]:
    return {"address": one.address, **({"name": one.name} if one.name else {})}


def _files(document: Document, asked: Options, faults: list[Fault]) -> Iterator[Attachment]:
    wanted = {one for one in asked.files if isinstance(one, str)}
    numbers = {one for one in asked.files if isinstance(one, int)}
    named = {_name(one): one.index for one in document.files}
    shown: set[str] = set()
    if document.untouchable is None and (
        any(one not in named for one in wanted)
        or any(one >= len(document.files) for one in numbers)
    ):
        detail = "The mail has no such file; in quotes it is a name, a bare number is an index."
        faults.append(Fault(field=FOLLOW_ATTACHMENTS, detail=detail))
    for one in document.files:
        # Of files that have one content id, a mail program shows the first.
        content_id = None if one.content_id in shown else one.content_id
        if content_id:
            shown.add(content_id)
        yield Attachment(
            name=_name(one),
            content_type=one.content_type[:_MEDIA_CHARACTERS],
            size=one.size,
            wanted=asked.all_files or one.index in numbers or _name(one) in wanted,
            content_id=content_id,
            part=one,
        )


def _name(file: File) -> str:
    return mailboxes.shown(file.name)[:_FILE_NAME_CHARACTERS] or f"file-{file.index}"
