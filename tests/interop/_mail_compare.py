"""What a parser says of a followed mail against what it says of the original: the same but for what was edited.

Each tracking link is put back to what stands in the original at its place, if following it leads exactly there; the
pixel, the offer of files and the parts of followed files are taken out. What differs then is damage.
"""

import contextlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html.entities import html5
from typing import Any, Final
from urllib.parse import quote

from tests.interop._mail_programs import Read

# What the mail server writes, and what must not leave: who was in Bcc, and what was said to us.
_NOT_COMPARED: Final = ("received", "return-path", "delivered-to", "x-original-to", "bcc")
_OURS: Final = "inkling-"
_FALSIFIED: Final = frozenset({"content-md5", "content-length", "lines"})
_TEXT: Final = "text/"
_REFERENCE: Final = re.compile(r"&(?:#[0-9]+;?|#[xX][0-9A-Fa-f]+;?|[A-Za-z][A-Za-z0-9]*;?)")
_ENCODING: Final = re.compile(r"content-transfer-encoding: *quoted-printable *", re.IGNORECASE)
_MARK: Final = re.compile(r"\s+data-inkling=[\"']?no[\"']?")
_SHOWN: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """What is known of a followed copy from outside: our tracker's base, where its links lead, its files' digests."""

    base: str
    ways: Mapping[str, str]
    files: Collection[str] = ()


def tracking_urls(base: str, text: str) -> list[str]:
    """The links to our tracker in a text, each once."""
    return sorted(set(re.findall(re.escape(base) + r"/[ca]/[A-Za-z0-9_-]+", text)))


def texts(read: Read) -> Iterator[str]:
    """Every text that a parser found."""
    for node in _all(read):
        yield _characters(node) or ""


def troubled(read: Read) -> bool:
    """Whether the parser says itself that it could not read the mail, or a part of it."""
    return "error" in read or any(node.get("trouble") for node in _all(read))


def _all(read: Read) -> Iterator[Mapping[str, Any]]:
    waiting = [read.get("tree")]
    while waiting:
        if node := waiting.pop():
            yield node
            waiting += node["parts"]


def _characters(node: Mapping[str, Any]) -> str | None:
    """The text of a part, decoded for a parser that knows Unicode only, or does not see that it is UTF-16."""
    text: str | None = node.get("text")
    if text is None:
        return None
    if node.get("codec") == "bytes":
        # A charset that nobody knows, or bytes that are none of it, are compared as they are.
        with contextlib.suppress(LookupError, UnicodeDecodeError):
            text = text.encode("latin-1").decode(node.get("charset") or "ascii")
    return text.replace("\0", "") if text.count("\0") * 3 > len(text) else text


def differences(original: Read, followed: Read, known: Followed) -> list[str]:
    """Each way in which the followed mail is another than the original, besides the edits."""
    if "error" in original or "error" in followed:
        same = original.get("error") == followed.get("error")
        return [] if same else [f"error: {original.get('error')} / {followed.get('error')}"]
    found = [*_headers("header", original, followed)]
    found += _nodes("/", original["tree"], followed["tree"], known)
    pixels = sum(one.count(f"{known.base}/o/") for one in texts(followed))
    return found if pixels == 1 else [*found, f"{pixels} pixels"]


def _nodes(
    place: str, original: Mapping[str, Any], followed: Mapping[str, Any], known: Followed
) -> Iterator[str]:
    for name in ("type", "charset", "disposition", "name", "cid", "trouble"):
        if original.get(name) != followed.get(name):
            yield f"{place} {name}: {original.get(name)!r} / {followed.get(name)!r}"
    if place != "/":
        yield from _headers(place, original, followed)
    before, after = _characters(original), _characters(followed)
    if before is None or after is None:
        for name in ("size", "sha256", "text"):
            if original.get(name) != followed.get(name):
                yield f"{place} {name}: {original.get(name)!r} / {followed.get(name)!r}"
    else:
        compare = _html if original["type"].startswith("text/html") else _plain
        for one in compare(before, after, known):
            yield f"{place} {one}"
    kept = [one for one in original["parts"] if one.get("sha256") not in known.files]
    if len(kept) != len(followed["parts"]):
        yield f"{place} has {len(kept)} parts / {len(followed['parts'])}"
    for number, (one, other) in enumerate(zip(kept, followed["parts"], strict=False)):
        yield from _nodes(f"{place}{number}/", one, other, known)


