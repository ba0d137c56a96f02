"""The addresses in a mail's headers, as far as they matter here: who wrote, and under which addresses it came to us."""

import re
from typing import Final

from services.rewriter.replies.parse import Headers

# Where the address that a mail was really delivered to may stand; mail programs and servers differ in which they write.
DELIVERY: Final = (
    *(
        "delivered-to",
        "x-original-to",
        "envelope-to",
        "x-envelope-to",
        "x-forwarded-to",
        "to",
        "cc",
    ),
    *("resent-to", "resent-cc", "apparently-to"),
)
MAX_ADDRESSES: Final = 1_000
_LOCAL_CHARACTERS: Final = 256
_ANGLE: Final = re.compile(r"<([^<>]*)>")
_BETWEEN: Final = re.compile(r"[\s<>()\[\],;:\"]+")


def author(headers: Headers) -> str | None:
    """Return the address in From, else in Sender; None where there is none."""
    for name in ("from", "sender"):
        for value in headers.all(name):
            if found := _address(value):
                return found
    return None


def delivered(headers: Headers) -> list[tuple[str, str]]:
    """Return the addresses that the mail came to, as left and right side in lower case."""
    found: dict[tuple[str, str], None] = {}
    for name in DELIVERY:
        for value in headers.all(name):
            for one in _addresses(value):
                found.setdefault(one)
                if len(found) == MAX_ADDRESSES:
                    return list(found)
    return list(found)


def domain(address: str) -> str:
    """Return the right side of an address or id, in lower case."""
    return address.rpartition("@")[2].lower()


def _addresses(value: str) -> list[tuple[str, str]]:
    pieces = (one.lower().rpartition("@") for one in _BETWEEN.split(value))
    return [(left, right) for left, at, right in pieces if at and left and right]


def _address(value: str) -> str | None:
    """Find the one address of a field; a name before it may look like another one, so brackets come first."""
    bracketed: list[str] = [one.strip() for one in _ANGLE.findall(value) if _plausible(one.strip())]
    if bracketed:
        return bracketed[-1]
    return next((one for one in _BETWEEN.split(value) if _plausible(one)), None)


def _plausible(text: str) -> bool:
    left, at, right = text.rpartition("@")
    blank = any(one.isspace() for one in text)
    return bool(at and left and right) and len(text) <= _LOCAL_CHARACTERS * 2 and not blank
