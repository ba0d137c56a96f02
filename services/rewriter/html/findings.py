"""What a scan has found so far, and the links whose words are still being read.

At most two are: one of the text that everybody reads, and one that began in a conditional comment. That one may close
in another (a button whose shape stands around an ordinary link), so it hears what is outside of comments too.
"""

from collections.abc import Generator, Iterable
from itertools import islice
from typing import Final

from services.rewriter.html.spots import (
    CID,
    MAX_SPOTS,
    RAW_TEXT_LIMIT,
    LinkSpot,
    Place,
    ValueSpot,
    link_text,
)
from services.rewriter.html.syntax import RAW_TEXT
from services.rewriter.html.tags import MARK, OLD_MARK, PLACE_MARK, Attribute, Tag
from services.rewriter.references import link_target

_AT_A_TIME: Final = 200


class _Link:
    """A link and what was read of its words."""

    __slots__ = ("element", "end", "mark", "quote", "room", "start", "text")

    def __init__(self, element: str, start: int, end: int, quote: str, mark: str | None) -> None:
        self.element = element
        self.start = start
        self.end = end
        self.quote = quote
        self.mark = mark
        self.text: list[str] = []
        self.room = RAW_TEXT_LIMIT

    def spot(self, html: str) -> LinkSpot:
        raw = html[self.start : self.end]
        text = link_text("".join(self.text))
        return LinkSpot(self.start, self.end, self.quote, raw, link_target(raw), text, self.mark)


class Findings:
    """Of the text `html`; `hidden` says of each thing told that it stands in a conditional comment."""

    def __init__(self, html: str) -> None:
        self._html = html
        self._links: list[_Link | LinkSpot] = []
        self._seen: _Link | None = None
        self._unseen: _Link | None = None
        # Whether the words of a link are being read.
        self.reading = False
        self.pictures: list[ValueSpot] = []
        self.places: list[Place] = []
        self.marks: list[tuple[int, int]] = []

    def spots(self) -> Generator[None, None, tuple[LinkSpot, ...]]:
        """Return the links, once all is read."""
        html, spots = self._html, list[LinkSpot]()
        for at in range(0, len(self._links), _AT_A_TIME):
            some = self._links[at : at + _AT_A_TIME]
            spots += [one.spot(html) if isinstance(one, _Link) else one for one in some]
            if len(spots) < len(self._links):
                yield
        return tuple(spots)

    def read(self, start: int, end: int, *, hidden: bool) -> None:
        """Take words for the links that are open."""
        if self._seen is not None and not hidden:
            self._read(self._seen, start, end)
        if self._unseen is not None:
            self._read(self._unseen, start, end)
            if self._unseen.room <= 0:
                self._open(None, hidden=True)

    def part(self) -> None:
        """Part the words of the links that are open."""
        for link in (self._seen, self._unseen):
            if link is not None and link.room > 0:
                link.text.append(" ")
                link.room -= 1

    def add(self, spots: Iterable[LinkSpot]) -> None:
        """Note links that are already read whole."""
        self._links += islice(spots, MAX_SPOTS - len(self._links))

    def link(self, tag: Tag, *, hidden: bool) -> None:
        """Note the link that a tag is, if it leads anywhere, and begin to read its words."""
        attributes = tag.attributes()
        if (MARK in attributes or OLD_MARK in attributes) and len(self.marks) < MAX_SPOTS:
            self.marks += tag.marks()
        link: _Link | None = None
        href = attributes.get("href")
        if href is not None and href.start >= 0 and len(self._links) < MAX_SPOTS:
            mark = tag.value(attributes.get(MARK) or attributes.get(OLD_MARK))
            link = _Link(tag.name, href.start, href.end, href.quote, mark)
            self._links.append(link)
        if tag.name == "area":
            if link is not None and (alternative := attributes.get("alt")):
                self._read(link, alternative.start, alternative.end)
        elif tag.name == "a" or (link is not None and not tag.empty):
            self._open(link, hidden=hidden)

    def alternative(self, tag: Tag, *, hidden: bool) -> None:
        """Take a picture's alternative text for the words of the links that are open."""
        if alternative := tag.attributes().get("alt"):
            self.part()
            self.read(alternative.start, alternative.end, hidden=hidden)
            self.part()

    def close(self, name: str, *, hidden: bool) -> None:
        """Take note of an end tag."""
        open_here = self._unseen if hidden else self._seen
        if open_here is not None and open_here.element == name:
            self._open(None, hidden=hidden)

    def look(self, tag: Tag, *, foreign: bool) -> None:
        """Note the pictures that a tag shows, and the place that it keeps."""
        name = tag.name
        if tag.may_say(CID):
            attributes = tag.attributes()
            for source in ("src", "background") if name == "img" else ("background",):
                spot = self._picture(attributes.get(source))
                if spot is not None and len(self.pictures) < MAX_SPOTS:
                    self.pictures.append(spot)
        # Not in a link, whose own link a second one would end, nor where markup is no markup.
        free = self._seen is None and not foreign and name not in RAW_TEXT | {"a"}
        if free and tag.may_say(PLACE_MARK) and len(self.places) < MAX_SPOTS:
            mark = tag.attributes().get(PLACE_MARK)
            if mark is not None:
                value = (tag.value(mark) or "").strip()
                self.places.append(Place(position=tag.end, value=value))

    def _open(self, link: _Link | None, *, hidden: bool) -> None:
        if hidden:
            self._unseen = link
        else:
            self._seen = link
        self.reading = self._seen is not None or self._unseen is not None

    def _read(self, link: _Link, start: int, end: int) -> None:
        # An attribute without a value begins nowhere.
        if start >= 0 and link.room > 0:
            piece = self._html[start : min(end, start + link.room)]
            link.text.append(piece)
            link.room -= len(piece)

    def _picture(self, source: Attribute | None) -> ValueSpot | None:
        if source is None or source.start < 0:
            return None
        raw = self._html[source.start : source.end]
        url = link_target(raw)
        if url[: len(CID)].lower() != CID:
            return None
        return ValueSpot(start=source.start, end=source.end, quote=source.quote, raw=raw, url=url)