def _headers(place: str, original: Mapping[str, Any], followed: Mapping[str, Any]) -> Iterator[str]:
    before, after = (_fields(one.get("header") or ()) for one in (original, followed))
    if not any(name == "message-id" for name, _ in before):
        after = [(name, line) for name, line in after if name != "message-id" or place != "header"]
    # A part whose lines would grow too long is encoded anew.
    if any(_ENCODING.fullmatch(line.strip()) for _, line in after):
        before, after = (
            [one for one in fields if one[0] != "content-transfer-encoding"]
            for fields in (before, after)
        )
    # Digests and lengths of what was edited, and of what is around it, are taken out.
    if str(original.get("type", "multipart/")).startswith(("multipart/", _TEXT)):
        gone = _FALSIFIED - {name for name, _ in after}
        before = [one for one in before if one[0] not in gone]
    if before != after:
        odd = sorted({line for _, line in before} ^ {line for _, line in after})
        yield f"{place} header: {odd or 'another order'}"


def _fields(header: Sequence[str] | Mapping[str, Sequence[str]]) -> list[tuple[str, str]]:
    lines = (
        [f"{name}: {value}" for name in sorted(header) for value in header[name]]
        if isinstance(header, Mapping)
        else header
    )
    named = ((line.partition(":")[0].strip().lower(), line) for line in lines)
    return [
        (name, line)
        for name, line in named
        if name not in _NOT_COMPARED and not name.startswith(_OURS)
    ]


def _plain(original: str, followed: str, known: Followed) -> Iterator[str]:
    # In plain text a link stands as it is.
    clicks = re.escape(known.base) + r"/c/[A-Za-z0-9_-]+"
    rest = re.sub(clicks, lambda found: known.ways.get(found[0], found[0]), followed)
    if known.files and known.base in followed:
        # The files are offered at the end, a name, a link and a blank line for each.
        lines = re.compile(rf"(?:\r?\n)*[^\n]+\n{re.escape(known.base)}/a/[A-Za-z0-9_-]+\r?\n?")
        rest = lines.sub("", rest)
        original = original.rstrip("\r\n")
        rest = rest.rstrip("\r\n")
    if original != rest:
        yield f"text: {_where(original, rest)}"


def _html(original: str, followed: str, known: Followed) -> Iterator[str]:
    base = re.escape(known.base)
    original = _MARK.sub("", original)
    rest = re.sub(rf"<img[^<>]*{base}/o/[^<>]*>", "", followed)
    # The link that no person sees.
    rest = re.sub(rf'<a href="{base}/c/[^<>]*aria-hidden="true"[^<>]*></a>', "", rest, count=1)
    rest = re.sub(rf"<ul[^<>]*>(?:<li[^<>]*><a href=\"{base}/a/.*?</li>)+</ul>", "", rest)
    pieces = re.split(rf"({base}/c/[A-Za-z0-9_-]+)", rest)
    between, urls = pieces[0::2], pieces[1::2]
    at = 0
    for number, piece in enumerate(between):
        last = number == len(urls)
        begins = original.find(piece, at)
        if begins < 0 and not last and urls[number].endswith("-") and piece.endswith('"'):
            # A bare value that would end in a dash is given quotes: in a comment, `-->` would end that.
            piece, between[number + 1] = piece[:-1], between[number + 1].removeprefix('"')
            begins = original.find(piece, at)
        if last:
            begins = len(original) - len(piece)
        if begins < at or (not number and begins) or not original.startswith(piece, begins):
            yield f"html: {_where(original[at:], piece)}"
            return
        if number:
            yield from _link(original[at:begins], urls[number - 1], known)
        at = begins + len(piece)


def _link(written: str, url: str, known: Followed) -> Iterator[str]:
    meant = "".join(one if "!" <= one <= "~" else quote(one, safe="") for one in _target(written))
    if meant != known.ways.get(url):
        yield f"link: {meant!r} / {known.ways.get(url)!r}"


def _target(written: str) -> str:
    """The URL in an attribute, as browsers read it (WHATWG HTML, attribute value states; WHATWG URL)."""
    value = _REFERENCE.sub(lambda found: _character(found, written), written)
    return re.sub(r"[\t\r\n]", "", value).strip("".join(map(chr, range(33))))


def _character(found: "re.Match[str]", written: str) -> str:
    name = found[0][1:]
    if name.startswith("#"):
        digits = name[1:].rstrip(";")
        return chr(int(digits[1:], 16) if digits[0] in "xX" else int(digits))
    if name.endswith(";"):
        return html5.get(name, found[0])
    return html5.get(name, found[0]) if written[found.end() : found.end() + 1] != "=" else found[0]


def _where(original: str, followed: str) -> str:
    """Show the first place where two texts differ."""
    length = min(len(original), len(followed))
    at = next((one for one in range(length) if original[one] != followed[one]), length)
    start = max(0, at - 10)
    return f"{original[start : at + _SHOWN]!r} / {followed[start : at + _SHOWN]!r}"
