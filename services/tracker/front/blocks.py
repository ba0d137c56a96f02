"""What a head says below its first line: its headers, read by llhttp, strictly, and what follows from them.

Mail programs and picture proxies send the same lines over and over, so the last blocks of lines are remembered, as far
as they say nothing of one person. A block means the same whichever door it asks for.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

HEADERS: Final = 128
"""How many headers a head may have; aiohttp allows as many."""

HEAD: Final = 1
"""A bit of a form: the answer has no body."""
CLOSE: Final = 2
"""A bit of a form: the connection ends with the answer."""
OLD: Final = 4
"""A bit of a form: HTTP/1.0."""

MEMORY: Final = 1024
"""So many blocks are remembered of each form; strangers decide how many there are."""
_REMEMBERED_BYTES: Final = 1024
_FORMS: Final = (HEAD | CLOSE | OLD) + 1

Told = tuple[str | None, str | None, str | None, str | None, str | None, str | None]
"""What a hit is made of beside its method and network, in the order of `hits.Hit`."""


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


# What may be remembered: no address, no cookie, nothing that tells one request from all others of a program.
_COMMON: Final = frozenset(
    name.encode()
    for name in (
        *("host", "user-agent", "accept", "accept-encoding", "accept-language", "connection"),
        *("cache-control", "pragma", "dnt", "sec-gpc", "priority", "upgrade-insecure-requests"),
        *("sec-fetch-dest", "sec-fetch-mode", "sec-fetch-site", "sec-fetch-user"),
        *("sec-ch-ua", "sec-ch-ua-mobile", "sec-ch-ua-platform"),
        *("purpose", "x-purpose", "x-moz", "sec-purpose", "range"),
    )
)


class Block(NamedTuple):
    """The headers of one head."""

    form: int
    """The form asked with, and CLOSE as they say it."""
    body: bool
    """Whether they announce a body."""
    rare: bool
    """Whether they are legal and not for the small front end."""
    headers: dict[bytes, bytes]
    """By lower-case name, those that are of use."""
    told: Told


class BlockReader:
    """Reads blocks, for all connections of a process; what it remembers changes nothing but the time it takes."""

    def __init__(self) -> None:
        self.known: Final[tuple[dict[bytes, Block], ...]] = tuple({} for _ in range(_FORMS))
        """Blocks read before, by the form asked for and by their lines, which begin with the first line's end."""
        self._raw: Final[dict[bytes, bytes]] = {}
        self._open: Final[list[None]] = []
        self._parser = self._fresh()

    def read(self, head: bytes, lines: bytes, form: int) -> Block | None:
        """Read the lines with which a whole head ends, asked for in that form; None if it is malformed."""
        count = head.count(b"\n") - 2
        if count > HEADERS or not self.parses(head):
            return None
        raw = self._raw
        headers = _kept(raw) if len(raw) == count else None
        if headers is None:  # a name that comes again, spelled as before or otherwise
            headers = _gathered(head)
            if headers is None:
                return None
        old = bool(form & OLD)
        if not old and b"host" not in headers:
            return None
        asked = form
        if not _SPECIAL.isdisjoint(headers):
            form = form & ~CLOSE if _keeps_alive(headers, old) else form | CLOSE
        # llhttp says when a request is complete; one that is not has a body
        body = bool(self._open)
        rare = not _ASIDE.isdisjoint(headers)
        block = Block(form, body, rare, headers, _told(headers))
        if not body and not rare:
            self._remember(lines, asked, block)
        return block

    def parses(self, head: bytes) -> bool:
        """Have llhttp read a head; tell whether it is well-formed."""
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

    def _remember(self, lines: bytes, form: int, block: Block) -> None:
        if len(lines) > _REMEMBERED_BYTES:
            return
        if not all(name.lower() in _COMMON for name in self._raw):
            return
        known = self.known[form]
        if len(known) >= MEMORY:
            del known[next(iter(known))]  # the oldest; whoever comes often is soon back
        known[lines] = block

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


def text_of(value: bytes) -> str:
    """Return a header as text; bytes that are no UTF-8 survive as halves of surrogate pairs."""
    # llhttp leaves the spaces behind a value
    return value.rstrip(b" \t").decode("utf-8", "surrogateescape")


def _told(headers: dict[bytes, bytes]) -> Told:
    def get(name: bytes) -> str | None:
        value = headers.get(name)
        return None if value is None else text_of(value)

    return (
        get(b"user-agent"),
        get(b"accept-language"),
        get(b"purpose") or get(b"x-purpose") or get(b"x-moz"),
        get(b"sec-purpose"),
        get(b"range"),
        get(b"traceparent"),
    )


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
