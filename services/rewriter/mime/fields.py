"""Write header fields, folded at 76 characters, what is not ASCII as encoded words; take others out. No more moves."""

import re
from collections.abc import Collection, Generator, Sequence
from typing import Final

from services.rewriter.mime import header, words
from services.rewriter.mime.header import Header

# A span of the raw mail, and the bytes to stand there.
Replacement = tuple[int, int, bytes]

LINE: Final = 76
_FIELDS: Final = 1_000
CRLF: Final = b"\r\n"
_BLANKS: Final = re.compile(r"[\x00-\x20\x7f]+")
_PIECE: Final = re.compile(r'"((?:[^"\\]++|\\.)*)"|[^\s"]+|"')
_ESCAPED: Final = re.compile(r"\\(.)")


def line_end(raw: bytes, made: Header) -> bytes:
    """The line end that a header uses: that of its first line."""
    found = raw.find(b"\n", made.start, made.body)
    return CRLF if found < 0 or raw[found - 1 : found] == b"\r" else b"\n"


def changes(
    raw: bytes, made: Header, strip: Collection[str], put: Sequence[tuple[str, str]]
) -> Generator[None, None, list[Replacement]]:
    """Take fields out by name, in steps, and set others: in place of the first so called, else behind the last one."""
    wanted = {name.lower().encode("ascii"): field(name, value, raw, made) for name, value in put}
    exact = {name.lower().encode("ascii") for name in strip if not name.endswith("*")}
    prefixes = tuple(name[:-1].lower().encode("ascii") for name in strip if name.endswith("*"))
    found: list[Replacement] = []
    placed: set[bytes] = set()
    spans = header.spans(raw, made) if wanted or exact or prefixes else ()
    for number, (name, start, end) in enumerate(spans, 1):
        if number % _FIELDS == 0:
            yield
        if name in wanted:
            found.append((start, end, b"" if name in placed else wanted[name]))
            placed.add(name)
        elif name in exact or (prefixes and name.startswith(prefixes)):
            found.append((start, end, b""))
    behind = b"".join(text for name, text in wanted.items() if name not in placed)
    if behind:
        ended = made.end == made.start or raw[made.end - 1 : made.end] == b"\n"
        lead = b"" if ended else line_end(raw, made)
        found.append((made.end, made.end, lead + behind))
    return found


def encoding(raw: bytes, made: Header, value: str) -> Generator[None, None, list[Replacement]]:
    """Set the content transfer encoding: in place of the one there, else behind the content type."""
    name = "Content-Transfer-Encoding"
    if made.raw(name) or not (
        types := [one for one in made.fields if one.name.lower() == "content-type"]
    ):
        return (yield from changes(raw, made, (), [(name, value)]))
    return [(types[0].end, types[0].end, field(name, value, raw, made))]


def field(name: str, value: str, raw: bytes = b"", made: Header | None = None) -> bytes:
    """Write one field, with the line ends of the header it is for; controls in its value become blanks."""
    end = CRLF if made is None else line_end(raw, made)
    lines, line = [], f"{name}:"
    for piece in _pieces(_BLANKS.sub(" ", value).strip()):
        if len(line) + 1 + len(piece) > LINE and line.strip(" ") and line != f"{name}:":
            lines.append(line)
            line = ""
        line += f" {piece}"
    lines.append(line)
    return b"".join(one.encode("ascii", "replace") + end for one in lines)


def _pieces(value: str) -> list[str]:
    """Cut a value where it may be folded; words beyond ASCII are encoded, those side by side together."""
    made: list[str] = []
    beyond: list[str] = []
    for found in _PIECE.finditer(value):
        if found[0].isascii():
            made += words.encode(" ".join(beyond)) if beyond else []
            beyond = []
            joined = made and found.start() > 0 and value[found.start() - 1] != " "
            if joined and made[-1].isascii() and not made[-1].startswith("=?"):
                made[-1] += found[0]
            else:
                made.append(found[0])
        else:
            beyond.append(found[0] if found[1] is None else _ESCAPED.sub(r"\1", found[1]))
    return made + (words.encode(" ".join(beyond)) if beyond else [])
