"""Tokens: what a pixel, a link, a file, a picture, a reply address or a Message-ID says of itself.

A wire format that lives for years; ``docs/tokens.md`` describes it well enough to verify one in another language, and
``examples/tokens.json`` holds golden ones of every version. A token says who and what, is bound to its purpose by a
key of its own, and a click carries its target, so that redirecting needs nothing but the key.
"""

import binascii
from base64 import b32decode, b32encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from functools import lru_cache
from hashlib import blake2b
from hmac import compare_digest
from typing import Final, NamedTuple
from uuid import UUID

from schemas.errors import BadToken, TokenFault
from schemas.identity import TENANT_PATTERN, MessageId, RecipientRef, Tenant

VERSION: Final = 1
KEY_BYTES: Final = 32
MAC_BYTES: Final = 16
SHORT_MAC_BYTES: Final = 10
MAX_REFS: Final = 8
MAX_KEY_ID: Final = 15
MAX_TOKEN_CHARACTERS: Final = 2048
_INDEX_BYTES: Final = 2
# Version, key id, mode, length of the tenant; one letter of it; the message; a count and one recipient.
_LEAST_BYTES: Final = 4 + 1 + 16 + 1 + 8
# Between base64url and the alphabet that binascii knows; its own three characters become none at all.
_TO_STANDARD: Final = bytes.maketrans(b"-_+/=", b"+/!!!")
_FROM_STANDARD: Final = bytes.maketrans(b"+/", b"-_")
# By how many characters of a last, incomplete group of four there are: what is missing of it, and which characters may
# be the last one, for it has bits that are no part of any byte, and they are zero in the one spelling that counts.
_PADDING: Final = (b"", b"", b"==", b"=")
_LAST: Final = ("", "", "AQgw", "AEIMQUYcgkosw048")


class Purpose(StrEnum):
    """What a token is for; each has its own key, so that none passes for another."""

    OPEN = "open"
    CLICK = "click"
    ATTACHMENT = "attachment"
    PICTURE = "picture"
    REPLY = "reply"
    MESSAGE_ID = "message-id"


# Looking a member up in its class costs as much as a call.
_OPEN: Final = Purpose.OPEN
_CLICK: Final = Purpose.CLICK


class Mode(IntEnum):
    """How a hit is to be treated; a value not listed is served and not recorded."""

    FULL = 0
    PREVIEW = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a token states: whose, which message, for whom, and which part of it.

    Several refs are a shared copy. ``index`` is the link's, file's or picture's number; ``url`` is a click's target.
    """

    tenant: Tenant
    message_id: MessageId
    refs: tuple[RecipientRef, ...]
    mode: int = Mode.FULL
    index: int | None = None
    url: str | None = None

    @property
    def recorded(self) -> bool:
        """Whether a hit with this token is to be recorded."""
        return self.mode == Mode.FULL


class Seen(NamedTuple):
    """What a verified token states, in the form for paths that run for each hit.

    ``message`` is the id's sixteen bytes, ``part`` the link's, file's or picture's number.
    """

    tenant: Tenant
    message: bytes
    refs: tuple[RecipientRef, ...]
    mode: int
    part: int | None
    url: str | None


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The secret keys by id (0 to 15); the signing one makes tokens, all of them verify."""

    signing: int
    keys: Mapping[int, bytes]

    def __post_init__(self) -> None:
        if self.signing not in self.keys:
            raise ValueError("the signing key is not among the keys")
        if any(not 0 <= each <= MAX_KEY_ID for each in self.keys):
            raise ValueError(f"key ids are 0 to {MAX_KEY_ID}")
        if any(len(key) != KEY_BYTES for key in self.keys.values()):
            raise ValueError(f"keys are {KEY_BYTES} bytes")

    def __repr__(self) -> str:
        return f"KeyRing(signing={self.signing}, ids={sorted(self.keys)})"


@lru_cache(maxsize=1024)
def _subkey(key: bytes, purpose: Purpose) -> bytes:
    return blake2b(
        purpose.encode("ascii"), key=key, digest_size=KEY_BYTES, person=b"inkling-token-1"
    ).digest()


@lru_cache(maxsize=1024)
def _keyed(key: bytes, purpose: Purpose, size: int) -> "blake2b":
    # Taking in a key costs as much as a token's bytes; copies of a hash that has it do not pay again.
    return blake2b(key=_subkey(key, purpose), digest_size=size)


def _mac(key: bytes, purpose: Purpose, payload: bytes, size: int) -> bytes:
    hashed = _keyed(key, purpose, size).copy()
    hashed.update(payload)
    return hashed.digest()


def _encode(raw: bytes) -> str:
    return binascii.b2a_base64(raw, newline=False).translate(_FROM_STANDARD, b"=").decode("ascii")


def _decode(token: str) -> bytes:
    """Decode canonical, unpadded base64url; every other spelling of the same bytes is refused."""
    extra = len(token) % 4
    if len(token) > MAX_TOKEN_CHARACTERS or (extra and token[-1] not in _LAST[extra]):
        raise BadToken(TokenFault.MALFORMED)
    try:
        padded = token.encode("ascii").translate(_TO_STANDARD) + _PADDING[extra]
        return binascii.a2b_base64(padded, strict_mode=True)
    except (binascii.Error, ValueError):
        raise BadToken(TokenFault.MALFORMED) from None


