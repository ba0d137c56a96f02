"""Several mails in one body: `multipart/mixed` of `message/rfc822` parts, each behind header fields of its own.

What is told of them may be a part as well, of another media type.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from services.rewriter.mime.edits import MAX_LINE
from services.rewriter.mime.fields import CRLF, field

# So much of each mail makes the boundary; that it stands in none is looked up anyway.
_TOLD: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Copy:
    """One mail, byte for byte, and the fields that stand before it: for whom it is, say."""

    raw: bytes
    headers: Sequence[tuple[str, str]] = ()
    media: str = "message/rfc822"


@dataclass(frozen=True, slots=True)
class Mixed:
    """The body in pieces, which are not copied, and the boundary that its content type must name."""

    pieces: tuple[bytes, ...]
    boundary: str

    @property
    def body(self) -> bytes:
        """The body in one piece."""
        return b"".join(self.pieces)

    @property
    def content_type(self) -> str:
        """The value of the `Content-Type` under which it is sent."""
        return f'multipart/mixed; boundary="{self.boundary}"'


def mixed(copies: Sequence[Copy]) -> Mixed:
    """Put mails together; the same ones give the same bytes."""
    boundary = _boundary([one.raw for one in copies])
    pieces: list[bytes] = []
    for one in copies:
        pieces += [b"--", boundary.encode("ascii"), CRLF]
        pieces.append(field("Content-Type", one.media))
        pieces.append(field("Content-Transfer-Encoding", _encoding(one.raw)))
        pieces += [field(name, value) for name, value in one.headers]
        pieces += [CRLF, one.raw, CRLF]
    pieces += [b"--", boundary.encode("ascii"), b"--", CRLF]
    return Mixed(tuple(pieces), boundary)


def _encoding(raw: bytes) -> str:
    """What a mail is as it stands: `message/rfc822` may be encoded no other way (RFC 2046 §5.2.1)."""
    if b"\0" in raw or _has_long_lines(raw):
        return "binary"
    return "7bit" if raw.isascii() else "8bit"


def _has_long_lines(raw: bytes) -> bool:
    at = 0
    while at + MAX_LINE < len(raw):
        end = raw.rfind(b"\n", at, at + MAX_LINE + 2)  # a carriage return may stand before it
        if end < 0:
            return True
        at = end + 1
    return False


def _boundary(copies: Sequence[bytes]) -> str:
    """A boundary that stands in none of them."""
    number = 0
    while True:
        digest = blake2b(digest_size=12, salt=number.to_bytes(8, "big"))
        for raw in copies:
            digest.update(raw[:_TOLD] + len(raw).to_bytes(8, "big"))
        boundary = f"inkling-{digest.hexdigest()}"
        if not any(boundary.encode("ascii") in raw for raw in copies):
            return boundary
        number += 1
