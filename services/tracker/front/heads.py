"""The head of one request, cut out of what a stranger sent, and read. Pure: bytes in, a verdict out.

Where a request ends is found here, before anything is parsed, so that no parser's opinion decides what the next
request is. llhttp then reads exactly that head, strictly. What is legal but rare is left to the other front end.
"""

import re
from collections.abc import Iterator
from enum import Enum, auto
from typing import Final, NamedTuple

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from services.tracker.hits import Hit
from services.tracker.metrics import Kind

HEAD_BYTES: Final = 8192
"""How long a head may be, all of it."""
HEADERS: Final = 128
"""How many headers it may have; aiohttp allows as many."""
OURS: Final = (b"GET /o/", b"GET /c/", b"HEAD /o/", b"HEAD /c/")
"""How a request starts that may be for this front end."""
_LONGEST: Final = max(map(len, OURS))

HEAD: Final = 1
"""A bit of `Request.form`: the answer has no body."""
CLOSE: Final = 2
"""A bit of `Request.form`: the connection ends with the answer."""
OLD: Final = 4
"""A bit of `Request.form`: HTTP/1.0."""

_END: Final = b"\r\n\r\n"
# A token has no other characters; whatever else stands there is aiohttp's to judge, as is an odd query.
_DOOR: Final = re.compile(
    rb"(GET|HEAD) /(?:o/([\w-]+)\.gif|c/([\w-]+))(?:\?[\w.~!$&'(*,+);=:@/?%-]*)? HTTP/1\.([01])\r\n",
    re.ASCII,
)
_KNOWN_VERSION: Final = re.compile(rb"[^\r\n]* HTTP/1\.[01]\r\n")

# What a hit is made of, and what decides about the connection.
_KEPT: Final = (
    "User-Agent",
    "Accept-Language",
    "Purpose",
    "X-Purpose",
    "X-Moz",
    "Sec-Purpose",
    "Range",
    "traceparent",
    "X-Forwarded-For",
    "Forwarded",
    "Connection",
    "Proxy-Connection",
)
# A head with one of these is legal, but aiohttp's: it answers 100, may decline an upgrade, may unpack.
_RARE: Final = ("Expect", "Upgrade", "Content-Encoding", "Sec-WebSocket-Key1")
# Twice in one head is malformed, as aiohttp holds it.
_SINGLE: Final = (
    "Content-Length",
    "Content-Location",
    "Content-Range",
    "Content-Type",
    "ETag",
    "Host",
    "Max-Forwards",
    "Server",
    "Transfer-Encoding",
    "User-Agent",
)
# Of these, several lines are one list.
_LISTS: Final = frozenset({b"x-forwarded-for", b"forwarded", b"connection", b"proxy-connection"})
_HINTS: Final = frozenset(
    {b"purpose", b"x-purpose", b"x-moz", b"sec-purpose", b"range", b"traceparent"}
)
_ONLY_ONCE: Final = frozenset(name.lower().encode() for name in _SINGLE)
_ASIDE: Final = frozenset(name.lower().encode() for name in _RARE)
_SPECIAL: Final = _ASIDE | {b"connection", b"proxy-connection"}
_LOWER: Final = {
    spelled: name.lower().encode()
    for name in (*_KEPT, *_RARE, *_SINGLE)
    for spelled in (name.encode(), name.lower().encode())
}
# Names that mail programs and browsers send and nobody here reads: not worth a second look.
_UNREAD: Final = dict.fromkeys(
    (
        b"Accept",
        b"Accept-Encoding",
        b"Cache-Control",
        b"Cookie",
        b"DNT",
        b"Pragma",
        b"Referer",
        b"Sec-Fetch-Dest",
        b"Sec-Fetch-Mode",
        b"Sec-Fetch-Site",
        b"If-Modified-Since",
        b"If-None-Match",
        b"accept",
        b"accept-encoding",
        b"cookie",
    ),
    b"",
)
_NAMES: Final = {**_LOWER, **_UNREAD}


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

    def header(self, name: bytes) -> str | None:
        """Return a header as text; bytes that are no UTF-8 survive as halves of surrogate pairs."""
        value = self.headers.get(name)
        return None if value is None else _text(value)

    def lines(self, name: bytes) -> tuple[str, ...]:
        """Return a header that is a list, as its lines."""
        told = self.header(name)
        return () if told is None else (told,)

    def hit(self, network: str | None) -> Hit:
        """Return what it tells of whoever made it."""
        headers = self.headers
        method = "HEAD" if self.form & HEAD else "GET"
        agent = headers.get(b"user-agent")
        language = headers.get(b"accept-language")
        user_agent = None if agent is None else _text(agent)
        accepted = None if language is None else _text(language)
        if _HINTS.isdisjoint(headers):  # as nearly always
            return tuple.__new__(
                Hit, (method, network, user_agent, accepted, None, None, None, None)
            )
        get = self.header
        return Hit(
            method=method,
            network=network,
            user_agent=user_agent,
            language=accepted,
            purpose=get(b"purpose") or get(b"x-purpose") or get(b"x-moz"),
            sec_purpose=get(b"sec-purpose"),
            range=get(b"range"),
            traceparent=get(b"traceparent"),
        )


