"""Carry out changes: each becomes a span of the mail and the bytes to stand there; all other bytes are copied."""

import binascii
import re
from collections.abc import Generator, Sequence
from typing import Final

from services.rewriter.html import Edit
from services.rewriter.mime import charset, charset_names, fields, kinds, quoted, transfer
from services.rewriter.mime.document import Changes, Document, Spans, Text
from services.rewriter.mime.fields import Replacement
from services.rewriter.mime.tree import Part

# RFC 5322 §2.1.1, without the line end.
MAX_LINE: Final = 998
_BASE64_LINE: Final = 76
# What an edit below makes false: a digest of the content (RFC 1864, which has nobody but the author's program make
# one). Whoever keeps mail counts its lines and octets anew, so `Lines` and `Content-Length` stay as they are.
FALSIFIED: Final = ("content-md5",)
_STEP: Final = 128 * 1024
_EDITS: Final = 1_000
_Made = Generator[None, None, list[Replacement]]


def writing(document: Document, changes: Changes) -> Generator[None, None, bytes]:
    """Write a mail in steps; raises ValueError for edits that overlap, or of what the mail has not."""
    touched = _touched(document, changes)
    strip = (*changes.strip_headers, *(FALSIFIED if touched else ()))
    made = yield from fields.changes(document.raw, document.header, strip, changes.set_headers)
    for part in touched:
        if part.parent is not None:
            made += yield from fields.changes(document.raw, part.header, FALSIFIED, ())
    for texts, edits in ((document.bodies, changes.bodies), (document.texts, changes.texts)):
        for index in sorted(edits):
            if not 0 <= index < len(texts):
                raise ValueError(f"the mail has no text {index}")
            made += yield from _edited(document.raw, texts[index], edits[index])
    made += _dropped(document, set(changes.dropped_files))
    yield
    return (yield from assembling(document.raw, made))


def _touched(document: Document, changes: Changes) -> list[Part]:
    """The parts in which something changes, and those around them."""
    inner: list[Part | None] = [
        texts[index].part
        for texts, edits in ((document.bodies, changes.bodies), (document.texts, changes.texts))
        for index, made in edits.items()
        if made and 0 <= index < len(texts)
    ]
    files = document.files
    inner += [files[at].part.parent for at in changes.dropped_files if 0 <= at < len(files)]
    touched: dict[int, Part] = {}
    for part in inner:
        above = part
        while above is not None and id(above) not in touched:
            touched[id(above)] = above
            above = above.parent
    return list(touched.values())


def assembling(raw: bytes, made: Sequence[Replacement]) -> Generator[None, None, bytes]:
    """Put the pieces together, in steps."""
    if not made:
        return raw
    view = memoryview(raw)
    pieces: list[bytes | memoryview] = []
    at = 0
    for number, (start, end, text) in enumerate(sorted(made, key=lambda one: one[:2]), 1):
        if number % _EDITS == 0:
            yield
        if not at <= start <= end <= len(raw):
            raise ValueError(f"the change at {start} overlaps another or lies outside the mail")
        pieces += (view[at:start], text)
        at = end
    return b"".join([*pieces, view[at:]])


def _edited(raw: bytes, text: Text, edits: Sequence[Edit]) -> _Made:
    ordered = sorted(edits, key=lambda edit: (edit.start, edit.end))
    at = 0
    for edit in ordered:
        if not at <= edit.start <= edit.end <= len(text.text):
            raise ValueError(f"the edit at {edit.start} overlaps another or lies outside the text")
        at = edit.end
    if not ordered:
        return []
    spans = tuple((edit.start, edit.end) for edit in ordered)
    if spans not in text.places:
        known = yield from _places(raw, text, spans)
        text.places.clear()
        text.places[spans] = known
    decoded, encoded = text.places[spans]
    places = yield from _written(raw, text, ordered, decoded)
    source = text.source
    if source.encoding == transfer.BASE64:
        return (yield from _in_base64(raw, text, places))
    there = [(*span, markup) for span, (_, _, markup) in zip(encoded, places, strict=True)]
    if source.encoding == transfer.QUOTED:
        made = yield from quoted.splicing(
            raw, source.start, source.end, there, fields.line_end(raw, text.part.header)
        )
    elif (yield from _fits(raw, text, there)):
        made = [(start, end, _parted(text, markup)) for start, end, markup in there]
    else:
        made = None
    if made is None:
        return (yield from _recoded(raw, text, places))
    return made


