"""Transfer encodings: bytes out of what was sent, and back to where they stood. Never an exception.

Quoted-printable is read as RFC 2045 §6.7 says it should be by a robust reader: lower-case digits count, white space at
the end of a line does not, an equals sign that begins nothing stands for itself. Base64 ends at its padding, and what
is not of its alphabet is passed over.
"""

import binascii
import re
from bisect import bisect_right
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

IDENTITIES: Final = frozenset({"", "7bit", "8bit", "binary"})
QUOTED: Final = "quoted-printable"
BASE64: Final = "base64"
_UNREADABLE: Final = re.compile(
    r"(?:x-)?(?:uuencode|uue|yenc|gzip.*)|.*(?:base64|quoted-printable).*", re.DOTALL
)

# How much is decoded at a time.
_STEP: Final = 64 * 1024
# A run between two places at which quoted-printable may be cut without harm.
_QUOTED_STEP: Final = 32 * 1024
_OUTSIDE_BUT_PADDING: Final = bytes(
    set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")
)
_DANGLING: Final = re.compile(rb"=(?![0-9A-Fa-f]{2}|[ \t]*+(?:\r?\n|\Z))")
_UNSEEN: Final = re.compile(rb"=[ \t]*+(?:\r?\n|\Z)|(?<![ \t])[ \t]++(?=\r?\n|\Z)")
_AT_THE_END: Final = b"= \t\r\n"
_MORE_PADDING: Final = re.compile(rb"\s*+=")
# Behind each of these a text may be cut: nothing that follows changes what stands before.
_CUT: Final = re.compile(rb"\n|[^=\s]{3}|=[^=\s]{0,2}(?==)|[ \t](?=\S)")
_BLANKS: Final = (b" ", b"\t")
_BLANKS_BEFORE_AN_END: Final = (b" \n", b" \r\n", b"\t\n", b"\t\r\n")
_STANDS_FOR_ITSELF: Final = b"x"
_TOKEN: Final = re.compile(
    rb"[^=\r\n]{0,4096}[^=\s]|[\r\n]{1,4096}+|=[0-9A-Fa-f]{2}|=[ \t]*+(?:\r?\n|\Z)"
    rb"|[ \t]++|={1,4096}(?==)|[^ \t]",
)
_ENDS_LINE: Final = re.compile(rb"\r?\n|\Z")


@dataclass(frozen=True, slots=True)
class Source:
    """Decoded bytes, and for every stretch of them where it stands: `data[marks[i][0]]` begins at `raw[marks[i][1]]`.

    In base64 there are no marks, and `end` is where it ends. It is not `sound` where anything but blanks follows, or
    padding, one of `-_` or what is not ASCII stands before: some programs stop there, some go on, some see letters.
    """

    data: bytes
    encoding: str
    start: int
    end: int
    marks: tuple[tuple[int, int], ...] = ()
    sound: bool = True


def readable(encoding: str) -> bool:
    """Whether programs agree how a body is encoded: what nobody knows is no encoding, what is nearly one is not."""
    return encoding in (QUOTED, BASE64) or not _UNREADABLE.fullmatch(encoding)


def decoding(raw: bytes, start: int, end: int, encoding: str) -> Generator[None, None, Source]:
    """Decode in steps; an encoding that nobody knows is none."""
    if encoding == BASE64:
        pieces = []
        for piece in _base64(raw, start, end):
            pieces.append(piece)
            yield
        stop = yield from _base64_end(raw, start, end)
        sound = yield from _reads_alike(raw, start, end)
        return Source(b"".join(pieces), BASE64, start, stop, sound=sound)
    if encoding != QUOTED:
        return Source(raw[start:end], "", start, end, ((0, start),))
    pieces, marks, length, at = [], [], 0, start
    for stop in _quoted_cuts(raw, start, end):
        piece = _quoted(raw, at, stop, end)
        pieces.append(piece)
        marks.append((length, at))
        length, at = length + len(piece), stop
        yield
    return Source(b"".join(pieces), QUOTED, start, end, tuple(marks))


def chunks(raw: bytes, start: int, end: int, encoding: str) -> Iterator[bytes]:
    """Decode piece by piece."""
    if encoding == BASE64:
        yield from _base64(raw, start, end)
    elif encoding == QUOTED:
        at = start
        for stop in _quoted_cuts(raw, start, end):
            yield _quoted(raw, at, stop, end)
            at = stop
    else:
        for at in range(start, end, _STEP):
            yield raw[at : min(at + _STEP, end)]


def measuring(raw: bytes, start: int, end: int, encoding: str) -> Generator[None, None, int]:
    """Count the decoded bytes in steps, without keeping them."""
    if encoding != QUOTED and encoding != BASE64:
        return end - start
    size = 0
    for piece in chunks(raw, start, end, encoding):
        size += len(piece)
        yield
    return size


def places(
    raw: bytes, source: Source, wanted: Sequence[int]
) -> Generator[None, None, dict[int, int]]:
    """Say for offsets into the decoded bytes, in order, where the byte before ends in the raw ones. Not for base64."""
    if source.encoding != QUOTED:
        return {at: source.start + at for at in wanted}
    found: dict[int, int] = {}
    starts = [decoded for decoded, _ in source.marks]
    index = 0
    while index < len(wanted):
        # The stretch in which the byte before stands: what is unseen after it comes behind.
        mark = max(0, bisect_right(starts, max(0, wanted[index] - 1)) - 1) if starts else -1
        if mark < 0 or wanted[index] == 0:
            found[wanted[index]] = source.start
            index += 1
            continue
        last = starts[mark + 1] if mark + 1 < len(starts) else len(source.data)
        here = []
        while index < len(wanted) and wanted[index] <= last:
            here.append(wanted[index])
            index += 1
        _places_within(raw, source.marks[mark], source.end, here, found)
        yield
    return found


