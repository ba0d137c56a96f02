"""Find the parts of a mail: one pass over its lines, each part with the span of its bytes.

The lines that part it are found as RFC 2046 says and as mail programs read: a boundary counts where a whole line is it,
an outer boundary ends whatever is open inside, and where the end is missing the last part goes up to there. What is
inside `message/…` is somebody else's mail and not looked into, nor what is signed or encrypted. Where programs would
differ about the parts, the reading ends with `Unreadable`, and the mail is to be left as it is.
"""

import re
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Final

from services.rewriter.mime import header
from services.rewriter.mime.header import Header, Structured

MAX_DEPTH: Final = 50
MAX_PARTS: Final = 10_000
# RFC 2046 says 70; a line that is longer than a line may be is no boundary.
_MAX_BOUNDARY: Final = 990
# How much is searched at a time: a few milliseconds.
_STEP: Final = 2 * 1024 * 1024
_LINES: Final = 200
# Whole types of which the parts are not read as parts.
_CLOSED: Final = frozenset({"multipart/signed", "multipart/encrypted", "multipart/appledouble"})
_KEPT: Final = frozenset(
    {
        b"content-type",
        b"content-transfer-encoding",
        b"content-disposition",
        b"content-id",
        b"content-location",
    }
)
_REST: Final = re.compile(rb"[^\r\n]{0,992}+")
_ONCE: Final = ("content-type", "content-transfer-encoding", "content-disposition")


class Unreadable(Exception):
    """The parts of this mail cannot be told for sure; `trouble` is one of `document.Trouble`."""

    def __init__(self, trouble: str) -> None:
        super().__init__(trouble)
        self.trouble = trouble


@dataclass(slots=True, kw_only=True, eq=False)
class Part:
    """One part. Its body is `raw[start:end]`, without the line end before the boundary that follows.

    `line` is where the line of its boundary begins, `before` where what belongs to that boundary does: the line end in
    front of it, too. `close` is where the line of the closing boundary begins that ends a multipart, -1 without one.
    """

    header: Header
    media: str
    parameters: dict[str, str]
    start: int
    end: int
    parent: "Part | None" = None
    children: list["Part"] = field(default_factory=list)
    before: int = 0
    line: int = 0
    close: int = -1
    boundary: bytes | None = None
    # The header is not sound, or says of the body what programs read differently: nothing in there is edited.
    doubtful: bool = False
    # A content type stands there that is none (`text, html`): some programs see text, some what it may have meant.
    untyped: bool = False

    @property
    def encoding(self) -> str:
        """The content transfer encoding as written, in lower case, for few programs see one in `base64 (c)`."""
        return next(iter(self.header.raw("content-transfer-encoding")), "").lower()

    @property
    def disposition(self) -> Structured:
        """The content disposition."""
        return self.header.structured("content-disposition")