def _head(ring: KeyRing, claim: Claim) -> bytes:
    """Write what the tokens of one copy have in common."""
    tenant = claim.tenant.encode("ascii")
    if not 1 <= len(claim.refs) <= MAX_REFS:
        raise ValueError(f"a token is for 1 to {MAX_REFS} recipients")
    return b"".join(
        (
            bytes((VERSION, ring.signing, claim.mode, len(tenant))),
            tenant,
            claim.message_id.bytes,
            bytes((len(claim.refs),)),
            *[bytes.fromhex(ref) for ref in claim.refs],
        )
    )


def _tail(purpose: Purpose, index: int | None, url: str | None) -> bytes:
    """Write what says which part of the copy a token is about."""
    if purpose is _OPEN:
        return b""
    if index is None:
        raise ValueError("a link, file or picture has an index")
    if purpose is not _CLICK:
        return index.to_bytes(_INDEX_BYTES, "big")
    if not url:
        raise ValueError("a link has a target")
    return index.to_bytes(_INDEX_BYTES, "big") + url.encode("utf-8")


class Minter:
    """Makes the tokens of one copy; what they have in common is written and hashed once."""

    def __init__(self, ring: KeyRing, claim: Claim) -> None:
        """Of the claim counts whose copy it is; raises ``ValueError`` for too many recipients, or none."""
        self._key = ring.keys[ring.signing]
        self._head = _head(ring, claim)
        self._hashed: dict[Purpose, blake2b] = {}

    def mint(self, purpose: Purpose, index: int | None = None, url: str | None = None) -> str:
        """Make a token as `mint` does for a claim with this index and target."""
        begun = self._hashed.get(purpose)
        if begun is None:
            begun = self._hashed[purpose] = _keyed(self._key, purpose, MAC_BYTES).copy()
            begun.update(self._head)
        tail = _tail(purpose, index, url)
        hashed = begun.copy()
        hashed.update(tail)
        return _encode(self._head + tail + hashed.digest())

    def clicks(self, links: Iterable[tuple[int, str]]) -> list[str]:
        """Make the tokens of several links, each as `mint` does; written out, for each copy has one for each link."""
        begun = _keyed(self._key, _CLICK, MAC_BYTES).copy()
        begun.update(self._head)
        head, copy, write = self._head, begun.copy, binascii.b2a_base64
        lines = []
        for index, url in links:
            if not url:
                raise ValueError("a link has a target")
            tail = index.to_bytes(_INDEX_BYTES, "big") + url.encode("utf-8")
            hashed = copy()
            hashed.update(tail)
            lines.append(write(head + tail + hashed.digest()))
        # Each has a line end, so that all are turned into the other alphabet at once; this does it quickest.
        standard = b"".join(lines)
        written = standard.replace(b"+", b"-").replace(b"/", b"_").replace(b"=", b"")
        return written.decode("ascii").split("\n")[:-1]


def mint(ring: KeyRing, purpose: Purpose, claim: Claim) -> str:
    """Make a token for an open, click, attachment or picture; raises ``ValueError`` for a claim that has no form."""
    return Minter(ring, claim).mint(purpose, claim.index, claim.url)


@lru_cache(maxsize=4096)
def _tenant(raw: bytes) -> Tenant:
    text = raw.decode("ascii", "replace")
    if not TENANT_PATTERN.fullmatch(text):
        raise BadToken(TokenFault.MALFORMED)
    return Tenant(text)


def _verified(ring: KeyRing, purpose: Purpose, raw: bytes) -> None:
    if len(raw) <= MAC_BYTES + 2:
        raise BadToken(TokenFault.MALFORMED)
    if raw[0] != VERSION:
        raise BadToken(TokenFault.UNKNOWN_VERSION)
    key = ring.keys.get(raw[1])
    if key is None:
        raise BadToken(TokenFault.UNKNOWN_KEY)
    hashed = _keyed(
        key, purpose, MAC_BYTES
    ).copy()  # as `_mac`, written out: this runs for each hit
    hashed.update(raw[:-MAC_BYTES])
    if not compare_digest(raw[-MAC_BYTES:], hashed.digest()):
        raise BadToken(TokenFault.FORGED)


def see(ring: KeyRing, purpose: Purpose, token: str) -> Seen:
    """Verify a token for its purpose and read it; raises ``BadToken``. Nothing is read before the check."""
    raw = _decode(token)
    _verified(ring, purpose, raw)
    end = len(raw) - MAC_BYTES
    if end < _LEAST_BYTES:
        raise BadToken(TokenFault.MALFORMED)
    message = 4 + raw[3]
    refs = message + 17
    if refs > end:
        raise BadToken(TokenFault.MALFORMED)
    count = raw[refs - 1]
    rest = refs + 8 * count
    if not 1 <= count <= MAX_REFS or rest > end:
        raise BadToken(TokenFault.MALFORMED)
    found = (
        (raw[refs:rest].hex(),)
        if count == 1
        else tuple([raw[at : at + 8].hex() for at in range(refs, rest, 8)])
    )
    part, url = _part(purpose, raw[rest:end])
    # its own __new__ would cost three times as much
    return tuple.__new__(
        Seen, (_tenant(raw[4:message]), raw[message : message + 16], found, raw[2], part, url)
    )


