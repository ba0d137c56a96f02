"""Cut an inbound mail into headers and parts, within bounds that no mail can stretch.

Only the beginning of a mail is looked at: what tells a reply from a bounce, and where a report keeps what it reports,
stands there. Nothing is kept whole, so a mail of 30 MB costs what its first half megabyte costs.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from services.rewriter.replies import text

READ_BYTES: Final = 512 * 1024
HEAD_BYTES: Final = 256 * 1024
MAX_FIELDS: Final = 1_000
MAX_FIELD_CHARACTERS: Final = 16 * 1024
MAX_PARTS: Final = 50
MAX_DEPTH: Final = 8
MAX_TEXT_CHARACTERS: Final = 16 * 1024
_BLANK_LINE: Final = re.compile(rb"(?:\A|\n)\n")
_FIELD: Final = re.compile(r"([!-9;-~]{1,80})[ \t]*:(.*)", re.DOTALL)
_PARAMETER: Final = re.compile(
    r';\s{0,80}([!-:<>-~]{1,80}?)\s{0,8}=\s{0,8}("(?:[^"\\]|\\.)*"|[^;\s"]*)'
)
_ESCAPED: Final = re.compile(r"\\(.)")
# A mail has at least one of them; bytes in which none stands are something else.
_OF_MAIL: Final = (
    *("from", "to", "cc", "subject", "date", "message-id", "received", "return-path"),
    *("in-reply-to", "references", "delivered-to", "mime-version", "content-type", "sender"),
)


@dataclass(frozen=True, slots=True)
class Headers:
    """Header fields by lower-case name, each with its values in their order."""

    fields: Mapping[str, list[str]] = field(default_factory=dict)

    def first(self, name: str) -> str | None:
        """Return the first value of a field, or None."""
        values = self.fields.get(name)
        return values[0] if values else None

    def all(self, name: str) -> list[str]:
        """Return every value of a field."""
        return self.fields.get(name, [])

    def __contains__(self, name: str) -> bool:
        return name in self.fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part that holds no other: its media type, the parameters of that, and its body as it was sent."""

    headers: Headers
    media: str
    parameters: Mapping[str, str]
    body: bytes

    def raw(self, limit: int = READ_BYTES) -> bytes:
        """Return the beginning of the body without its transfer encoding, lines ending in LF."""
        encoding = self.headers.first("content-transfer-encoding")
        return text.decode_transfer(self.body[:limit], encoding).replace(b"\r\n", b"\n")

    def text(self) -> str:
        """Return the beginning of the body as text, HTML as it would be seen."""
        decoded = text.decode(self.raw(8 * MAX_TEXT_CHARACTERS), self.parameters.get("charset"))
        shown = text.visible(decoded) if self.media == "text/html" else decoded
        return shown[:MAX_TEXT_CHARACTERS]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound:
    """A mail that came in: its headers, what it says it is, and its parts in their order."""

    headers: Headers
    media: str
    parameters: Mapping[str, str]
    parts: tuple[Part, ...]

    def part(self, *media: str) -> Part | None:
        """Return the first part of one of these types, or None."""
        return next((one for one in self.parts if one.media in media), None)

    def text(self) -> str:
        """Return what the author wrote: the first plain text, else the first HTML, else nothing."""
        found = self.part("text/plain") or self.part("text/html")
        return "" if found is None else found.text()

    @property
    def subject(self) -> str:
        """The subject, decoded."""
        return text.decode_words(self.headers.first("subject") or "")


def read(raw: bytes) -> Inbound | None:
    """Read a mail; None where these bytes are none."""
    beginning = raw[:READ_BYTES].replace(b"\r\n", b"\n").lstrip(b"\n")
    if beginning.startswith((b"From ", b">From ")):  # the line before each mail in an mbox
        beginning = beginning.partition(b"\n")[2]
    headers, body = split(beginning)
    if not any(name in headers for name in _OF_MAIL):
        return None
    media, parameters = content_type(headers)
    parts = tuple(islice(_parts(headers, body, MAX_DEPTH), MAX_PARTS))
    return Inbound(headers=headers, media=media, parameters=parameters, parts=parts)


def split(raw: bytes) -> tuple[Headers, bytes]:
    """Split what begins with header fields at the blank line that ends them; lines end in LF."""
    end = _BLANK_LINE.search(raw)
    head, body = (raw, b"") if end is None else (raw[: end.start()], raw[end.end() :])
    return read_headers(head), body


def read_headers(head: bytes) -> Headers:
    """Read header fields; a line that is none is passed over, and what is beyond the bounds as well."""
    found: dict[str, list[str]] = {}
    decoded = text.decode(head[:HEAD_BYTES], None).replace("\0", "\N{REPLACEMENT CHARACTER}")
    unfolded = re.sub(r"\n[ \t]", " ", decoded)
    for line in unfolded.split("\n", MAX_FIELDS)[:MAX_FIELDS]:
        if match := _FIELD.match(line[:MAX_FIELD_CHARACTERS]):
            found.setdefault(match[1].lower(), []).append(match[2].strip())
    return Headers(found)


def content_type(headers: Headers) -> tuple[str, Mapping[str, str]]:
    """Read the media type, in lower case, and its parameters; text/plain where nothing is said."""
    value = (headers.first("content-type") or "text/plain")[:4096]
    media = value.partition(";")[0].strip().lower()
    parameters: dict[str, str] = {}
    for found in _PARAMETER.finditer(value):
        name = found[1].lower().partition("*")[0]
        written = found[2]
        if written.startswith('"'):
            written = _ESCAPED.sub(r"\1", written[1:-1])
        parameters.setdefault(name, written)
    return media, parameters


def _parts(headers: Headers, body: bytes, depth: int) -> Iterator[Part]:
    media, parameters = content_type(headers)
    boundary = parameters.get("boundary", "")
    if not media.startswith("multipart/") or not boundary or depth == 0:
        yield Part(headers=headers, media=media, parameters=parameters, body=body)
        return
    for piece in islice(_pieces(body, boundary.encode("utf-8")), MAX_PARTS):
        inner, rest = split(piece)
        yield from _parts(inner, rest, depth - 1)


def _pieces(body: bytes, boundary: bytes) -> Iterator[bytes]:
    """Give what stands between the boundary's lines; the last one may lack its end."""
    line = re.compile(rb"^--" + re.escape(boundary[:200]) + rb"(--)?[ \t]{0,80}$", re.MULTILINE)
    begin: int | None = None
    for found in line.finditer(body):
        if begin is not None:
            yield body[begin : max(begin, found.start() - 1)]
        if found[1]:
            return
        begin = found.end() + 1
    if begin is not None:
        yield body[begin:]
