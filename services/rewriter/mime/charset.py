"""Charsets: which one a text is in, its characters, and at which bytes these stand. Bytes that are none survive.

What is called ISO-8859-1 or US-ASCII is read as Windows-1252, GB2312 as GB18030, Shift_JIS as Windows-31J
(`charset_names`). A byte that cannot be read is U+FFFD in the text. Nothing but what an edit brings is encoded anew.
"""

import codecs
import re
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from services.rewriter.mime.charset_names import (
    FALLBACK,
    ISO_2022_JP,
    find,
    is_uneditable,
    says_ascii,
)

# How much is decoded at a time: about two milliseconds.
STEP: Final = 256 * 1024
# How much is gone through byte by byte to find an offset.
_BLOCK: Final = 4096
_RUNS: Final = 1_000

_UNIVERSAL: Final = frozenset({"utf-8", "utf-16-le", "utf-16-be"})
_STEPWISE: Final = frozenset({"gb18030", "big5hkscs", "cp932", "euc_jp", "cp949", ISO_2022_JP})
_BOMS: Final = (
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_UTF_32: Final = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_ESCAPED: Final = re.compile("[\ud800-\udfff]")
_DESIGNATION: Final = re.compile(rb"(?:\x1b(?:\([BIJ]|\$[@B]|\$\(D))+")
# Python's decoder gives up on those it does not know.
_STRANGE: Final = re.compile(rb"\x1b(?!\([BIJ]|\$[@B]|\$\(D)")
_SINGLE: Final = (b"(B", b"(J", b"(I")
# What may stand where each character is two bytes.
_PAIRED: Final = bytes(range(0x21, 0x7F))
_LOST: Final = re.compile("[\x1a\x1b\ufffd]")
_ASCII: Final = b"\x1b(B"
_META: Final = re.compile(
    rb"<meta[^>]{0,200}?charset\s{0,20}=\s{0,20}[\"']?\s{0,20}([A-Za-z0-9_:.-]{1,40})", re.I
)
_META_WITHIN: Final = 1024


@dataclass(frozen=True, slots=True)
class Decoded:
    """Text out of bytes. `plain` where each character is one byte; `exact` where each byte was one of the charset."""

    text: str
    codec: str
    plain: bool
    exact: bool


def guessed(raw: bytes) -> str:
    """Decode bytes of which no charset is known: UTF-8 where they are, else Windows-1252."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode(FALLBACK, "replace")


def told(raw: bytes, codec: str) -> str:
    """Decode what a header says to be in a charset: any charset there is, but halves of characters (UTF-7) are none."""
    return _ESCAPED.sub("\N{REPLACEMENT CHARACTER}", raw.decode(codec, "replace"))


def choosing(declared: str | None, data: bytes, *, html: bool) -> Generator[None, None, str | None]:
    """Choose the codec of a text in steps; None where it is in a charset in which nothing can be edited.

    A byte order mark of UTF-16 decides, as in browsers, and one of UTF-8, unless the header speaks against it; else the
    header; else, where it says nothing known, the HTML's own `meta`; else UTF-8 if it is, else Windows-1252.
    """
    if is_uneditable(declared) or data.startswith(_UTF_32):
        return None
    named = find(declared)
    if data.startswith(codecs.BOM_UTF8):
        contradicted = named not in (None, "utf-8") and not says_ascii(declared)
        # Browsers believe the mark, parsers of mail the header.
        return None if contradicted and not data[len(codecs.BOM_UTF8) :].isascii() else "utf-8"
    for mark, codec in _BOMS:
        if data.startswith(mark):
            return codec
    if named is not None and named.startswith("utf-16"):
        return _utf_16(named, data, html)
    if named is None and html and (meta := _META.search(data[:_META_WITHIN])):
        said = meta[1].decode("ascii")
        named = find(said)
        if is_uneditable(said):
            return None
        if named is not None and named.startswith("utf-16"):
            return "utf-8"  # whoever could read the `meta` has no such text
    if named is None or (says_ascii(declared) and not data.isascii()):
        return "utf-8" if (yield from _is_utf8(data)) else FALLBACK
    return named


def decoding(data: bytes, codec: str) -> Generator[None, None, Decoded]:
    """Decode in steps."""
    errors = _errors(codec)
    data = _decodable(data, codec)
    pieces: list[str] = []
    exact = True
    for number, (designation, start, end) in enumerate(_runs(data, codec), 1):
        decoder = codecs.getincrementaldecoder(codec)(errors)
        decoder.decode(designation)
        for at in range(start, end, STEP):
            last = at + STEP >= end and errors != "surrogatepass"
            piece = decoder.decode(data[at : min(at + STEP, end)], last)
            if errors != "replace" and _ESCAPED.search(piece):
                exact = False
                piece = _ESCAPED.sub("\N{REPLACEMENT CHARACTER}", piece)
            pieces.append(piece)
            if end - start > STEP or number % _RUNS == 0:
                yield
    text = "".join(pieces)
    single = codec not in _UNIVERSAL and codec not in _STEPWISE
    return Decoded(text, codec, single or (text.isascii() and len(text) == len(data)), exact)


def is_sure(decoded: Decoded, data: bytes) -> Generator[None, None, bool]:
    """Whether programs agree what a text is, in steps: not where shifts are broken, or go on behind the end of a line.

    Behind those each program goes on in a state of its own.
    """
    if decoded.codec != ISO_2022_JP:
        return True
    for at in range(0, len(decoded.text), STEP):
        if _LOST.search(decoded.text, at, at + STEP):
            return False
        yield
    for number, (designation, start, end) in enumerate(_runs(data, decoded.codec), 1):
        if designation and not designation.endswith(_SINGLE):
            for at in range(start, end, STEP):
                if data[at : min(at + STEP, end)].translate(None, _PAIRED):
                    return False
                yield
        if number % _RUNS == 0:
            yield
    return True


def encode(markup: str, codec: str, *, html: bool) -> bytes:
    """Encode what an edit brings; in HTML as ASCII with references, else what the charset lacks becomes `?`."""
    if codec.startswith("utf-16"):
        return markup.encode(codec, "replace")
    return markup.encode("ascii", "xmlcharrefreplace") if html else markup.encode(codec, "replace")


def offsets(
    decoded: Decoded, data: bytes, edits: Sequence[tuple[int, int]]
) -> Generator[None, None, list[tuple[int, int]]]:
    """Turn offsets into the text into offsets into the bytes; `edits` are in order and do not overlap."""
    if decoded.plain:
        return list(edits)
    wanted = sorted({at for edit in edits for at in edit})
    if decoded.codec in _UNIVERSAL:
        found = yield from _by_length(decoded, data, wanted)
    else:
        found = yield from _by_feeding(decoded.codec, data, wanted)
    if decoded.codec != ISO_2022_JP:
        return [(found[start], found[end]) for start, end in edits]
    after = {at: _after_designations(data, place) for at, place in found.items()}
    return [(after[start] if start == end else found[start], after[end]) for start, end in edits]


def shifted(
    data: bytes, places: Sequence[tuple[int, int, bytes]], codec: str
) -> list[tuple[int, int, bytes]]:
    """Surround what is put into a text of ISO-2022-JP with the designations that lead to ASCII and back."""
    if codec != ISO_2022_JP:
        return list(places)
    made = []
    data = _decodable(data, codec)
    at, held = 0, _ASCII
    for start, end, markup in places:
        before = held = _designated(data, at, start, held)
        after = _designated(data, start, end, held)
        if markup or before != after:
            lead = _ASCII if before != _ASCII and markup else b""
            state = _ASCII if lead else before
            markup = lead + markup + (after if after != state else b"")
        made.append((start, end, markup))
        at, held = end, after
    return made


def _runs(data: bytes, codec: str) -> Iterator[tuple[bytes, int, int]]:
    """Cut a text where a designation makes every decoder begin anew, whatever was broken before; others are one run."""
    at, designation = 0, b""
    for found in _DESIGNATION.finditer(data) if codec == ISO_2022_JP else ():
        yield designation, at, found.start()
        at, designation = found.end(), found[0]
    yield designation, at, len(data)


def _decodable(data: bytes, codec: str) -> bytes:
    return _STRANGE.sub(b"\x1a", data) if codec == ISO_2022_JP else data


def _errors(codec: str) -> str:
    if codec == "utf-8":
        return "surrogateescape"
    return "surrogatepass" if codec in _UNIVERSAL else "replace"


def _utf_16(named: str, data: bytes, html: bool) -> str | None:
    """Say which UTF-16 it is; None for what has no tag of such letters in it, or no line end, so is something else."""
    signs = (b"<\0", b"\0<") if html else (b"\0",)
    if data and not any(one in data for one in signs):
        return None
    return named + _endianness(data) if named == "utf-16" else named


def _endianness(data: bytes) -> str:
    """Guess by where the zero bytes of the first Western characters stand; little-endian where nothing tells."""
    head = data[:128]
    return "-be" if head[0::2].count(0) > head[1::2].count(0) else "-le"


def _is_utf8(data: bytes) -> Generator[None, None, bool]:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for at in range(0, len(data), STEP):
            decoder.decode(data[at : at + STEP])
            yield
        decoder.decode(b"", True)
    except UnicodeDecodeError:
        return False
    return True


def _by_length(
    decoded: Decoded, data: bytes, wanted: Sequence[int]
) -> Generator[None, None, dict[int, int]]:
    """Count how many bytes the characters between two offsets are."""
    codec, errors = decoded.codec, _errors(decoded.codec)
    text = (
        decoded.text
        if decoded.exact
        else data[: len(data) - _rest(data, codec)].decode(codec, errors)
    )
    found: dict[int, int] = {}
    at = place = 0
    for target in wanted:
        while at < target:
            end = min(target, at + STEP)
            place += len(text[at:end].encode(codec, errors))
            at = end
            yield
        found[target] = place
    return found


def _rest(data: bytes, codec: str) -> int:
    """How many bytes at the end are no whole unit."""
    return 0 if codec == "utf-8" else len(data) % 2


def _by_feeding(
    codec: str, data: bytes, wanted: Sequence[int]
) -> Generator[None, None, dict[int, int]]:
    """Feed a decoder block by block, and byte by byte where an offset is near."""
    data = _decodable(data, codec)
    found = {0: 0}
    targets = [one for one in wanted if one > 0]
    count = done = 0
    for number, (designation, start, stop) in enumerate(_runs(data, codec), 1):
        decoder = codecs.getincrementaldecoder(codec)("replace")
        decoder.decode(designation)
        at = start
        while done < len(targets) and at < stop:
            end = min(at + _BLOCK, stop)
            state = decoder.getstate()
            made = len(decoder.decode(data[at:end], end == stop))
            if count + made < targets[done]:
                count, at = count + made, end
            else:
                decoder.setstate(state)
                here = [one - count for one in targets[done:] if one <= count + made]
                places = _fed(decoder, codec, data, (at, end, stop), here)
                found |= {count + one: place for one, place in places.items()}
                done, count, at = done + len(here), count + made, end
            if number % _RUNS == 0 or stop - start > _BLOCK:
                yield
        if done == len(targets):
            break
    return found | {one: len(data) for one in targets[done:]}


def _fed(
    decoder: codecs.IncrementalDecoder,
    codec: str,
    data: bytes,
    span: tuple[int, int, int],
    targets: Sequence[int],
) -> dict[int, int]:
    """Say after which byte of a block each so many characters are complete; the decoder goes on to its end."""
    at, end, stop = span
    found: dict[int, int] = {}
    count = 0
    rest = iter([*targets, None])
    target = next(rest)
    while at < end:
        pending = decoder.getstate()[0]
        made = len(decoder.decode(data[at : at + 1], at + 1 == stop))
        at += 1
        while target is not None and target <= count + made:
            block = pending + data[at - 1 : at]
            found[target] = at - len(block) + _within(codec, block, target - count, made)
            target = next(rest)
        count += made
    return found


def _within(codec: str, block: bytes, target: int, made: int) -> int:
    """After how many bytes of a block that gave several characters at once the first `target` of them are complete."""
    if target == made:
        return len(block)
    for length in range(1, len(block)):
        head, tail = (
            block[:length].decode(codec, "replace"),
            block[length:].decode(codec, "replace"),
        )
        if len(head) == target and len(head) + len(tail) == made:
            return length
    return len(block)


def _after_designations(data: bytes, at: int) -> int:
    found = _DESIGNATION.match(data, at)
    return found.end() if found else at


def _designated(data: bytes, start: int, end: int, held: bytes) -> bytes:
    """What is designated at `end`, if `held` is at `start`."""
    found = data.rfind(b"\x1b", start, end)
    if found < 0:
        return held
    designation = _DESIGNATION.match(data, found, end)
    return designation[0] if designation else held
