"""One tag of a text: its name and attributes, of which an ordinary one is read at once and a long one in steps."""

import re
from collections.abc import Generator
from typing import Final, NamedTuple

from services.rewriter.html.syntax import ATTRIBUTE, EQUALS, PARTED, SPACE, TAG
from services.rewriter.references import decode_attribute

MARK: Final = "data-inkling"
OLD_MARK: Final = "data-inkling-follow"
PLACE_MARK: Final = "data-inkling-attachments"

# As much of a text is looked at in one step: some milliseconds at worst.
WINDOW: Final = 65_536
_OF_INTEREST: Final = frozenset({"href", "alt", "src", "background", MARK, OLD_MARK, PLACE_MARK})
_LONGEST: Final = max(map(len, _OF_INTEREST))
_NAME: Final = re.compile(rf"[^{SPACE}/>]*+")
_BETWEEN: Final = re.compile(rf"[{SPACE}/]*+")
_ATTRIBUTE_NAME: Final = re.compile(rf"[^{SPACE}/>=]*+")
_BLANK: Final = re.compile(rf"[{SPACE}]*+")
_BARE: Final = re.compile(rf"[^{SPACE}>]*+")


class Attribute(NamedTuple):
    """Where an attribute begins, and where its value stands, between which quotes; without a value `start` is -1."""

    begin: int
    start: int
    end: int
    quote: str


class Tag:
    """A tag of the text `html`."""

    __slots__ = ("_attributes", "_inside", "closing", "empty", "end", "html", "name", "start")

    def __init__(
        self,
        html: str,
        found: re.Match[str] | None = None,
    ) -> None:
        self.html = html
        self._attributes: list[tuple[str, Attribute]] | None = None
        if found is not None:
            self.start, self.end = found.span()
            self.closing = found[1] == "/"
            self.name = found[2].lower()
            self.empty = found[4].endswith("/")
            self._inside = found.span(3)

    @classmethod
    def match(cls, html: str, at: int, limit: int) -> "Tag | None":
        """Read a tag of ordinary length that begins there and ends before `limit`."""
        found = TAG.match(html, at, min(at + WINDOW, limit))
        return None if found is None else cls(html, found)

    def attributes(self) -> dict[str, Attribute]:
        """The attributes by lower-case name; of equal names the first counts, as in a browser."""
        first: dict[str, Attribute] = {}
        for name, attribute in self._all():
            first.setdefault(name, attribute)
        return first

    def may_say(self, word: str) -> bool:
        """Tell quickly whether the word stands in it at all."""
        return self._attributes is not None or word in self.html[slice(*self._inside)].lower()

    def value(self, attribute: Attribute | None) -> str | None:
        """The decoded value; empty if it has none, None if there is no such attribute."""
        if attribute is None:
            return None
        raw = "" if attribute.start < 0 else self.html[attribute.start : attribute.end]
        return decode_attribute(raw)

    def marks(self) -> list[tuple[int, int]]:
        """The spans that take its marks away and change nothing about its other attributes."""
        named = [one for name, one in self._all() if name in (MARK, OLD_MARK)]
        return [span for one in named if (span := self._span(one)) is not None]

    def _span(self, mark: Attribute) -> tuple[int, int] | None:
        html, begin = self.html, mark.begin
        end = mark.end if mark.start < 0 else mark.end + len(mark.quote)
        if EQUALS.match(html, end):
            return None  # what follows would become the value of what stands before
        if PARTED.match(html, end):
            while begin > self.start and html[begin - 1] in "\t\n\f\r ":
                begin -= 1
        return begin, end

    def _all(self) -> list[tuple[str, Attribute]]:
        if self._attributes is None:
            self._attributes = [
                (found[1].lower(), _attribute(found))
                for found in ATTRIBUTE.finditer(self.html, *self._inside)
            ]
        return self._attributes

    @classmethod
    def reading(cls, html: str, at: int, limit: int) -> Generator[None, None, "Tag | None"]:
        """Read a tag of any length in steps; None if it does not end before `limit`."""
        tag = cls(html)
        tag.start = at
        tag.closing = html.startswith("/", at + 1)
        begin = at + 1 + tag.closing
        position = yield from _run(_NAME, html, begin, limit)
        tag.name = html[begin : min(position, begin + _LONGEST)].lower()
        tag._attributes = []
        seen: set[str] = set()
        count = 0
        while True:
            count += 1
            if not count % 100:
                yield
            before = position
            position = yield from _run(_BETWEEN, html, position, limit)
            if position >= limit:
                return None
            if html[position] == ">":
                tag.empty = position > before and html[position - 1] == "/"
                tag.end = position + 1
                return tag
            begin = position
            position = yield from _run(_ATTRIBUTE_NAME, html, begin + 1, limit)
            name = html[begin : min(position, begin + _LONGEST + 1)].lower()
            attribute = Attribute(begin, -1, position, "")
            value = yield from _run(_BLANK, html, position, limit)
            if html.startswith("=", value, limit):
                read = yield from _value(html, begin, value + 1, limit)
                if read is None:
                    return None
                attribute = read
                position = read.end + len(read.quote)
            if name in _OF_INTEREST and (name not in seen or name in (MARK, OLD_MARK)):
                seen.add(name)
                tag._attributes.append((name, attribute))


def _attribute(found: re.Match[str]) -> Attribute:
    group = found.lastindex
    # Group 1 alone is an attribute without a value.
    if group is None or group == 1:
        return Attribute(found.start(), -1, found.end(), "")
    return Attribute(found.start(), *found.span(group), found[2] or found[4] or "")


def _value(
    html: str, begin: int, position: int, limit: int
) -> Generator[None, None, Attribute | None]:
    start = yield from _run(_BLANK, html, position, limit)
    if start >= limit:
        return None
    quote = html[start]
    if quote in "\"'":
        end = html.find(quote, start + 1, limit)
        return None if end < 0 else Attribute(begin, start + 1, end, quote)
    if quote == ">":
        return Attribute(begin, -1, start, "")
    end = yield from _run(_BARE, html, start + 1, limit)
    return Attribute(begin, start, end, "")


def _run(
    pattern: re.Pattern[str], html: str, position: int, limit: int
) -> Generator[None, None, int]:
    """Return where a run of characters ends."""
    while True:
        end = min(position + WINDOW, limit)
        found = pattern.match(html, position, end)
        position = end if found is None else found.end()
        if position < end or end == limit:
            return position
        yield
