"""One linear pass over a text, as a browser's tokenizer reads it, and as Word reads its conditional comments.

What is ordinary it has `stretches` read, which is quicker and says the same. It is a generator that lets go after every
so many characters. What reads a construct returns the offset after it, or -1 where it never closes.
"""

import re
from collections.abc import Generator
from typing import Final, TypeAlias

from services.rewriter.html import stretches
from services.rewriter.html.findings import Findings
from services.rewriter.html.namespaces import Namespaces
from services.rewriter.html.spots import Scan
from services.rewriter.html.syntax import (
    BEFORE_BODY,
    BREAKS,
    COMMENT_END,
    CONDITION,
    LINKS,
    NO_SPACE,
    OPENING,
    RAW_TEXT,
    RAW_TEXT_END,
    SCRIPT_MARK,
    TAG_OPENING,
)
from services.rewriter.html.tags import WINDOW, Tag

# Read between two pauses, if no construct is longer: a millisecond or less, some at worst.
_SLICE: Final = 4_096
# Looked at at once where all is ordinary, which takes as long; and where something lately was not.
_REACH: Final = 65_536
_SHORT_REACH: Final = 1024
# Where so little was ordinary, it is read construct by construct for a while, the longer the more often that was so.
_TOO_LITTLE: Final = 16
_LONGEST_WHILE: Final = 2_048
# Longer than whatever ends a construct, so that none is missed where two pieces meet.
_OVERLAP: Final = 16
_MARK: Final = "\ufeff"

Offset: TypeAlias = Generator[None, None, int]


def scan(html: str) -> Scan:
    """Read any text, however broken, in one pass; never raises."""
    steps = scanning(html)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: Scan = end.value
            return found


def scanning(html: str) -> Generator[None, None, Scan]:
    """Read in steps, each of some milliseconds at most."""
    return _Scanner(html).run()


