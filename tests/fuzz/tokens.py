"""Laws of the token: nothing but `BadToken` is ever raised, and who was believed had a token just as we mint it.

A fuzzer guesses no signature, so some inputs are signed here, as docs/tokens.md says; these lead behind the check. The
first byte of an input says what the rest is: a purpose in its lower half, in its upper one a way of `_text`.
"""

from base64 import b32decode, b32encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

from schemas import token as tokens
from schemas.errors import BadToken, TokenFault
from schemas.identity import MessageId, RecipientRef, Tenant
from schemas.token import Claim, KeyRing, Purpose, Seen
from tests.schemas.examples import document

MOST_BYTES: Final = 2200
WORDS: Final = (
    b"\x01\x01\x00\x04demo",
    b"\x01\x02\x00\x01a",
    b"\x11",
    b"\x12",
    b"https://",
    b"\x00\x00\x00\x01",
    b"\xff\xff",
    b"=",
    b"==",
    b"-",
    b"_",
    b"+",
    b"/",
    b"\n",
    b"\0",
)

_DOCUMENT: Final[dict[str, Any]] = document("tokens.json")
_GOLDEN: Final[list[dict[str, Any]]] = _DOCUMENT["tokens"]
_KEYS: Final = {int(key): bytes.fromhex(each) for key, each in _DOCUMENT["keys"].items()}
_RING: Final = KeyRing(1, _KEYS)
_NO_SUCH_KEYS: Final = KeyRing(1, {1: bytes(32), 2: bytes(32)})
_PURPOSES: Final = tuple(Purpose)
_SHORT: Final = (Purpose.REPLY, Purpose.MESSAGE_ID)
_TENANT: Final = Tenant("demo")
_OTHER: Final = Tenant("other")
_AS_IT_IS, _SIGNED, _EDITED, _ALIKE = range(4)
# What is not ASCII and becomes it once its case is changed, and what it becomes.
_LOOKALIKES: Final = [
    (letter, ascii_letters)
    for letter in map(chr, range(128, 0x110000))
    for ascii_letters in {letter.upper(), letter.lower().upper()}
    if ascii_letters.isascii()
]

P = ParamSpec("P")
T = TypeVar("T")
See = Callable[[KeyRing, Purpose, str], Seen]


def seeds() -> dict[str, bytes]:
    """Return what to begin with by name: each golden token in each way, and what was found before."""
    named = {}
    for golden in _GOLDEN:
        purpose, text = Purpose(golden["purpose"]), golden["token"]
        for way, rest in (
            (_AS_IT_IS, text.encode()),
            (_SIGNED, _decoded(purpose, text)[: -_mac_bytes(purpose)]),
            (_EDITED, bytes([0, 5, 1]) + text[5].encode()),
            (_ALIKE, bytes(2)),
        ):
            first = bytes([way << 4 | _PURPOSES.index(purpose)])
            named[f"{golden['case']}, {way}"] = first + rest
    examples = Path(__file__).parent / "examples" / "tokens"
    return named | {path.name: path.read_bytes() for path in sorted(examples.iterdir())}


def check(data: bytes, see: See = tokens.see) -> None:
    """Raise AssertionError, or anything else, for an input about which a law does not hold."""
    if not data:
        return
    purpose = _PURPOSES[(data[0] & 15) % len(_PURPOSES)]
    text = _text(data[0] >> 4, purpose, data[1:])
    if purpose in _SHORT:
        _check_short(purpose, text)
    else:
        _check_long(purpose, text, see)


def _check_long(purpose: Purpose, text: str, see: See) -> None:
    seen = _outcome(see, _RING, purpose, text)
    claim = _outcome(tokens.read, _RING, purpose, text)
    if isinstance(seen, TokenFault) or isinstance(claim, TokenFault):
        assert seen is claim, "reading and seeing differ"
        return
    assert claim == tokens.claim(seen)
    assert _minted(purpose, claim, text) == text, "it has another spelling"
    for other in _PURPOSES:
        if other not in (purpose, *_SHORT):
            assert _outcome(see, _RING, other, text) is TokenFault.FORGED
    assert _outcome(see, _NO_SUCH_KEYS, purpose, text) is TokenFault.FORGED


