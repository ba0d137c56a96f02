"""Charsets: which one a text is in, its characters, and at which bytes these stand. Bytes that are none survive.

Names and what they mean are those of the WHATWG's Encoding Standard, as mail programs show mail: what is called
ISO-8859-1 or US-ASCII is read as Windows-1252, GB2312 as GB18030, Shift_JIS as Windows-31J. A byte that cannot be read
is U+FFFD in the text. Nothing is ever encoded anew but what an edit brings.
"""

import codecs
import re
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

# How much is decoded at a time: about two milliseconds.
STEP: Final = 256 * 1024
# How much is gone through byte by byte to find an offset.
_BLOCK: Final = 4096
_RUNS: Final = 1_000
FALLBACK: Final = "cp1252"
_ISO_2022_JP: Final = "iso2022_jp_ext"

_ALIASES: Final = {
    "utf-8": "utf8 unicode11utf8 unicode20utf8 xunicode20utf8 utf8mb4 cp65001",
    FALLBACK: "usascii ascii ansix341968 iso646us iso88591 iso885911987 isoir100 latin1 l1 ibm819 cp819 csisolatin1 "
    "windows1252 cp1252 xcp1252 windows12521252 ansi",
    "iso8859_2": "iso88592 iso885921987 isoir101 latin2 l2 csisolatin2",
    "iso8859_3": "iso88593 iso885931988 isoir109 latin3 l3 csisolatin3",
    "iso8859_4": "iso88594 iso885941988 isoir110 latin4 l4 csisolatin4",
    "iso8859_5": "iso88595 iso885951988 isoir144 cyrillic csisolatincyrillic",
    "iso8859_6": "iso88596 iso885961987 isoir127 arabic csisolatinarabic iso88596e iso88596i",
    "iso8859_7": "iso88597 iso885971987 isoir126 greek greek8 csisolatingreek suneugreek",
    "iso8859_8": "iso88598 iso885981988 isoir138 hebrew csisolatinhebrew iso88598e iso88598i logical visual",
    "cp1254": "iso88599 iso885991989 isoir148 latin5 l5 csisolatin5 windows1254 cp1254 xcp1254",
    "iso8859_10": "iso885910 isoir157 latin6 l6 csisolatin6",
    "cp874": "iso885911 tis620 windows874 dos874 cp874",
    "iso8859_13": "iso885913",
    "iso8859_14": "iso885914",
    "iso8859_15": "iso885915 latin9 l9 csisolatin9",
    "iso8859_16": "iso885916",
    "cp1250": "windows1250 cp1250 xcp1250",
    "cp1251": "windows1251 cp1251 xcp1251",
    "cp1253": "windows1253 cp1253 xcp1253",
    "cp1255": "windows1255 cp1255 xcp1255",
    "cp1256": "windows1256 cp1256 xcp1256",
    "cp1257": "windows1257 cp1257 xcp1257",
    "cp1258": "windows1258 cp1258 xcp1258",
    "koi8_r": "koi8r koi8 koi cskoi8r",
    "koi8_u": "koi8u koi8ru",
    "cp866": "ibm866 866 cp866 csibm866",
    "cp437": "ibm437 437 cp437",
    "cp850": "ibm850 850 cp850",
    "cp852": "ibm852 852 cp852",
    "mac_roman": "macintosh mac xmacroman csmacintosh",
    "mac_cyrillic": "xmaccyrillic xmacukrainian",
    "gb18030": "gb18030 gbk xgbk cp936 windows936 gb2312 csgb2312 gb231280 csiso58gb231280 isoir58 chinese euccn",
    "big5hkscs": "big5 big5hkscs cnbig5 csbig5 xxbig5 cp950 big5eten",
    "cp932": "shiftjis sjis xsjis shiftjisms ms932 mskanji windows31j csshiftjis cp932",
    "euc_jp": "eucjp xeucjp cseucpkdfmtjapanese",
    "cp949": "euckr cseuckr ksc5601 ksc56011987 ksc56011989 ksc56011987korean isoir149 korean windows949 cp949 uhc",
    _ISO_2022_JP: "iso2022jp csiso2022jp iso2022jp1 iso2022jp2 iso2022jpms cp50220 cp50221",
    "utf-16": "utf16 csunicode iso10646ucs2 ucs2 unicode",
    "utf-16-le": "utf16le unicodefeff",
    "utf-16-be": "utf16be unicodefffe",
    # No browser reads the first; in the others an ASCII byte may be part of something else. Nothing in them is edited.
    "utf-32": "utf32 utf32le utf32be",
    "utf-7": "utf7 unicode11utf7 csunicode11utf7",
    "hz": "hz hzgb2312",
    "iso2022_kr": "iso2022kr csiso2022kr",
}
_CODECS: Final = {alias: name for name, aliases in _ALIASES.items() for alias in aliases.split()}
_UNEDITABLE: Final = frozenset({"utf-32", "utf-7", "hz", "iso2022_kr"})
_UNIVERSAL: Final = frozenset({"utf-8", "utf-16-le", "utf-16-be"})
_STEPWISE: Final = frozenset({"gb18030", "big5hkscs", "cp932", "euc_jp", "cp949", _ISO_2022_JP})
_BOMS: Final = (
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_NO_ALNUM: Final = re.compile(r"[^a-z0-9]+")
_ESCAPED: Final = re.compile("[\ud800-\udfff]")
_DESIGNATION: Final = re.compile(rb"(?:\x1b(?:\([BIJ]|\$[@B]|\$\(D))+")
# Python's decoder gives up on those it does not know.
_STRANGE: Final = re.compile(rb"\x1b(?!\([BIJ]|\$[@B]|\$\(D)")
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


def find(name: str | None) -> str | None:
    """Return Python's name of the charset so called, or None. (Python's own look-up would keep every unknown name.)"""
    return None if name is None else _CODECS.get(_NO_ALNUM.sub("", name[:80].lower()))


def guessed(raw: bytes) -> str:
    """Decode bytes of which no charset is known: UTF-8 where they are, else Windows-1252."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode(FALLBACK, "replace")


def choosing(declared: str | None, data: bytes, *, html: bool) -> Generator[None, None, str | None]:
    """Choose the codec of a text in steps; None where it is in a charset in which nothing can be edited.

    A byte order mark of UTF-16 decides, as in browsers; else the header; else, where it says nothing known,
    the HTML's own `meta`; else UTF-8 if it is, else Windows-1252.
    """
    for mark, codec in _BOMS:
        if data.startswith(mark):
            return codec
    named = find(declared)
    if named is None and html and (meta := _META.search(data[:_META_WITHIN])):
        named = find(meta[1].decode("ascii"))
        if named is not None and named.startswith("utf-16"):
            named = "utf-8"  # whoever could read the `meta` has no such text
    if named in _UNEDITABLE:
        return None
    if named == "utf-16":
        return named + _endianness(data)
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


def says_ascii(declared: str | None) -> bool:
    """Whether a text is said to be ASCII, or nothing is said, which means the same (RFC 2045 §5.2)."""
    return declared is None or (find(declared) == FALLBACK and "ascii" in declared.lower())


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
    if decoded.codec != _ISO_2022_JP:
        return [(found[start], found[end]) for start, end in edits]
    after = {at: _after_designations(data, place) for at, place in found.items()}
    return [(after[start] if start == end else found[start], after[end]) for start, end in edits]


def shifted(
    data: bytes, places: Sequence[tuple[int, int, bytes]], codec: str
) -> list[tuple[int, int, bytes]]:
    """Surround what is put into a text of ISO-2022-JP with the designations that lead to ASCII and back."""
    if codec != _ISO_2022_JP:
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
    for found in _DESIGNATION.finditer(data) if codec == _ISO_2022_JP else ():
        yield designation, at, found.start()
        at, designation = found.end(), found[0]
    yield designation, at, len(data)


def _decodable(data: bytes, codec: str) -> bytes:
    return _STRANGE.sub(b"\x1a", data) if codec == _ISO_2022_JP else data


def _errors(codec: str) -> str:
    if codec == "utf-8":
        return "surrogateescape"
    return "surrogatepass" if codec in _UNIVERSAL else "replace"


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
