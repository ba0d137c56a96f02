"""Which part of a file a `Range` asks for (RFC 9110 §14). Pure; never raises, whatever the header holds.

One range of bytes is honoured. Several at once are answered with the whole file, which every client has to accept;
so is what is no range at all, and any range of an empty file.
"""

import re
from enum import Enum
from typing import Final, NamedTuple

_BYTES: Final = re.compile(r"bytes=[ \t,]*(\d*)-(\d*)[ \t,]*", re.ASCII | re.IGNORECASE)
# Python refuses to read a number of thousands of digits; no file needs more than these.
_DIGITS: Final = 19


class Window(NamedTuple):
    """The bytes from `start` up to `end`, exclusive; at least one."""

    start: int
    end: int

    def content_range(self, size: int) -> str:
        """Write the `Content-Range` of a file of that size."""
        return f"bytes {self.start}-{self.end - 1}/{size}"


class Part(Enum):
    """What is not a window: all of it, or nothing that the file has."""

    WHOLE = "whole"
    NONE = "none"


def asked(header: str | None, size: int) -> Window | Part:
    """Return the part of a file of that size which the header asks for."""
    found = _BYTES.fullmatch(header) if header is not None else None
    if found is None or size == 0:
        return Part.WHOLE
    first, last = found.groups()
    if not first:
        return _suffix(last, size)
    start = _number(first)
    end = _number(last) + 1 if last else size
    if end <= start and last:
        return Part.WHOLE  # it ends before it begins, so it is none
    return Window(start, min(end, size)) if start < size else Part.NONE


def _suffix(length: str, size: int) -> Window | Part:
    if not length:
        return Part.WHOLE
    count = _number(length)
    return Window(max(0, size - count), size) if count else Part.NONE


def _number(digits: str) -> int:
    significant = digits.lstrip("0") or "0"
    return int(significant) if len(significant) <= _DIGITS else 10**_DIGITS