class HeadReader:
    """Reads heads, for all connections of a process: between two of them nothing is remembered."""

    def __init__(self) -> None:
        self._raw: Final[dict[bytes, bytes]] = {}
        self._open: Final[list[None]] = []
        self._parser = self._fresh()

    def read(self, buffer: bytes, at: int = 0, seen: int = 0) -> Request | Verdict:
        """Read the request that starts there; up to `seen` it was found to be unfinished before.

        Searching is what a byte costs that somebody drips, so nothing is searched twice.
        """
        door = _DOOR.match(buffer, at)
        if door is None:
            return self._other(buffer, at, seen)
        end = buffer.find(_END, max(door.end() - 2, seen - 3), at + HEAD_BYTES)
        if end < 0:
            return _unfinished(buffer, at, seen)
        end += len(_END)
        head = buffer[at:end]
        count = head.count(b"\n") - 2
        if count > HEADERS or not self._parse(head):
            return Verdict.MALFORMED
        raw = self._raw
        headers = _kept(raw) if len(raw) == count else None
        if headers is None:  # a name that comes again, spelled as before or otherwise
            headers = _gathered(head)
            if headers is None:
                return Verdict.MALFORMED
        method, opened, clicked, minor = door.groups()
        old = minor == b"0"
        if not old and b"host" not in headers:
            return Verdict.MALFORMED
        form = (0 if method == b"GET" else HEAD) | (OLD | CLOSE if old else 0)
        if not _SPECIAL.isdisjoint(headers):
            if not _ASIDE.isdisjoint(headers):
                return Verdict.FOREIGN
            form = form & ~CLOSE if _keeps_alive(headers, old) else form | CLOSE
        # llhttp says when a request is complete; one that is not has a body
        body = bool(self._open)
        kind = Kind.OPEN if clicked is None else Kind.CLICK
        token = (opened or clicked).decode("ascii")
        # its own __new__ would cost three times as much
        return tuple.__new__(Request, (kind, token, form, body, end, headers))

    def _other(self, buffer: bytes, at: int, seen: int) -> Verdict:
        """Judge what is not a request for one of the doors, as they are usually written."""
        end = buffer.find(_END, max(at, seen - 3), at + HEAD_BYTES)
        if end < 0:
            return _unfinished(buffer, at, seen)
        if not buffer.startswith(OURS, at):
            return Verdict.FOREIGN
        head = buffer[at : end + len(_END)]
        if head.count(b"\n") - 2 > HEADERS or not self._parse(head):
            return Verdict.MALFORMED
        return Verdict.FOREIGN if _KNOWN_VERSION.match(head) else Verdict.MALFORMED

    def _parse(self, head: bytes) -> bool:
        """Have llhttp read a head into `_raw`; tell whether it is well-formed."""
        try:
            self._feed(head)
        except HttpParserUpgrade:
            self._parser = self._fresh()
        except HttpParserError:
            # Its own fault, or it ended with the request before this one (`Connection: close`, HTTP/1.0).
            self._parser = self._fresh()
            try:
                self._feed(head)
            except HttpParserUpgrade:
                self._parser = self._fresh()
            except HttpParserError:
                self._parser = self._fresh()
                return False
        return True

    def _feed(self, head: bytes) -> None:
        if self._open:
            self._parser = self._fresh()
        self._raw.clear()
        self._open.append(None)
        self._parser.feed_data(head)

    def _fresh(self) -> HttpRequestParser:
        self._open.clear()
        return HttpRequestParser(_Callbacks(self._raw, self._open))


class _Callbacks:
    """What llhttp calls for each header and at a request's end: C functions; Python ones would be half of a hit."""

    def __init__(self, raw: dict[bytes, bytes], still_open: list[None]) -> None:
        self.on_header: Final = raw.setdefault
        self.on_message_complete: Final = still_open.clear


def _text(value: bytes) -> str:
    # llhttp leaves the spaces behind a value
    return value.rstrip(b" \t").decode("utf-8", "surrogateescape")


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


def _kept(raw: dict[bytes, bytes]) -> dict[bytes, bytes] | None:
    """Return the headers that are of use by lower-case name; None if two are spelled differently and are the same."""
    kept = {}
    for name, value in raw.items():
        lower = _NAMES.get(name)
        if lower is None:
            lower = _NAMES.get(name.lower())
        if lower:
            if lower in kept:
                return None
            kept[lower] = value
    return kept


def _gathered(head: bytes) -> dict[bytes, bytes] | None:
    """Return them from a head in which a name comes again: the first counts, lists are joined; None if it may not."""
    kept: dict[bytes, bytes] = {}
    for name, value in _lines(head):
        lower = name.lower()
        if lower not in kept:
            kept[lower] = value
        elif lower in _ONLY_ONCE:
            return None
        elif lower in _LISTS:
            kept[lower] += b", " + value
    return kept


def _lines(head: bytes) -> Iterator[tuple[bytes, bytes]]:
    for line in head.split(b"\r\n")[1:-2]:
        name, _, value = line.partition(b":")
        yield name, value.strip(b" \t")


def _keeps_alive(headers: dict[bytes, bytes], old: bool) -> bool:
    """Tell whether the connection goes on, by its options; to llhttp the two names are one."""
    told = headers.get(b"connection", b"") + b"," + headers.get(b"proxy-connection", b"")
    options = [option.strip(b" \t") for option in told.lower().split(b",")]
    return b"close" not in options and (not old or b"keep-alive" in options)
