"""The head of one request, cut out of what a stranger sent, and read. Pure: bytes in, a verdict out.

Where a request ends is found here, before anything is parsed, so that no parser's opinion decides what the next
request is. llhttp then reads exactly that head, strictly. What is legal but rare is left to the other front end.
"""

import re
from enum import Enum, auto
from typing import Final, NamedTuple

from services.tracker.front.blocks import (
    CLOSE,
    HEAD,
    HEADERS,
    OLD,
    BlockReader,
    Told,
    text_of,
)
from services.tracker.hits import Hit
from services.tracker.metrics import Kind

HEAD_BYTES: Final = 8192
"""How long a head may be, all of it."""
OURS: Final = (b"GET /o/", b"GET /c/", b"HEAD /o/", b"HEAD /c/")
"""How a request starts that may be for this front end."""
_LONGEST: Final = max(map(len, OURS))

_END: Final = b"\r\n\r\n"
# A token has no other characters; whatever else stands there is aiohttp's to judge, as is an odd query.
_DOOR: Final = re.compile(
    rb"(GET|HEAD) /(?:o/([\w-]+)\.gif|c/([\w-]+))(?:\?[\w.~!$&'(*,+);=:@/?%-]*)? HTTP/1\.([01])\r\n",
    re.ASCII,
)
_KNOWN_VERSION: Final = re.compile(rb"[^\r\n]* HTTP/1\.[01]\r\n")
# Looking a member up in its class costs as much as a call.
_OPEN, _CLICK = Kind.OPEN, Kind.CLICK


class Verdict(Enum):
    """What is to become of bytes that are not, or not yet, a request for this front end."""

    UNFINISHED = auto()
    """More has to come."""
    MALFORMED = auto()
    """No request: 400, and an end of the connection."""
    FOREIGN = auto()
    """For the other front end, from these bytes on."""


class Request(NamedTuple):
    """A request for a door of this front end."""

    kind: Kind
    token: str
    form: int
    """HEAD, CLOSE and OLD, combined: everything about the answer that is not the answer itself."""
    body: bool
    """Whether it announces a body."""
    end: int
    """Where it ends in the buffer."""
    headers: dict[bytes, bytes]
    """By lower-case name, those that are of use."""
    told: Told
    """What they tell of whoever made it."""

    def lines(self, name: bytes) -> tuple[str, ...]:
        """Return a header that is a list, as its lines."""
        value = self.headers.get(name)
        return () if value is None else (text_of(value),)

    def hit(self, network: str | None) -> Hit:
        """Return what it tells of whoever made it, from that network."""
        method = "HEAD" if self.form & HEAD else "GET"
        return tuple.__new__(Hit, (method, network, *self.told))


class HeadReader:
    """Reads heads, for all connections of a process."""

    def __init__(self) -> None:
        self._blocks: Final = BlockReader()
        self._known: Final = self._blocks.known

    def read(self, buffer: bytes, at: int = 0, seen: int = 0) -> Request | Verdict:
        """Read the request that starts there; up to `seen` it was found to be unfinished before.

        Searching is what a byte costs that somebody drips, so nothing is searched twice.
        """
        door = _DOOR.match(buffer, at)
        if door is None:
            return self._other(buffer, at, seen)
        start = door.end() - 2
        end = buffer.find(_END, max(start, seen - 3), at + HEAD_BYTES)
        if end < 0:
            return _unfinished(buffer, at, seen)
        method, opened, clicked, minor = door.groups()
        form = (0 if method == b"GET" else HEAD) | (0 if minor == b"1" else OLD | CLOSE)
        lines = buffer[start:end]
        end += len(_END)
        block = self._known[form].get(lines) or self._blocks.read(buffer[at:end], lines, form)
        if block is None:
            return Verdict.MALFORMED
        form, body, rare, headers, told = block
        if rare:
            return Verdict.FOREIGN
        kind, token = (_OPEN, opened) if clicked is None else (_CLICK, clicked)
        # its own __new__ would cost three times as much
        return tuple.__new__(Request, (kind, token.decode("ascii"), form, body, end, headers, told))

    def _other(self, buffer: bytes, at: int, seen: int) -> Verdict:
        """Judge what is not a request for one of the doors, as they are usually written."""
        end = buffer.find(_END, max(at, seen - 3), at + HEAD_BYTES)
        if end < 0:
            return _unfinished(buffer, at, seen)
        if not buffer.startswith(OURS, at):
            return Verdict.FOREIGN
        head = buffer[at : end + len(_END)]
        if head.count(b"\n") - 2 > HEADERS or not self._blocks.parses(head):
            return Verdict.MALFORMED
        return Verdict.FOREIGN if _KNOWN_VERSION.match(head) else Verdict.MALFORMED


def _unfinished(buffer: bytes, at: int, seen: int) -> Verdict:
    held = len(buffer) - at
    if not buffer.startswith(OURS, at):
        begun = buffer[at : at + _LONGEST]
        return (
            Verdict.UNFINISHED
            if any(start.startswith(begun) for start in OURS)
            else Verdict.FOREIGN
        )
    if held >= HEAD_BYTES or _is_hopeless(buffer, max(at, seen)):
        return Verdict.MALFORMED
    return Verdict.UNFINISHED


def _is_hopeless(buffer: bytes, at: int) -> bool:
    """Tell whether a bare LF, a bare CR or NUL stands there or behind; what is before is known to be none of them."""
    at -= buffer.endswith(b"\r", 0, at)
    lines = buffer.count(b"\r\n", at)
    returns = buffer.count(b"\r", at) - buffer.endswith(b"\r", at)
    return buffer.count(b"\n", at) != lines or returns != lines or buffer.find(0, at) >= 0
