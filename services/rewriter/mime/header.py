"""Header fields of a mail or of a part: where each stands, and what it says. Never an exception, always linear."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from services.rewriter.mime import charset, charset_names, words

# A header with more fields is not sound.
MAX_FIELDS: Final = 2_000
# A field that is longer, is none either. So much is searched at a time.
_PIECE: Final = 256 * 1024
_BLANK_LINES: Final = ((b"\n\n", 2), (b"\n\r\n", 3))
# What is read of one structured value; only hostile ones are longer.
_VALUE_CHARACTERS: Final = 8_192
_END: Final = re.compile(rb"\n(?![ \t])")
_NAME: Final = re.compile(rb"([!-9;-~]++):")
_FOLD: Final = re.compile(r"\r?\n(?=[ \t])")
# `name=value` after a `;`. Each alternative takes what there is, so that nothing is tried twice. In all of these only
# the blanks of ASCII are such: others come from bytes that some programs take for letters of the word beside.
_PARAMETER: Final = re.compile(
    r';\s*+([^;=\s"]*+)\s*+=\s*+(?:"((?:[^"\\]++|\\.|\\\Z)*)(?:"|\Z)|([^;]*+))',
    re.DOTALL | re.ASCII,
)
_ENDED: Final = re.compile(r"\s*+(?:[;(]|\Z)", re.ASCII)
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]++")
_MEDIA: Final = re.compile(rf"\s*({_TOKEN.pattern})/({_TOKEN.pattern})\s*+(?=[;(]|\Z)", re.ASCII)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_COMMENT: Final = re.compile(r"\([^()]*+\)")
_SECTION: Final = re.compile(r"(.+?)(?:\*(\d{1,3}))?(\*)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Field:
    """One field, folded lines and line end included: `raw[start:end]`; `value` is unfolded, not decoded."""

    name: str
    value: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Fields in order. The last ends at `end`, what they head begins at `body`, after a blank line if there is one.

    `sound` is false where mail programs would not agree which fields there are, or which counts.
    """

    fields: tuple[Field, ...]
    start: int
    end: int
    body: int
    sound: bool

    def raw(self, name: str) -> tuple[str, ...]:
        """Return every value of a field as written, unfolded."""
        lower = name.lower()
        return tuple(one.value for one in self.fields if one.name.lower() == lower)

    def all(self, name: str) -> tuple[str, ...]:
        """Return every value of a field, encoded words decoded."""
        return tuple(words.decode(value) for value in self.raw(name))

    def first(self, name: str) -> str | None:
        """Return the first value of a field, encoded words decoded, or None."""
        return next(iter(self.all(name)), None)

    def structured(self, name: str) -> "Structured":
        """Return the first value of a field of the `Content-…` kind, taken apart."""
        return Structured(next(iter(self.raw(name)), ""))


class Structured:
    """A value with parameters, such as `text/plain; charset=utf-8` (RFC 2045, RFC 2231)."""

    def __init__(self, value: str) -> None:
        self._value = value[:_VALUE_CHARACTERS]
        self.parameters, self.ambiguous = _parameters(self._value)

    def media(self) -> str | None:
        """Return `type/subtype` in lower case, or None where it says no such thing."""
        found = _MEDIA.match(self._value)
        return None if found is None else f"{found[1]}/{found[2]}".lower()

    def token(self) -> str:
        """Return what stands before the parameters, in lower case, without comments and quotes around."""
        return _COMMENT.sub(" ", self._value.partition(";")[0]).strip(' \t"').lower()

    def says(self, word: str) -> bool:
        """Whether it begins with a word, be what follows as it should be or not."""
        return self._value.lstrip().lower().startswith(word)


def read(
    raw: bytes,
    start: int,
    *,
    wanted: Callable[[bytes], bool] = lambda name: True,
    stops: Callable[[int], bool] = lambda at: False,
) -> Header:
    """Read fields up to the blank line, the end, a line where `stops` says so, or one that is no field.

    Only fields whose lower-case name is `wanted` are kept. A line that is no field ends a header for some programs and
    is passed over by others, and a carriage return alone ends a line for some: then the header is not sound. Nor is one
    beyond the bounds; it goes up to the blank line all the same.
    """
    fields: list[Field] = []
    at, sound, count = start, True, 0
    if raw.startswith(b"From ", at):  # the line before each mail in an mbox
        at = _after_line(raw, at)
        sound = _ends_lines_alike(raw, start, at)
    while True:
        if at >= len(raw) or stops(at):
            return Header(fields=tuple(fields), start=start, end=at, body=at, sound=sound)
        if blank := _blank(raw, at):
            return Header(fields=tuple(fields), start=start, end=at, body=at + blank, sound=sound)
        named = _NAME.match(raw, at, at + _PIECE)
        if named is None:
            return Header(fields=tuple(fields), start=start, end=at, body=at, sound=False)
        end, whole = _field_end(raw, at)
        count += 1
        if not whole or count > MAX_FIELDS:
            return _endless(raw, tuple(fields), start, at)
        sound = sound and _ends_lines_alike(raw, at, end)
        if wanted(named[1].lower()):
            value = unfolded(raw[named.end() : end])
            fields.append(Field(named[1].decode("ascii"), value, at, end))
        at = end


