"""Edit quoted-printable in place: what is put in is encoded and wrapped, what stands around stays byte for byte.

A line is broken only where an edit touches it (a soft break is no character of the text), so that none grows past 76
characters that was not longer before.
"""

import re
from collections.abc import Generator, Iterator, Sequence
from typing import Final

from services.rewriter.mime.fields import Replacement

LINE: Final = 76
# A line may be longer by mistake, but with the equals sign of a soft break no longer than any line.
_MOST: Final = 998
_EDITS: Final = 500
# How much of one line is encoded at a time.
_STEP: Final = 16 * 1024
_SPECIAL: Final = re.compile(rb"[^\t -<>-~]+")
_LINES: Final = re.compile(rb"\r?\n")
_UNSEEN: Final = re.compile(rb"[ \t]*+(?:\r?\n|\Z)")
_HEXADECIMAL: Final = b"0123456789ABCDEFabcdef"
_BLANK: Final = (b" ", b"\t")
# What a line must not begin with: a boundary, an mbox separator, the end of an SMTP message.
_BEGINNINGS: Final = {b"-": b"=2D", b"F": b"=46", b".": b"=2E"}


def splicing(
    raw: bytes, start: int, end: int, places: Sequence[Replacement], line_end: bytes
) -> Generator[None, None, list[Replacement] | None]:
    """Encode in steps what is put into `raw[start:end]`; None where that would change how the bytes beside are read."""
    made: list[Replacement] = []
    column, at, written = 0, start, b""
    for index, (first, last, markup) in enumerate(places):
        if index % _EDITS == _EDITS - 1:
            yield
        broken = raw.rfind(b"\n", at, first)
        column = first - broken - 1 if broken >= 0 else column + first - at
        if _dangles(raw, start, first) or column >= _MOST:
            return None
        following = places[index + 1][0] if index + 1 < len(places) else end
        rest = _rest(raw, last, following)
        unseen = _UNSEEN.match(raw, last, end) is not None
        if first > at:
            written = raw[first - 1 : first]
        blank_before = written in _BLANK
        text = b""
        if blank_before and (markup.startswith((b"\n", b"\r\n")) or (not markup and unseen)):
            text, column = b"=" + line_end, 0
        wrapped, column = wrap(markup, column, line_end, ends_line=unseen)
        text += wrapped
        # An equals sign must fit behind what stands between two edits of one line.
        goes_on = index + 1 < len(places) and raw.find(b"\n", last, following) < 0
        room = LINE - goes_on
        if column and column + rest > room and (rest or not unseen):
            if raw.startswith(b"-", last):
                return None
            text, column = text + b"=" + line_end, 0
        written = text[-1:] or written
        made.append((first, last, text))
        at = last
    return made


def encode(data: bytes, line_end: bytes) -> Iterator[bytes]:
    """Encode a whole text piece by piece; its own line ends stay."""
    at = column = 0
    while at < len(data):
        found = _LINES.search(data, at, at + _STEP + 1)
        stop = found.start() if found else min(at + _STEP, len(data))
        ends_line = found is not None or stop == len(data)
        wrapped, column = wrap(data[at:stop], column, line_end, ends_line=ends_line)
        yield wrapped + (found[0] if found else b"")
        at, column = (found.end(), 0) if found else (stop, column)


def wrap(text: bytes, column: int, line_end: bytes, *, ends_line: bool) -> tuple[bytes, int]:
    """Encode and break a text that begins at a column; return it and the column at which it ends."""
    pieces: list[bytes] = []
    at = 0
    for found in [*_LINES.finditer(text), None]:
        stop = len(text) if found is None else found.start()
        line = text[at:stop]
        encoded = _SPECIAL.sub(_escaped, line)
        if encoded[-1:] in _BLANK and (ends_line or found is not None):
            encoded = encoded[:-1] + b"=%02X" % encoded[-1]
        column = _break(encoded, column, line_end, pieces)
        if found is not None:
            pieces.append(found[0])
            at, column = found.end(), 0
    return b"".join(pieces), column


def _escaped(found: re.Match[bytes]) -> bytes:
    return f"={found[0].hex('=').upper()}".encode("ascii")


def _break(encoded: bytes, column: int, line_end: bytes, pieces: list[bytes]) -> int:
    """Add one encoded line in pieces that fit; return the column behind it."""
    at = 0
    while at < len(encoded):
        if column == 0 and (escape := _BEGINNINGS.get(encoded[at : at + 1])):
            pieces.append(escape)
            at, column = at + 1, 3
            continue
        stop = min(len(encoded), at + max(0, LINE - 1 - column))
        if stop < len(encoded):
            stop -= next(
                (back for back in (1, 2) if encoded[stop - back : stop - back + 1] == b"="), 0
            )
        stop = max(stop, at)
        pieces.append(encoded[at:stop])
        column += stop - at
        at = stop
        if at < len(encoded):
            pieces.append(b"=" + line_end)
            column = 0
    return column


def _rest(raw: bytes, at: int, following: int) -> int:
    """How many characters follow on the line, up to its end or to the next edit."""
    found = raw.find(b"\n", at, following)
    if found < 0:
        return following - at
    return found - at - (raw[found - 1 : found] == b"\r" and found > at)


def _dangles(raw: bytes, start: int, at: int) -> bool:
    """Whether an equals sign that begins nothing stands right before, which what follows could complete."""
    return (at > start and raw[at - 1] == 0x3D) or (
        at > start + 1 and raw[at - 2] == 0x3D and raw[at - 1] in _HEXADECIMAL
    )
