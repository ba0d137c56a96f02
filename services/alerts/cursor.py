"""Cursors: where an inbox goes on, as text that only fits the inbox it came from. Pure.

A cursor is base64url of a digest and a position. The digest covers whose inbox it was, the range and the position, so
that a cursor used elsewhere, cut or changed is refused. It has no key on purpose: who makes one up gets a place in
rows that were theirs to read anyway, because scope and row-level security decide that, never the cursor.
"""

import binascii
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

import orjson

_DIGEST_BYTES: Final = 12
_POSITION: Final = struct.Struct(">qq")
_CHARACTERS: Final = len(urlsafe_b64encode(bytes(_DIGEST_BYTES + _POSITION.size)).rstrip(b"="))


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """The last alert of a page: its time, and its number as the tie breaker."""

    occurred_at: int
    seq: int


class BadCursor(ValueError):
    """A text that is no cursor of this inbox."""


def binding(*parts: str | int | None) -> bytes:
    """Digest what an inbox is: its scope and range; equal ones give equal bytes."""
    return blake2b(orjson.dumps(parts), digest_size=32, person=b"inkling-inbox").digest()


def encode(bound: bytes, position: Position) -> str:
    """Write the cursor that goes on after this position of this inbox."""
    payload = _POSITION.pack(position.occurred_at, position.seq)
    return urlsafe_b64encode(_digest(bound, payload) + payload).rstrip(b"=").decode("ascii")


def decode(bound: bytes, text: str) -> Position:
    """Read a cursor of this inbox; raises ``BadCursor`` for every other text."""
    if len(text) != _CHARACTERS:
        raise BadCursor("of another length")
    try:
        raw = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (ValueError, binascii.Error):
        raise BadCursor("not readable") from None
    # A second spelling of the same bytes (unused bits, stray characters) is not what we handed out.
    if urlsafe_b64encode(raw).rstrip(b"=").decode("ascii") != text:
        raise BadCursor("not as it was written")
    digest, payload = raw[:_DIGEST_BYTES], raw[_DIGEST_BYTES:]
    if digest != _digest(bound, payload):
        raise BadCursor("of another inbox")
    occurred_at, seq = _POSITION.unpack(payload)
    return Position(occurred_at=occurred_at, seq=seq)


def _digest(bound: bytes, payload: bytes) -> bytes:
    return blake2b(payload, key=bound, digest_size=_DIGEST_BYTES).digest()
