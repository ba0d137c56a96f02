"""What a mail holds, as values; made by `steps`."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from services.rewriter.html import Edit
from services.rewriter.mime import exactness, transfer
from services.rewriter.mime.charset import Decoded
from services.rewriter.mime.header import Header
from services.rewriter.mime.transfer import Source
from services.rewriter.mime.tree import Part

Spans = tuple[tuple[int, int], ...]


class Code(StrEnum):
    """Why a mail is not touched: a closed list, stable at the door."""

    SIGNED = "signed"
    ENCRYPTED = "encrypted"
    MALFORMED = "malformed"


class Trouble(StrEnum):
    """What it is that is signed, encrypted or malformed: a closed list, each with a sentence for the sender."""

    MULTIPART_SIGNED = "multipart_signed"
    SMIME_SIGNED = "smime_signed"
    PGP_SIGNED = "pgp_signed"
    MULTIPART_ENCRYPTED = "multipart_encrypted"
    SMIME_ENCRYPTED = "smime_encrypted"
    PGP_ENCRYPTED = "pgp_encrypted"
    BAD_HEADER = "bad_header"
    NO_SENDER = "no_sender"
    NO_BOUNDARY = "no_boundary"
    NO_PARTS = "no_parts"
    AMBIGUOUS_BOUNDARY = "ambiguous_boundary"
    TOO_MANY_PARTS = "too_many_parts"
    TOO_DEEP = "too_deep"
    UNREADABLE_ENCODING = "unreadable_encoding"
    UNREADABLE_CHARSET = "unreadable_charset"

    @property
    def code(self) -> Code:
        """The kind of trouble it is."""
        name = self.value.rpartition("_")[2]
        return {"signed": Code.SIGNED, "encrypted": Code.ENCRYPTED}.get(name, Code.MALFORMED)

    @property
    def detail(self) -> str:
        """The trouble as a sentence."""
        return _DETAILS[self]


_DETAILS: Final = {
    Trouble.MULTIPART_SIGNED: "A part of the mail is signed (multipart/signed); a change would break the signature.",
    Trouble.SMIME_SIGNED: "The mail is signed with S/MIME; a change would break the signature.",
    Trouble.PGP_SIGNED: "Text of the mail is signed with OpenPGP; a change would break the signature.",
    Trouble.MULTIPART_ENCRYPTED: "A part of the mail is encrypted (multipart/encrypted).",
    Trouble.SMIME_ENCRYPTED: "The mail is encrypted with S/MIME.",
    Trouble.PGP_ENCRYPTED: "Text of the mail is encrypted with OpenPGP.",
    Trouble.BAD_HEADER: "A header has a line that is no field, a carriage return alone, too much in it, or a field "
    "twice that may stand there once; mail programs differ in how they read it.",
    Trouble.NO_SENDER: "No address of a sender can be read in From or Sender.",
    Trouble.NO_BOUNDARY: "A multipart names no boundary, or two.",
    Trouble.NO_PARTS: "The boundary that a multipart names stands nowhere in it.",
    Trouble.AMBIGUOUS_BOUNDARY: "A line may be the boundary of two multiparts, or is one for some mail programs only.",
    Trouble.TOO_MANY_PARTS: "The mail has more parts than are read.",
    Trouble.TOO_DEEP: "The parts of the mail are nested deeper than is read.",
    Trouble.UNREADABLE_ENCODING: "The HTML or text is in a transfer encoding that is not edited, or goes on behind its "
    "end.",
    Trouble.UNREADABLE_CHARSET: "The HTML or text is in a charset that is not edited, or is said to be in "
    "two, of which programs believe either.",
}


@dataclass(frozen=True, slots=True)
class Untouchable:
    """Why a mail passes as it is."""

    trouble: Trouble

    @property
    def code(self) -> Code:
        """The reason's stable code."""
        return self.trouble.code

    @property
    def detail(self) -> str:
        """The reason as a sentence."""
        return self.trouble.detail


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Text:
    """The text of one part, as mail programs show it."""

    index: int
    html: bool
    part: Part = field(repr=False)
    source: Source = field(repr=False)
    decoded: Decoded = field(repr=False)
    # Of the edits of the copy made before, whose next one mostly stand there too: in the decoded bytes and in the mail.
    places: dict[Spans, tuple[Spans, Spans]] = field(default_factory=dict, repr=False)

    @property
    def text(self) -> str:
        """The text; U+FFFD stands for each byte that is none of the charset."""
        return self.decoded.text

    @property
    def breaks_words(self) -> bool:
        """Whether a blank that ends a line is none, and the next line goes on with the word (`DelSp`, RFC 3676 §4)."""
        said = self.part.parameters
        return said.get("format", "").lower() == "flowed" and said.get("delsp", "").lower() == "yes"

    @property
    def charset(self) -> str:
        """The charset it was read with, as Python calls it."""
        return self.decoded.codec


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class File:
    """An attachment, or a picture that the mail's HTML shows. Its content is decoded only on demand."""

    index: int
    name: str
    content_type: str
    content_id: str | None
    # in bytes, once decoded
    size: int
    part: Part = field(repr=False)
    raw: bytes = field(repr=False)

    @property
    def span(self) -> tuple[int, int]:
        """Where the content stands in the mail, as it is encoded there."""
        return self.part.start, self.part.end

    @property
    def exact(self) -> bool:
        """Whether every program reads the same content out of it; a look at all of it."""
        return exactness.is_exact(self.raw, self.part.start, self.part.end, self.part.encoding)

    def chunks(self) -> Iterator[bytes]:
        """Give the content piece by piece."""
        return transfer.chunks(self.raw, self.part.start, self.part.end, self.part.encoding)

    def content(self) -> bytes:
        """Return the content at once."""
        return b"".join(self.chunks())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Document:
    """A mail that was read."""

    raw: bytes = field(repr=False)
    header: Header
    bodies: tuple[Text, ...] = ()
    texts: tuple[Text, ...] = ()
    files: tuple[File, ...] = ()
    untouchable: Untouchable | None = None
    signed_by_dkim: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """The edits to carry out; see the package."""

    bodies: Mapping[int, Sequence[Edit]] = field(default_factory=dict)
    texts: Mapping[int, Sequence[Edit]] = field(default_factory=dict)
    dropped_files: Collection[int] = ()
    strip_headers: Collection[str] = ()
    set_headers: Sequence[tuple[str, str]] = ()