def _places(raw: bytes, text: Text, spans: Spans) -> Generator[None, None, tuple[Spans, Spans]]:
    """Turn spans of characters into spans of decoded bytes, and these into spans of the mail, but in base64."""
    source = text.source
    decoded = yield from charset.offsets(text.decoded, source.data, spans)
    if source.encoding == transfer.BASE64:
        return tuple(decoded), ()
    wanted = sorted({at for span in decoded for at in span})
    found = yield from transfer.places(raw, source, wanted)
    return tuple(decoded), tuple((found[start], found[end]) for start, end in decoded)


def _written(
    raw: bytes, text: Text, edits: Sequence[Edit], spans: Spans
) -> Generator[None, None, list[Replacement]]:
    """Turn edits of characters into edits of decoded bytes."""
    line_end = _line_end(raw, text)
    ascii_only = not text.html and charset_names.says_ascii(text.part.parameters.get("charset"))
    codec = text.charset
    if ascii_only and not codec.startswith("utf-16"):
        codec = "ascii"
    places = []
    for number, (edit, (start, end)) in enumerate(zip(edits, spans, strict=True), 1):
        if number % _EDITS == 0:
            yield
        markup = edit.markup.replace("\r\n", "\n").replace("\n", line_end)
        places.append((start, end, charset.encode(markup, codec, html=text.html)))
    return charset.shifted(text.source.data, places, text.charset)


def _line_end(raw: bytes, text: Text) -> str:
    found = text.text.find("\n")
    if found < 0:
        return fields.line_end(raw, text.part.header).decode("ascii")
    return "\r\n" if text.text[max(0, found - 1) : found] == "\r" else "\n"


def _in_base64(raw: bytes, text: Text, places: Sequence[Replacement]) -> _Made:
    """Encode anew, with lines as long as they were; what stands behind the padding stays."""
    source = text.source
    data = yield from assembling(source.data, places)
    width, line_end = _base64_lines(raw, text)
    step = width // 4 * 3 * max(1, _STEP // width)
    pieces: list[bytes] = []
    for at in range(0, len(data), step):
        letters = binascii.b2a_base64(data[at : at + step], newline=False)
        lines = [letters[line : line + width] for line in range(0, len(letters), width)]
        pieces.append(line_end.join(lines))
        yield
    return [(source.start, source.end, line_end.join(pieces))]


def _base64_lines(raw: bytes, text: Text) -> tuple[int, bytes]:
    """How long the lines of a base64 part are, as a multiple of four, and how they end."""
    start, stop = text.source.start, text.source.end
    found = raw.find(b"\n", start, stop)
    if found < 0:
        width, line_end = stop - start, fields.line_end(raw, text.part.header)
        width = max(width, _BASE64_LINE)
    else:
        line_end = fields.CRLF if raw[found - 1 : found] == b"\r" else b"\n"
        width = found + 1 - len(line_end) - start
    width -= width % 4
    return (width if 4 <= width <= MAX_LINE else _BASE64_LINE), line_end


def _fits(raw: bytes, text: Text, places: Sequence[Replacement]) -> Generator[None, None, bool]:
    """Whether what is put in may stand as it is: no line it touches is too long then, and ASCII stays ASCII."""
    if text.part.encoding == "binary":
        return True
    beyond = any(not markup.isascii() for _, _, markup in places)
    if beyond and text.part.encoding != "8bit" and text.source.data.isascii():
        return False
    column, at, end = 0, text.source.start, text.source.end
    for index, (first, last, markup) in enumerate(places):
        if index % _EDITS == _EDITS - 1:
            yield
        broken = raw.rfind(b"\n", at, first)
        column = first - broken - 1 if broken >= 0 else column + first - at
        lines = markup.split(b"\n")
        longest = max([column + len(lines[0]), *map(len, lines[1:])])
        column = len(lines[-1]) + (column if len(lines) == 1 else 0)
        following = places[index + 1][0] if index + 1 < len(places) else end
        stop = raw.find(b"\n", last, following)
        rest = (following if stop < 0 else stop) - last
        if raw[last + rest - 1 : last + rest] == b"\r":
            rest -= 1
        if max(longest, column + rest) > MAX_LINE:
            return False
        at = last
    return True