def _check_short(purpose: Purpose, text: str) -> None:
    told = _outcome(_read_short, _RING, purpose, _TENANT, text)
    if isinstance(told, TokenFault):
        return
    message, ref = told
    raw = _decoded(purpose, text)
    ring = KeyRing(raw[0] & 15, _KEYS)
    if ref is None:
        minted = tokens.mint_message_id(ring, _TENANT, message)
    else:
        minted = tokens.mint_reply(ring, _TENANT, message, ref)
    # Programs on the way change the case of letters, of a to z.
    assert text.isascii(), "it has another spelling"
    assert text.lower() == minted, "it has another spelling"
    for keys, tenant in ((_RING, _OTHER), (_NO_SUCH_KEYS, _TENANT)):
        assert _outcome(_read_short, keys, purpose, tenant, text) is TokenFault.FORGED


def _read_short(
    ring: KeyRing, purpose: Purpose, tenant: Tenant, text: str
) -> tuple[MessageId, RecipientRef | None]:
    if purpose is Purpose.REPLY:
        return tokens.read_reply(ring, tenant, text)
    return tokens.read_message_id(ring, tenant, text), None


def _outcome(read: Callable[P, T], *args: P.args, **named: P.kwargs) -> T | TokenFault:
    try:
        return read(*args, **named)
    except BadToken as error:
        return error.fault


def _minted(purpose: Purpose, claim: Claim, text: str) -> str:
    return tokens.mint(KeyRing(_decoded(purpose, text)[1], _KEYS), purpose, claim)


def _text(way: int, purpose: Purpose, rest: bytes) -> str:
    """Return the token that an input describes."""
    if way == _SIGNED:
        return _signed(purpose, rest)
    golden = [each["token"] for each in _GOLDEN if each["purpose"] == purpose]
    if way == _EDITED and len(rest) > 2:  # one of ours with a piece of it replaced
        text: str = golden[rest[0] % len(golden)]
        at = rest[1] % (len(text) + 1)
        return text[:at] + _characters(rest[3:]) + text[at + rest[2] % 4 :]
    if way == _ALIKE and len(rest) > 1:  # one of ours with a piece of it looking the same
        return _lookalike(golden[rest[0] % len(golden)], rest[1])
    return _characters(rest)


def _lookalike(text: str, which: int) -> str:
    others = _lookalikes(text)
    at, size, letter = others[which % len(others)]
    return text[:at] + letter + text[at + size :]


@cache
def _lookalikes(text: str) -> list[tuple[int, int, str]]:
    upper = text.upper()
    return [
        (at, len(letters), letter)
        for letter, letters in _LOOKALIKES
        for at in range(len(upper))
        if upper.startswith(letters, at)
    ]


def _characters(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _signed(purpose: Purpose, payload: bytes) -> str:
    """Sign whatever it is, as docs/tokens.md says it."""
    short = purpose in _SHORT
    named = (payload[0] & 15 if short else payload[1]) if len(payload) > 1 else 1
    key = blake2b(
        purpose.encode(), key=_KEYS.get(named, _KEYS[1]), digest_size=32, person=b"inkling-token-1"
    ).digest()
    covered = _TENANT.encode() + b"\0" + payload if short else payload
    raw = payload + blake2b(covered, key=key, digest_size=_mac_bytes(purpose)).digest()
    written = b32encode(raw).lower() if short else urlsafe_b64encode(raw)
    return written.rstrip(b"=").decode()


def _decoded(purpose: Purpose, text: str) -> bytes:
    if purpose in _SHORT:
        return b32decode(text.upper() + "=" * (-len(text) % 8))
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _mac_bytes(purpose: Purpose) -> int:
    return 10 if purpose in _SHORT else 16
