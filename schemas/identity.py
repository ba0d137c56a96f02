"""Who and what: tenants, messages, recipients, events and facts, named so that repeating finds the same name.

Clock and entropy are passed in; nothing here asks for them.
"""

import re
import unicodedata
from hashlib import blake2b, sha1
from typing import Final, NewType
from uuid import UUID

from schemas.errors import BadIdentity
from schemas.instant import Instant

Tenant = NewType("Tenant", str)
"""Whose data it is: ``[a-z0-9-]{1,32}``."""

MessageId = NewType("MessageId", UUID)
"""Our name of one mail."""

RecipientRef = NewType("RecipientRef", str)
"""A recipient without the address: 16 lower-case hexadecimal digits, the 8 bytes of a keyed hash."""

NAMESPACE: Final = UUID("6f1d5c0e-7a43-5d0b-9a39-2f0c8e5b1d77")
"""The namespace of all our name-based ids. Fixed for ever."""

ENTROPY_BYTES: Final = 10
REF_BYTES: Final = 8
TENANT_PATTERN: Final = re.compile(r"[a-z0-9-]{1,32}", re.ASCII)
REF_PATTERN: Final = re.compile(r"[0-9a-f]{16}", re.ASCII)
UUID_PATTERN: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
UUID7_PATTERN: Final = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.ASCII
)


def tenant(text: str) -> Tenant:
    """Check a tenant's name; raises ``BadIdentity``."""
    if not TENANT_PATTERN.fullmatch(text):
        raise BadIdentity("tenant", "1 to 32 of a-z, 0-9 and the hyphen")
    return Tenant(text)


def ref(text: str) -> RecipientRef:
    """Check a recipient ref's text form; raises ``BadIdentity``."""
    if not REF_PATTERN.fullmatch(text):
        raise BadIdentity("ref", "16 lower-case hexadecimal digits")
    return RecipientRef(text)


def message_id(text: str) -> MessageId:
    """Check a message id's text form (lower case, hyphens); raises ``BadIdentity``."""
    if not UUID_PATTERN.fullmatch(text):
        raise BadIdentity("message_id", "a lower-case UUID")
    return MessageId(UUID(text))


def uuid7(at: Instant, entropy: bytes) -> UUID:
    """Build a version 7 UUID (RFC 9562 §5.7) from an instant and ten random bytes."""
    if len(entropy) != ENTROPY_BYTES:
        raise ValueError(f"entropy must be {ENTROPY_BYTES} bytes")
    random = int.from_bytes(entropy, "big")
    high = ((at // 1000) << 16) | 0x7000 | (random >> 68)
    low = (0b10 << 62) | (random & ((1 << 62) - 1))
    return UUID(int=(high << 64) | low)


# The bits that RFC 9562 fixes in the digit where the variant stands, over the two that are random.
_VARIANT: Final = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


def uuid7_text(at: Instant, digits: str) -> str:
    """Write what ``uuid7`` builds from that instant and those bytes, given as 20 hexadecimal digits."""
    return uuid7_head(at // 1000) + uuid7_tail(digits)


def uuid7_head(milliseconds: int) -> str:
    """Write the part of a version 7 UUID that is the time, up to and with the version; many share it."""
    time = f"{milliseconds:012x}"
    return f"{time[:8]}-{time[8:]}-7"


def uuid7_tail(digits: str) -> str:
    """Write the part that is random."""
    return f"{digits[:3]}-{_VARIANT[digits[4]]}{digits[5:8]}-{digits[8:20]}"


def milliseconds_of(identifier: UUID) -> int:
    """Read the Unix milliseconds out of a version 7 UUID."""
    return identifier.int >> 80


# What `uuid.uuid5` hashes first and fixes last (RFC 9562 §5.5): version 5, and the variant.
_NAMED: Final = sha1(NAMESPACE.bytes, usedforsecurity=False)
_RANDOM: Final = (1 << 128) - 1 - (0xF << 76) - (0b11 << 62)
_NAME_BASED: Final = (5 << 76) | (0b10 << 62)


def _uuid5(name: str) -> UUID:
    """Name within our namespace as `uuid.uuid5` does, in half its time."""
    hashed = _NAMED.copy()
    hashed.update(name.encode("utf-8"))
    return UUID(int=int.from_bytes(hashed.digest()[:16], "big") & _RANDOM | _NAME_BASED)


def bare_message_id(header: str) -> str:
    """Take the id out of a ``Message-ID`` header: what stands between the angle brackets, else all of it."""
    text = header.strip()
    start, end = text.find("<"), text.rfind(">")
    return text[start + 1 : end].strip() if 0 <= start < end else text


def message_of_header(owner: Tenant, header: str) -> MessageId:
    """Name the message that carries this ``Message-ID``; a reply to it finds the same name."""
    return MessageId(_uuid5(f"message:{owner}:header:{bare_message_id(header)}"))


def message_of_key(owner: Tenant, idempotency_key: str, body: bytes) -> MessageId:
    """Name the message handed in with this ``Idempotency-Key`` and this body."""
    digest = blake2b(body, digest_size=32).hexdigest()
    return MessageId(_uuid5(f"message:{owner}:key:{digest}:{idempotency_key}"))


def event_id(event_type: str, owner: Tenant, business_key: str) -> UUID:
    """Name the event that happens once for its business key (a message id, an inbound ``Message-ID``, …)."""
    return _uuid5(f"event:{event_type}:{owner}:{business_key}")


def fact_id(
    fact_type: str, owner: Tenant, message: MessageId, recipient: RecipientRef | None, ordinal: int
) -> UUID:
    """Name a fact; a fact about the whole message has no recipient."""
    return _uuid5(f"fact:{fact_type}:{owner}:{message}:{recipient or '-'}:{ordinal}")


def normal_address(address: str) -> str:
    """Normalise an address for hashing: NFC, trimmed, lower case; nothing else is presumed equal."""
    return unicodedata.normalize("NFC", address.strip()).lower()


def recipient_ref(key: bytes, owner: Tenant, address: str) -> RecipientRef:
    """Hash an address under the rewriter's secret key and the tenant; the key is never rotated."""
    digest = blake2b(key=key, digest_size=REF_BYTES, person=b"inkling-ref")
    digest.update(bytes([len(owner)]))
    digest.update(owner.encode("ascii"))
    digest.update(normal_address(address).encode("utf-8", "surrogatepass"))
    return RecipientRef(digest.hexdigest())