def _recoded(raw: bytes, text: Text, places: Sequence[Replacement]) -> _Made:
    """Encode the part in quoted-printable, because its lines would grow too long, or because it is badly encoded."""
    part = text.part
    line_end = fields.line_end(raw, part.header)
    pieces: list[bytes] = []
    size = 0
    data = yield from assembling(text.source.data, places)
    for piece in quoted.encode(data, line_end):
        pieces.append(piece)
        size += len(piece)
        if size > _STEP:
            size = 0
            yield
    made = [(part.start, part.end, b"".join(pieces))]
    if text.source.encoding == "":
        made += yield from fields.encoding(raw, part.header, transfer.QUOTED)
    return made


def _parted(text: Text, markup: bytes) -> bytes:
    """Break lines that would begin as the boundary of a multipart around does; elsewhere it parts nothing."""
    if b"--" not in markup:
        return markup
    hyphens = b"&#45;-" if text.html else b"- -"
    above = text.part.parent
    while above is not None:
        named = above.boundary or b""
        lines = re.compile(b"^--(?=" + re.escape(named) + b")", re.MULTILINE)
        markup = lines.sub(hyphens, markup)
        above = above.parent
    return markup


def _dropped(document: Document, indices: set[int]) -> list[Replacement]:
    """Take parts out with the lines of their boundaries; where something must stay, an empty text does."""
    if not indices <= set(range(len(document.files))):
        raise ValueError("the mail has no such file")
    gone = {id(document.files[index].part) for index in indices}
    parents: dict[int, Part] = {}
    for index in sorted(indices):
        if parent := document.files[index].part.parent:
            parents[id(parent)] = parent
    made: list[Replacement] = []
    for parent in parents.values():
        made += _taken_out(document.raw, parent, [id(one) in gone for one in parent.children])
    return made


def _stays(parent: Part, gone: list[bool]) -> int:
    """In whose place something must stay, or -1: else there is nothing, or another part is shown."""
    if parent.media == "multipart/related":
        root = parent.children.index(kinds.root_of(parent))
        return root if gone[root] else -1
    if all(gone) or (gone[0] and kinds.name(parent.children[gone.index(False)])):
        return 0
    return -1


def _taken_out(raw: bytes, parent: Part, gone: list[bool]) -> list[Replacement]:
    made: list[Replacement] = []
    children = parent.children
    stays = _stays(parent, gone)
    if stays >= 0:
        gone[stays] = False
        made.append(_emptied(raw, children[stays]))
    first = 0
    while first < len(children):
        last = first
        while last < len(children) and gone[last]:
            last += 1
        if last > first:
            following = children[last].line if last < len(children) else parent.close
            if following >= 0:
                made.append((children[first].line, following, b""))
            else:
                end = children[last - 1].end
                # A part that is a header alone ends where a boundary around begins, which needs a line of its own.
                begin = (
                    children[first].line if raw[end : end + 1] == b"-" else children[first].before
                )
                made.append((begin, end, b""))
        first = last + 1
    return made


def _emptied(raw: bytes, part: Part) -> Replacement:
    """Leave an empty text; by its content id it may be what the others belong to."""
    named = (
        raw[one.start : one.end] for one in part.header.fields if one.name.lower() == "content-id"
    )
    line_end = fields.line_end(raw, part.header)
    head = b"Content-Type: text/plain" + line_end + next(named, b"")
    return part.header.start, part.end, head + line_end