def spans(raw: bytes, header: Header) -> Iterator[tuple[bytes, int, int]]:
    """Give the lower-case name and the span of every field, also of those that were not kept; a huge one in pieces."""
    at, name, whole = header.start, b"", True
    while at < header.end:
        if whole:
            named = _NAME.match(raw, at, at + _PIECE)
            name = named[1].lower() if named else b""
        end, whole = _field_end(raw, at)
        yield name, at, min(end, header.end)
        at = end


def _field_end(raw: bytes, at: int) -> tuple[int, bool]:
    """Where the field that begins here ends, its folded lines included; or where its first piece does."""
    found = _END.search(raw, at, at + _PIECE)
    if found is not None and (found.end() < at + _PIECE or found.end() == len(raw)):
        return found.end(), True
    return min(at + _PIECE - 1, len(raw)), at + _PIECE > len(raw)


def _endless(raw: bytes, fields: tuple[Field, ...], start: int, at: int) -> Header:
    """A header beyond the bounds: up to the first blank line."""
    ends = [
        (found, found + size) for end, size in _BLANK_LINES if (found := raw.find(end, at)) >= 0
    ]
    end, body = min(ends, default=(len(raw), len(raw)))
    return Header(fields=fields, start=start, end=min(end + 1, len(raw)), body=body, sound=False)


def unfolded(value: bytes) -> str:
    """Return a value on one line; bytes beyond ASCII are read as UTF-8 or else as Windows-1252."""
    return _FOLD.sub("", charset.guessed(value)).strip(" \t\r\n")


def _after_line(raw: bytes, at: int) -> int:
    found = raw.find(b"\n", at)
    return len(raw) if found < 0 else found + 1


def _blank(raw: bytes, at: int) -> int:
    if raw.startswith(b"\n", at):
        return 1
    return 2 if raw.startswith(b"\r\n", at) else 0


def _ends_lines_alike(raw: bytes, start: int, end: int) -> bool:
    return raw.count(b"\r", start, end) == raw.count(b"\r\n", start, end)


def _parameters(value: str) -> tuple[dict[str, str], bool]:
    """Read the parameters by lower-case name, and whether programs read one differently: it stands there twice, say."""
    plain: dict[str, str] = {}
    pieces: dict[str, dict[int, tuple[str, bool]]] = {}
    ambiguous = False
    for found in _PARAMETER.finditer(value):
        if found[2] is None:
            text = found[3].strip()
        else:
            text = _ESCAPED.sub(r"\1", found[2])
            # Some programs take the quotes for a part of a value that goes on behind them, or has no second one.
            unended = found.end() == found.end(2)
            ambiguous |= unended or _ENDED.match(value, found.end()) is None
        section = _SECTION.fullmatch(found[1].lower())
        if section is None:
            continue
        name, number, extended = section.groups()
        if number is None and extended is None:
            ambiguous |= plain.setdefault(name, text) != text
        else:
            held = pieces.setdefault(name, {})
            ambiguous |= held.setdefault(int(number or 0), (text, bool(extended)))[0] != text
    extended_ones = {name: _joined(parts) for name, parts in pieces.items()}
    return plain | extended_ones, ambiguous


def _joined(pieces: dict[int, tuple[str, bool]]) -> str:
    """Put the sections of RFC 2231 together; those after a missing one are passed over."""
    name, _, rest = pieces.get(0, ("", False))[0].partition("'")
    _, quoted, first = rest.partition("'")
    has_charset = pieces.get(0, ("", False))[1] and bool(quoted)
    joined = b""
    for number in range(len(pieces)):
        if number not in pieces:
            break
        text, extended = pieces[number]
        if number == 0 and has_charset:
            text = first
        joined += unquote_to_bytes(text) if extended else text.encode("utf-8", "surrogatepass")
    if has_charset and (codec := charset_names.find(name)):
        return charset.told(joined, codec)
    return charset.guessed(joined)
