"""Cursors: where a list goes on, as text that only fits the list it came from.

A cursor is base64url of a digest and a position. The digest covers what the list was (door, tenant, owner scope,
filters, sort) and the position itself, so that a cursor used elsewhere, cut or changed is refused. It has no key on
purpose: who makes one up gets a place in rows that were theirs to read anyway, because scope and row-level security
decide that, never the cursor. What it holds is checked as any other input.
"""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from math import isfinite
from typing import Final
from uuid import UUID

import orjson

DIGEST_BYTES: Final = 12
MAX_CHARACTERS: Final = 4096
BIGINT: Final = 1 << 63

Value = int | float | str | None
"""A sort key or tie breaker as JSON can hold it; a UUID is its text."""


class KeyKind(StrEnum):
    """What a column of an order holds."""

    INTEGER = "integer"
    REAL = "real"
    TEXT = "text"
    UUID = "uuid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """The last row of a page: its sort key (null where it has none) and its tie breaker."""

    key: Value
    tie: Value


class BadCursor(ValueError):
    """A text that is no cursor of this list."""


def binding(*parts: object) -> bytes:
    """Digest what a list is: its door, scope, filters and sort; equal lists give equal bytes."""
    return blake2b(
        orjson.dumps(parts, option=orjson.OPT_SORT_KEYS), digest_size=32, person=b"inkling-cursor"
    ).digest()


def encode(bound: bytes, position: Position) -> str:
    """Write the cursor that goes on after this position of this list."""
    payload = orjson.dumps([position.key, position.tie])
    return urlsafe_b64encode(_digest(bound, payload) + payload).rstrip(b"=").decode("ascii")


def decode(bound: bytes, text: str, *, key: KeyKind, nullable: bool, tie: KeyKind) -> Position:
    """Read a cursor of this list; raises ``BadCursor`` for every other text."""
    if len(text) > MAX_CHARACTERS:
        raise BadCursor("too long")
    try:
        raw = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        digest, payload = raw[:DIGEST_BYTES], raw[DIGEST_BYTES:]
        values = orjson.loads(payload)
    except (ValueError, binascii.Error):
        raise BadCursor("not readable") from None
    # A second spelling of the same bytes (unused bits, stray characters) is not what we handed out.
    if urlsafe_b64encode(raw).rstrip(b"=").decode("ascii") != text:
        raise BadCursor("not as it was written")
    if digest != _digest(bound, payload):
        raise BadCursor("of another list")
    match values:
        case [None, second] if nullable and _fits(second, tie):
            return Position(key=None, tie=second)
        case [first, second] if _fits(first, key) and _fits(second, tie):
            return Position(key=first, tie=second)
        case _:
            raise BadCursor("holds something else")


def _digest(bound: bytes, payload: bytes) -> bytes:
    return blake2b(payload, key=bound, digest_size=DIGEST_BYTES).digest()


def _fits(value: object, kind: KeyKind) -> bool:
    match kind:
        case KeyKind.INTEGER:
            return type(value) is int and -BIGINT <= value < BIGINT
        case KeyKind.REAL:
            return isinstance(value, int | float) and type(value) is not bool and isfinite(value)
        case KeyKind.TEXT:
            return isinstance(value, str) and "\x00" not in value
        case KeyKind.UUID:
            return isinstance(value, str) and _is_uuid(value)


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