class _Scanner:
    def __init__(self, html: str) -> None:
        self._html = html
        self._found = Findings(html)
        self._spaces = Namespaces()
        # Where the text ends that is being read: that of a conditional comment, or the whole.
        self._limit = len(html)
        # Where to go on after a conditional comment, and in which namespaces; -1 outside of one.
        self._resume = -1
        self._outer = self._spaces
        self._reach = _REACH
        # Before that no stretch is tried again.
        self._untried = 0
        self._while = 1
        # Where the last raw text ends, and its element begins.
        self._raw_ends = self._raw_begins = -1
        self._in_head = False
        self._first = -1
        self._body = -1
        self._body_end = -1
        self._html_end = -1

    def run(self) -> Generator[None, None, Scan]:
        html, found = self._html, self._found
        position = self._head()
        goal = _SLICE
        while True:
            if position >= goal:
                yield
                goal = position + _SLICE
            position = self._stretch(position)
            end = min(position + _SLICE, self._limit)
            opening = OPENING.search(html, position, end)
            if opening is None:
                if end < self._limit:
                    # The last character may be the `<` of what follows.
                    self._text(position, end - 1)
                    position = end - 1
                    continue
                self._text(position, end)
                position = -1
            else:
                at = opening.start()
                if at > position:
                    self._text(position, at)
                position = yield from self._construct(at)
                # An end tag that never closes leaves what is before it in the raw text.
                end = self._raw_begins if at == self._raw_ends else at
            if position >= 0:
                continue
            if self._resume < 0:
                # A browser swallows the rest from here on, so a pixel after it would not load.
                break
            position = self._leave()
        spots = yield from found.spots()
        ends = (one for one in (self._body_end, self._html_end) if one >= 0)
        pixel = next(ends, end)
        starts = (one for one in (self._body, self._first) if one >= 0)
        return Scan(
            links=spots,
            pixel_position=pixel,
            body_start=next(starts, pixel),
            pictures=tuple(found.pictures),
            places=tuple(found.places),
            marks=tuple(found.marks),
        )

    def _head(self) -> int:
        """Read an ordinary head at once, and return where to go on."""
        end = stretches.head_end(self._html, min(WINDOW, self._limit))
        if end >= 0:
            self._first = self._body = end
            return end
        # Not a character of the text, to a browser.
        return 1 if self._html.startswith(_MARK) else 0

    def _stretch(self, position: int) -> int:
        """Read what is ordinary at once, and return where to go on."""
        hidden = self._resume >= 0
        if self._found.reading or self._spaces.left or not (hidden or self._first >= 0):
            return position
        if position < self._untried or (hidden and self._limit - position < _SHORT_REACH):
            return position
        stretch = stretches.read(self._html, position, min(position + self._reach, self._limit))
        self._found.add(stretch.links)
        if not hidden:
            self._body_end = max(self._body_end, stretch.body_end)
            self._html_end = max(self._html_end, stretch.html_end)
        # So that little is looked at in vain where much is odd.
        self._reach = min(2 * self._reach, _REACH) if stretch.sound else _SHORT_REACH
        fruitless = stretch.end - position < _TOO_LITTLE
        self._while = min(2 * self._while, _LONGEST_WHILE) if fruitless else 1
        self._untried = stretch.end + self._while
        return stretch.end

    def _text(self, start: int, end: int) -> None:
        if self._found.reading:
            self._found.read(start, end, hidden=self._resume >= 0)
        if (
            self._first < 0
            and self._resume < 0
            and (seen := NO_SPACE.search(self._html, start, end))
        ):
            self._first = seen.start()

    def _construct(self, at: int) -> Offset:
        tag = Tag.match(self._html, at, self._limit)
        if tag is None and TAG_OPENING.match(self._html, at, self._limit):
            tag = yield from Tag.reading(self._html, at, self._limit)
            if tag is None:
                return -1
        if tag is None:
            return (yield from self._declaration(at))
        if tag.name in BREAKS:
            self._found.part()
        if tag.closing:
            self._end_tag(tag)
            return tag.end
        raw = tag.name in RAW_TEXT and not self._spaces.foreign
        self._start_tag(tag)
        if raw:
            end = yield from self._raw_text(tag.name, tag.end)
            if self._resume < 0:
                self._raw_begins, self._raw_ends = at, end
            return end
        return tag.end

    def _start_tag(self, tag: Tag) -> None:
        self._spaces.start(tag)
        hidden = self._resume >= 0
        if not hidden and not self._spaces.foreign:
            self._note_body(tag)
        if not hidden:
            self._found.look(tag, foreign=self._spaces.foreign)
        if tag.name in LINKS:
            self._found.link(tag, hidden=hidden)
        elif tag.name == "img" and self._found.reading:
            self._found.alternative(tag, hidden=hidden)

    def _note_body(self, tag: Tag) -> None:
        """Note where the body begins: after its tag, else before the first tag that shows something."""
        name = tag.name
        if name == "head":
            self._in_head = True
        elif name == "body" and self._body < 0:
            self._body = self._first = tag.end
        before = name in BEFORE_BODY or (name == "noscript" and self._in_head)
        if self._first < 0 and not before:
            self._first = tag.start

    def _end_tag(self, tag: Tag) -> None:
        self._spaces.end(tag.name)
        self._found.close(tag.name, hidden=self._resume >= 0)
        if self._resume >= 0:
            return
        if tag.name == "body":
            self._body_end = tag.start
        elif tag.name == "html":
            self._html_end = tag.start
        elif tag.name == "head":
            self._in_head = False

    def _declaration(self, at: int) -> Offset:
        html = self._html
        if html.startswith("<!--", at, self._limit):
            return (yield from self._comment(at))
        closing = "]]>" if self._spaces.foreign and html.startswith("<![CDATA[", at) else ">"
        found = html.find(closing, at, self._limit)
        return found + len(closing) if found >= 0 else -1

    def _comment(self, at: int) -> Offset:
        html = self._html
        condition = CONDITION.match(html, at, self._limit)
        if self._resume >= 0:
            # To a browser this is the same comment; to Word a condition within the other, or a comment to its end.
            return condition.end() if condition else -1
        if html.startswith(("<!-->", "<!--->"), at):
            return html.index(">", at) + 1
        end = yield from self._search(COMMENT_END, at + 4)
        if end is None:
            return -1
        if condition is None or condition.end() > end.start():
            return end.end()
        self._outer, self._spaces = self._spaces, Namespaces()
        self._limit, self._resume = end.start(), end.end()
        return condition.end()

    def _leave(self) -> int:
        """Go on after a conditional comment."""
        position, self._resume, self._limit = self._resume, -1, len(self._html)
        self._spaces = self._outer
        return position

    def _raw_text(self, name: str, position: int) -> Offset:
        if name == "script":
            return (yield from self._script(position))
        if name == "plaintext":
            return -1
        end = yield from self._search(RAW_TEXT_END[name], position)
        return end.start() if end else -1

    def _script(self, position: int) -> Offset:
        """Scripts end at `</script>`, unless it closes a `<script>` inside a `<!--` of theirs."""
        depth = 0  # 1: after `<!--`; 2: in a script inside that
        goal = position + _SLICE
        while mark := (yield from self._search(SCRIPT_MARK, position)):
            position = mark.end()
            if position >= goal:
                yield
                goal = position + _SLICE
            match mark[0][:3], depth:
                case "<!-", 0:
                    depth, position = 1, mark.start() + 2  # its dashes may be those of `-->`
                case "-->", _:
                    depth = 0
                case _, (0 | 1) if mark[1]:
                    return mark.start()
                case _, 2 if mark[1]:
                    depth = 1
                case _, 1 if mark[1] == "":
                    depth = 2
        return -1

    def _search(
        self, pattern: re.Pattern[str], position: int
    ) -> Generator[None, None, re.Match[str] | None]:
        """Search in pieces, each of which reaches into the one before."""
        while True:
            end = min(position + WINDOW, self._limit)
            if found := pattern.search(self._html, position, end):
                return found
            if end == self._limit:
                return None
            position = end - _OVERLAP
            yield