def _places_within(
    raw: bytes, mark: tuple[int, int], end: int, wanted: Sequence[int], found: dict[int, int]
) -> None:
    count, at = mark
    next_one = iter(wanted)
    target = next(next_one, None)
    while target is not None and (token := _TOKEN.match(raw, at, end)):
        length, literal = _decoded_length(raw, token, end)
        while target is not None and target <= count + length:
            found[target] = at + (target - count) if literal else token.end()
            target = next(next_one, None)
        count, at = count + length, token.end()
    while target is not None:
        found[target] = end
        target = next(next_one, None)


def _decoded_length(raw: bytes, token: "re.Match[bytes]", end: int) -> tuple[int, bool]:
    """How many bytes a token stands for, and whether each for itself."""
    size = token.end() - token.start()
    match token[0][:1]:
        case b"=" if raw[token.end() - 1] == 0x3D:
            return (size if token.end() < end else 0), True  # at the very end it is a soft break
        case b"=":
            return int(size == 3 and token[0][1:].isalnum()), False
        case b" " | b"\t" if raw[token.end() - 1] in b" \t" and _ENDS_LINE.match(
            raw, token.end(), end
        ):
            return 0, True
        case _:
            return size, True


def _quoted(raw: bytes, at: int, stop: int, end: int) -> bytes:
    if stop < end:  # what seems to be the end of the text is not
        return _unquoted(raw[at:stop] + _STANDS_FOR_ITSELF)[:-1]
    return _unquoted(raw[at:stop])


def _unquoted(piece: bytes) -> bytes:
    if b"=" in piece:
        piece = _DANGLING.sub(b"=3D", piece)
    # Mostly no line ends in a blank, and then the soft breaks are such as anybody reads.
    if piece.endswith(_BLANKS) or any(blank in piece for blank in _BLANKS_BEFORE_AN_END):
        piece = _UNSEEN.sub(b"", piece)
    return binascii.a2b_qp(piece)


def _quoted_cuts(raw: bytes, start: int, end: int) -> Iterator[int]:
    at = start
    while at < end:
        if end - at <= _QUOTED_STEP:
            yield end
            return
        cut = _CUT.search(raw, at + _QUOTED_STEP, end)
        at = cut.end() if cut else end
        yield at


def _base64(raw: bytes, start: int, end: int) -> Iterator[bytes]:
    carried = b""
    for at in range(start, end, _STEP):
        letters = carried + raw[at : min(at + _STEP, end)].translate(None, _OUTSIDE_BUT_PADDING)
        padding, _ = _padding(letters)
        if padding >= 0:
            yield _last(letters[:padding].replace(b"=", b""))
            return
        # What may yet turn out to be padding waits for what follows; more than two equals signs say no more than two.
        bare = letters.rstrip(b"=")
        sure = bare.replace(b"=", b"")
        whole = len(sure) - len(sure) % 4
        yield binascii.a2b_base64(sure[:whole])
        carried = sure[whole:] + b"=" * min(2, len(letters) - len(bare))
    yield _last(carried.replace(b"=", b""))


def _padding(letters: bytes) -> tuple[int, int]:
    """Where the padding begins that ends base64, and how many equals signs stand before; -1 where none does."""
    before, at = 0, letters.find(b"=")
    while at >= 0:
        missing = -(at - before) % 4
        if missing == 1 or (missing == 2 and letters[at + 1 : at + 2] == b"="):
            return at, before
        before, at = before + 1, letters.find(b"=", at + 1)
    return -1, before


def _last(letters: bytes) -> bytes:
    """Decode the end, whose last group may be short, or a single letter that means nothing."""
    return binascii.a2b_base64(letters[: len(letters) - (len(letters) % 4 == 1)] + b"===")


def _reads_alike(raw: bytes, start: int, stop: int) -> Generator[None, None, bool]:
    padded = False
    for at in range(start, stop, _STEP):
        piece = raw[at : min(at + _STEP, stop)]
        letters = piece.rstrip(_AT_THE_END)
        odd = not letters.isascii() or any(one in letters for one in (b"=", b"-", b"_"))
        if letters and (padded or odd):
            return False
        padded = padded or piece.find(b"=", len(letters)) >= 0
        yield
    return True


def _base64_end(raw: bytes, start: int, end: int) -> Generator[None, None, int]:
    """Say in steps where base64 ends: after its padding, or after the last letter where it has none."""
    carried = b""
    for at in range(start, end, _STEP):
        stop = min(at + _STEP, end)
        letters = carried + raw[at:stop].translate(None, _OUTSIDE_BUT_PADDING)
        padding, before = _padding(letters)
        if padding >= 0:
            return _padding_end(raw, at, end, before - carried.count(b"="))
        bare = letters.rstrip(b"=")
        sure = bare.replace(b"=", b"")
        carried = sure[len(sure) - len(sure) % 4 :] + b"=" * min(2, len(letters) - len(bare))
        yield
    return start + len(raw[start:end].rstrip())


def _padding_end(raw: bytes, at: int, end: int, before: int) -> int:
    """Where the padding ends that begins after so many equals signs (fewer than none: in what stood before)."""
    found = at
    for _ in range(before + 1):
        found = raw.find(b"=", found, end) + 1
    while more := _MORE_PADDING.match(raw, found, end):
        found = more.end()
    return found