class Walker:
    """One reading of one mail."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._open: list[Part] = []
        self._levels: dict[bytes, int] = {}
        self._seen: set[bytes] = set()
        self._leaf: Part | None = None
        self._parts = 0

    def run(self, top: Header) -> Generator[None, None, Part]:
        """Read the parts below a mail's own header, in steps; raises `Unreadable`."""
        if not top.sound or _twice(top):
            raise Unreadable("bad_header")
        root = self._part(top, None, 0, 0)
        at = root.start
        lines = 0
        while self._open:
            found = yield from self._find(at)
            if found < 0:
                break
            lines += 1
            if lines % _LINES == 0:
                yield
            at = self._line(found)
        self._close(0, len(self._raw))
        if self._seen:
            yield from self._check_returns(root.start)
        return root

    def _find(self, at: int) -> Generator[None, None, int]:
        """Return where the next line begins that begins with two hyphens."""
        raw = self._raw
        if raw.startswith(b"--", at) and (at == 0 or raw[at - 1] == 0x0A):
            return at
        while at < len(raw):
            found = raw.find(b"\n--", at, at + _STEP)
            if found >= 0:
                return found + 1
            at += _STEP - 2
            yield
        return -1

    def _line(self, at: int) -> int:
        """Take a line that may be a boundary; return where to go on."""
        level, closes, end = self._boundary(at)
        if level is None:
            return at + 2
        before = at
        if self._raw[before - 1 : before] == b"\n":
            before -= 2 if self._raw[before - 2 : before] == b"\r\n" else 1
        owner = self._open[level]
        before = max(before, owner.start if self._leaf is None else self._leaf.start)
        self._close(level + 1, before)
        if self._leaf is not None:
            self._leaf.end = before
            self._leaf = None
        if closes:
            owner.close = at
            self._close(level, len(self._raw))
            return end
        made = header.read(
            self._raw,
            end,
            wanted=_KEPT.__contains__,
            stops=lambda line: self._boundary(line)[0] is not None,
        )
        return self._part(made, owner, before, at).start

    def _boundary(self, at: int) -> tuple[int | None, bool, int]:
        """Which open multipart the line here is the boundary of, whether it closes it, and where it ends."""
        raw = self._raw
        if not raw.startswith(b"--", at):
            return None, False, at
        end = raw.find(b"\n", at, at + 2 * _MAX_BOUNDARY) + 1
        if end == 0:
            end = min(len(raw), at + 2 * _MAX_BOUNDARY)
        line = raw[at + 2 : end]
        if b"\r" in line.removesuffix(b"\n").removesuffix(b"\r"):
            self._check_broken(line)
            return None, False, at
        said = line.rstrip(b" \t\r\n")
        level = self._levels.get(said)
        if level is not None:
            return level, False, end
        if said.endswith(b"--"):
            level = self._levels.get(said[:-2])
        return level, level is not None, end

    def _part(self, made: Header, parent: Part | None, before: int, line: int) -> Part:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise Unreadable("too_many_parts")
        kind = made.structured("content-type")
        digest = parent is not None and parent.media == "multipart/digest"
        if kind.media() is None and kind.says("multipart"):
            raise Unreadable("no_boundary")
        part = Part(
            header=made,
            media=kind.media() or ("message/rfc822" if digest else "text/plain"),
            parameters=kind.parameters,
            start=made.body,
            end=len(self._raw),
            parent=parent,
            before=before,
            line=line,
            doubtful=not made.sound or _twice(made),
            untyped=kind.media() is None and bool(made.first("content-type")),
        )
        if parent is not None:
            parent.children.append(part)
        self._leaf = part
        if part.media.startswith("multipart/") and part.media not in _CLOSED and not part.doubtful:
            self._leaf = None
            self._enter(part, kind)
        return part

    def _enter(self, part: Part, kind: Structured) -> None:
        """Open a multipart."""
        if len(self._open) == MAX_DEPTH:
            raise Unreadable("too_deep")
        named = kind.parameters.get("boundary", "")
        boundary = named.encode("utf-8", "surrogatepass")
        # A blank at its end and what is not ASCII belong to it for some programs only.
        plain = named.isascii() and named.isprintable() and named == named.strip()
        if kind.ambiguous or not boundary or len(boundary) > _MAX_BOUNDARY or not plain:
            raise Unreadable("no_boundary")
        other = boundary.removesuffix(b"--") if boundary.endswith(b"--") else boundary + b"--"
        if boundary in self._levels or other in self._levels:
            raise Unreadable("ambiguous_boundary")
        part.boundary = boundary
        self._levels[boundary] = len(self._open)
        self._seen.add(boundary)
        self._open.append(part)

    def _close(self, level: int, end: int) -> None:
        """Close every multipart from this level on."""
        while len(self._open) > level:
            part = self._open.pop()
            del self._levels[part.boundary or b""]
            if not part.children:
                raise Unreadable("no_parts")
            if self._leaf is not None:
                self._leaf.end = max(self._leaf.start, end)
                self._leaf = None
            part.end = max(part.start, end)

    def _check_broken(self, line: bytes) -> None:
        """A carriage return alone ends a line for some programs, and then this may be a boundary."""
        said = line.partition(b"\r")[0].rstrip(b" \t")
        if said in self._levels or said.removesuffix(b"--") in self._levels:
            raise Unreadable("ambiguous_boundary")

    def _check_returns(self, at: int) -> Generator[None, None, None]:
        """The same for one that would begin the line of a boundary."""
        raw, lines = self._raw, 0
        while at < len(raw):
            found = raw.find(b"\r--", at, at + _STEP)
            if found < 0:
                at += _STEP - 2
                yield
                continue
            lines += 1
            if lines % _LINES == 0:
                yield
            line = _REST.match(raw, found + 3)
            said = line[0].rstrip(b" \t") if line else b""
            if said in self._seen or said.removesuffix(b"--") in self._seen:
                raise Unreadable("ambiguous_boundary")
            at = found + 3


def _twice(made: Header) -> bool:
    """Whether a field that may stand there once stands there with different values."""
    return any(len(set(made.raw(name))) > 1 for name in _ONCE)