def _part(purpose: Purpose, raw: bytes) -> tuple[int | None, str | None]:
    """Read what follows the recipients: nothing, an index, or an index and a target."""
    if purpose is _OPEN and not raw:
        return None, None
    if purpose is _CLICK and len(raw) > _INDEX_BYTES:
        return int.from_bytes(raw[:_INDEX_BYTES], "big"), _text(raw[_INDEX_BYTES:])
    if purpose not in (_OPEN, _CLICK) and len(raw) == _INDEX_BYTES:
        return int.from_bytes(raw, "big"), None
    raise BadToken(TokenFault.MALFORMED)


def read(ring: KeyRing, purpose: Purpose, token: str) -> Claim:
    """Verify a token for its purpose and read it; raises ``BadToken``. Nothing is read before the check."""
    return claim(see(ring, purpose, token))


def claim(seen: Seen) -> Claim:
    """Return the same as a claim."""
    return Claim(
        tenant=seen.tenant,
        message_id=MessageId(UUID(bytes=seen.message)),
        refs=seen.refs,
        mode=seen.mode,
        index=seen.part,
        url=seen.url,
    )


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise BadToken(TokenFault.MALFORMED) from None


def _short(ring: KeyRing, purpose: Purpose, tenant: Tenant, body: bytes) -> str:
    payload = bytes([VERSION << 4 | ring.signing]) + body
    mac = _mac(
        ring.keys[ring.signing], purpose, tenant.encode("ascii") + b"\0" + payload, SHORT_MAC_BYTES
    )
    return b32encode(payload + mac).rstrip(b"=").decode("ascii").lower()


def _read_short(ring: KeyRing, purpose: Purpose, tenant: Tenant, token: str, size: int) -> bytes:
    if not token.isascii():  # in upper case a dotless i would be an I, and a long s an S
        raise BadToken(TokenFault.MALFORMED)
    text = token.upper()
    try:
        raw = b32decode(text + "=" * (-len(text) % 8))
    except (binascii.Error, ValueError):
        raise BadToken(TokenFault.MALFORMED) from None
    if len(raw) != 1 + size + SHORT_MAC_BYTES or b32encode(raw).rstrip(b"=").decode() != text:
        raise BadToken(TokenFault.MALFORMED)
    if raw[0] >> 4 != VERSION:
        raise BadToken(TokenFault.UNKNOWN_VERSION)
    key = ring.keys.get(raw[0] & MAX_KEY_ID)
    if key is None:
        raise BadToken(TokenFault.UNKNOWN_KEY)
    payload, mac = raw[:-SHORT_MAC_BYTES], raw[-SHORT_MAC_BYTES:]
    expected = _mac(key, purpose, tenant.encode("ascii") + b"\0" + payload, SHORT_MAC_BYTES)
    if not compare_digest(mac, expected):
        raise BadToken(TokenFault.FORGED)
    return payload[1:]


def mint_reply(ring: KeyRing, tenant: Tenant, message: MessageId, ref: RecipientRef) -> str:
    """Make the token of a reply address: 56 characters that survive a change of case."""
    return _short(ring, Purpose.REPLY, tenant, message.bytes + bytes.fromhex(ref))


def read_reply(ring: KeyRing, tenant: Tenant, token: str) -> tuple[MessageId, RecipientRef]:
    """Verify a reply address's token; the tenant follows from the reply domain. Raises ``BadToken``."""
    body = _read_short(ring, Purpose.REPLY, tenant, token, 24)
    return MessageId(UUID(bytes=body[:16])), RecipientRef(body[16:].hex())


def mint_message_id(ring: KeyRing, tenant: Tenant, message: MessageId) -> str:
    """Make the left part of a ``Message-ID`` of ours: 44 characters."""
    return _short(ring, Purpose.MESSAGE_ID, tenant, message.bytes)


def read_message_id(ring: KeyRing, tenant: Tenant, token: str) -> MessageId:
    """Verify the left part of a ``Message-ID`` of ours. Raises ``BadToken``."""
    return MessageId(UUID(bytes=_read_short(ring, Purpose.MESSAGE_ID, tenant, token, 16)))


def key_ring(text: str) -> KeyRing:
    """Read ``id:hex,id:hex``; the first signs. Raises ``ValueError`` with a sentence that shows no key."""
    keys: dict[int, bytes] = {}
    for entry in text.split(","):
        identifier, _, digits = entry.strip().partition(":")
        if not identifier.isascii() or not identifier.isdigit() or int(identifier) in keys:
            raise ValueError("each key is written id:hex, with ids that differ")
        try:
            keys[int(identifier)] = bytes.fromhex(digits)
        except ValueError:
            raise ValueError(f"key {identifier} is not hexadecimal") from None
    return KeyRing(signing=next(iter(keys)), keys=keys)
