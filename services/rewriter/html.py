"""Find the links and own pictures of an HTML mail and change only their values: spliced in place, never serialised.

One linear pass that reads the text as a browser's tokenizer does. What is found has offsets into the text as given,
so that whatever is not named by an edit leaves exactly as it came. It judges nothing: that is `links` and `pictures`.

The closed list of edits: the value of an `href` of `<a>` or `<area>`, or of a `cid:` picture (`replace_value`), the
pixel (`insert_pixel`), and where `offer` puts the followed files: at a place kept for them, else before the pixel.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from html import unescape
from operator import itemgetter
from typing import Final, NamedTuple

from services.rewriter.easy_links import easy_link, words
from services.rewriter.references import decode_attribute

LINK_ELEMENTS: Final = frozenset({"a", "area"})
FOLLOW_MARK: Final = "data-inkling-follow"
PLACE_MARK: Final = "data-inkling-attachments"
CID: Final = "cid:"
TEXT_LIMIT: Final = 200
# What is looked at to make the text of one link: entities, indentation and all.
_RAW_TEXT_LIMIT: Final = 2_000

_FOREIGN = frozenset({"svg", "math"})
_RAW_TEXT = frozenset(
    {"script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes", "plaintext"}
)
# Elements that part words; all others stand inside a line.
_BREAKS = frozenset(
    [
        *["br", "p", "div", "center", "table", "tr", "td", "th", "ul", "ol", "li", "hr"],
        *["h1", "h2", "h3", "h4", "h5", "h6"],
    ]
)

_S = r"\t\n\f\r "
_OPENING = re.compile(r"<(?=[A-Za-z/!?])")
# One attribute of a whole tag. A quote counts only after `=`. Every quantifier is possessive, and a loop of attributes
# stands in a look-ahead, whose outcome is final, so that a tag that never closes fails in one pass. (A possessive
# *group* would say the same, but Python before 3.11.5 matches it wrongly: cpython issue 106052.)
_ONE = (
    rf"[{_S}/]*+[^{_S}/>][^{_S}/>=]*+"
    rf"(?:[{_S}]*+=[{_S}]*+(?:\"[^\"]*+\"|'[^']*+'|[^{_S}>\"'][^{_S}>]*+|(?=>))|(?![{_S}]*+=))"
)
# A tag with more attributes is taken for one that never closes: the loop remembers each while it runs.
_MOST = 10_000
_TAG = re.compile(rf"<(/?)([A-Za-z][^{_S}/>]*+)(?=((?:{_ONE}){{0,{_MOST}}}))\3([{_S}/]*+)>")
# What says nothing to the scanner while no link is open, in one go: a scan takes a third less time. So many at a time,
# because the loop remembers each.
_TELLING = "|".join(sorted(LINK_ELEMENTS | _FOREIGN | _RAW_TEXT | {"body", "html"}))
_UNTELLING = re.compile(
    rf"(?:[^<]++|<(?!/?(?:{_TELLING})[{_S}/>])/?[A-Za-z]"
    # Of a tag in which quotes stand only around values, the first `>` outside of them is the end: told in less time.
    r"(?:[^<>\"'=]*+(?:=\"[^\"<>]*+\"[^<>\"'=]*+){0,500}>"
    rf"|[^{_S}/>]*+(?=((?:{_ONE}){{0,{_MOST}}}))\1[{_S}/]*+>)"
    r"|<(?![A-Za-z/!?])){0,500}",
    re.IGNORECASE | re.ASCII,
)
_ATTRIBUTE = re.compile(
    rf"([^{_S}/>][^{_S}/>=]*+)"
    rf"(?:[{_S}]*+=[{_S}]*+(?:(\")([^\"]*+)\"|(')([^']*+)'|([^{_S}>\"'][^{_S}>]*+))?)?"
)
_TAG_OPENING = re.compile(r"</?[A-Za-z]")
_COMMENT_END = re.compile(r"--!?>")
_RAW_TEXT_END = {
    name: re.compile(rf"</{name}(?=[{_S}/>])", re.IGNORECASE | re.ASCII) for name in _RAW_TEXT
}
_SCRIPT_MARK = re.compile(rf"<!--|-->|<(/?)script(?=[{_S}/>])", re.IGNORECASE | re.ASCII)
_C0_OR_SPACE = "".join(map(chr, range(0x21)))
_URL_DROPS = dict.fromkeys(map(ord, "\t\n\r"))
_UNQUOTED_UNSAFE = re.compile(rf"[{_S}\"'=<>`]|^$")
_PIXEL = (
    '<img src="{}" width="1" height="1" alt="" style="display:block;width:1px;height:1px;border:0">'
)


class ValueSpot(NamedTuple):
    """A URL in an attribute: `html[start:end] == raw`, between the quotes `quote` (`"`, `'` or none)."""

    start: int
    end: int
    quote: str
    raw: str
    # Where a browser would go: references decoded, the white space a browser ignores removed.
    url: str


class LinkSpot(NamedTuple):
    """The `href` of a link: a `ValueSpot` and more. A tuple, as `Edit`: a mail has one for each of its links."""

    start: int
    end: int
    quote: str
    raw: str
    url: str
    # What the reader sees of the link (words, or the alternative text of a picture), on one line.
    text: str
    # The value of the attribute `data-inkling-follow` on the same element, if it is there.
    mark: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Right after a start tag with the attribute `data-inkling-attachments`, whose value this is."""

    position: int
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What a text says that may become an edit, in document order, and the offset at which the pixel belongs.

    `pictures` are the `cid:` values of `<img src>` and of `background`, `places` those kept for followed files.
    """

    links: tuple[LinkSpot, ...]
    pixel_position: int
    pictures: tuple[ValueSpot, ...] = ()
    places: tuple[Place, ...] = ()


class Edit(NamedTuple):
    """Markup to stand in place of `html[start:end]`."""

    start: int
    end: int
    markup: str


def scan(html: str) -> Scan:
    """Read any text, however broken, in one pass; never raises."""
    return _Scanner(html).run()


def splice(html: str, edits: Iterable[Edit]) -> str:
    """Carry out edits given in any order; every other character stays. Overlapping edits raise ValueError.

    Of those at one place the first given comes first.
    """
    pieces: list[str] = []
    position = 0
    for edit in sorted(edits, key=itemgetter(0, 1)):
        if not position <= edit.start <= edit.end <= len(html):
            raise ValueError(f"the edit at {edit.start} overlaps another or lies outside the text")
        pieces += (html[position : edit.start], edit.markup)
        position = edit.end
    pieces.append(html[position:])
    return "".join(pieces)


def replace_value(spot: ValueSpot | LinkSpot, url: str) -> Edit:
    """The edit that puts `url` there, escaped for the quotes found; a bare value gets some if it must."""
    value = url.replace("&", "&amp;")
    if spot.quote == "'":
        value = value.replace("'", "&#39;")
    elif spot.quote:
        value = value.replace('"', "&quot;")
    elif _UNQUOTED_UNSAFE.search(value):
        value = '"' + value.replace('"', "&quot;") + '"'
    return Edit(spot.start, spot.end, value)


def insert_pixel(position: int, url: str) -> Edit:
    """The edit that puts the pixel at the position a scan gave."""
    return Edit(position, position, _PIXEL.format(url.replace("&", "&amp;").replace('"', "&quot;")))


def link_target(raw: str) -> str:
    """The URL in an `href`, as a browser reads it before it takes it apart."""
    value = decode_attribute(raw)
    if not value.isprintable():
        value = value.translate(_URL_DROPS)
    return value.strip(_C0_OR_SPACE)


@dataclass(slots=True, kw_only=True)
class _Found:
    """A link whose text is still being read."""

    start: int
    end: int
    quote: str
    mark: str | None
    text: list[str] = field(default_factory=list)
    room: int = _RAW_TEXT_LIMIT

    def read(self, html: str, start: int, end: int) -> None:
        piece = html[start : min(end, start + self.room)]
        self.text.append(piece)
        self.room -= len(piece)

    def spot(self, html: str) -> LinkSpot:
        raw = html[self.start : self.end]
        text = " ".join(unescape("".join(self.text)).replace("\0", "").split())
        if len(text) > TEXT_LIMIT:
            text = text[: TEXT_LIMIT - 1] + "…"
        return LinkSpot(self.start, self.end, self.quote, raw, link_target(raw), text, self.mark)


class _Scanner:
    """One pass over one text. What reads a construct returns the offset after it, or -1 if it never closes."""

    def __init__(self, html: str) -> None:
        self._html = html
        lower = html.lower()
        # Then every tag is looked at, not only those that tell of links.
        self._watchful = PLACE_MARK in lower or CID in lower
        self._pictures: list[ValueSpot] = []
        self._places: list[Place] = []
        self._found: list[_Found] = []
        self._anchor: _Found | None = None
        self._foreign = 0
        self._body_end = -1
        self._html_end = -1

    def run(self) -> Scan:
        position = 0
        while opening := _OPENING.search(self._html, self._skip(position)):
            at = opening.start()
            self._text(position, at)
            position = self._construct(at)
            if position < 0:
                # A browser swallows the rest from here on, so a pixel after it would not load.
                return self._result(at)
        self._text(position, len(self._html))
        return self._result(len(self._html))

    def _result(self, end: int) -> Scan:
        position = next((at for at in (self._body_end, self._html_end) if at >= 0), end)
        links = tuple(found.spot(self._html) for found in self._found)
        return Scan(
            links=links,
            pixel_position=position,
            pictures=tuple(self._pictures),
            places=tuple(self._places),
        )

    def _skip(self, position: int) -> int:
        if self._watchful or self._anchor is not None:
            return position
        untelling = _UNTELLING.match(self._html, position)
        return untelling.end() if untelling else position

    def _text(self, start: int, end: int) -> None:
        if self._anchor is not None:
            self._anchor.read(self._html, start, end)

    def _construct(self, at: int) -> int:
        if not self._watchful and (easy := easy_link(self._html, at)):
            return self._easy_link(easy)
        tag = _TAG.match(self._html, at)
        if tag is None:
            return self._declaration(at)
        name = tag[2].lower()
        if name in _BREAKS and self._anchor is not None:
            self._anchor.text.append(" ")
        if tag[1]:
            self._end_tag(name, at)
            return tag.end()
        return self._start_tag(name, tag)

    def _declaration(self, at: int) -> int:
        html = self._html
        if html.startswith("<!--", at) and not html.startswith(("<!-->", "<!--->"), at):
            end = _COMMENT_END.search(html, at + 4)
            return end.end() if end else -1
        closing = ">"
        if self._foreign and html.startswith("<![CDATA[", at):
            closing = "]]>"
        elif _TAG_OPENING.match(html, at):
            return -1
        found = html.find(closing, at)
        return found + len(closing) if found >= 0 else -1

    def _start_tag(self, name: str, tag: re.Match[str]) -> int:
        if self._watchful:
            self._look(name, tag)
        if name in LINK_ELEMENTS:
            self._link(name, tag)
        elif name == "img" and self._anchor is not None:
            self._alternative_text(self._anchor, tag)
        elif name in _FOREIGN:
            self._foreign += not tag[4].endswith("/")
        elif name in _RAW_TEXT and not self._foreign:
            return self._raw_text(name, tag.end())
        return tag.end()

    def _look(self, name: str, tag: re.Match[str]) -> None:
        """Note the pictures that a tag shows, and the place that it keeps."""
        written = tag[3].lower()
        if CID in written:
            attributes = self._attributes(tag)
            for source in ("src", "background") if name == "img" else ("background",):
                if spot := self._picture(attributes.get(source)):
                    self._pictures.append(spot)
        # Not in a link, whose own link a second one would end, nor where markup is no markup.
        free = self._anchor is None and not self._foreign and name not in _RAW_TEXT | {"a"}
        if PLACE_MARK in written and free and (mark := self._attributes(tag).get(PLACE_MARK)):
            value = decode_attribute(_value(mark)).strip()
            self._places.append(Place(position=tag.end(), value=value))

    def _picture(self, source: re.Match[str] | None) -> ValueSpot | None:
        if source is None or not source.lastindex or source.lastindex == 1:
            return None
        raw = source[source.lastindex]
        url = link_target(raw)
        if url[: len(CID)].lower() != CID:
            return None
        start, end = source.span(source.lastindex)
        return ValueSpot(start=start, end=end, quote=source[2] or source[4] or "", raw=raw, url=url)

    def _end_tag(self, name: str, at: int) -> None:
        if name == "a":
            self._anchor = None
        elif name == "body":
            self._body_end = at
        elif name == "html":
            self._html_end = at
        elif name in _FOREIGN:
            self._foreign = max(0, self._foreign - 1)

    def _link(self, name: str, tag: re.Match[str]) -> None:
        attributes = self._attributes(tag)
        found: _Found | None = None
        href = attributes.get("href")
        group = href.lastindex if href is not None else None
        # Group 1 alone is an attribute without a value: a browser takes that first one, and it leads nowhere.
        if href is not None and group is not None and group > 1:
            mark = attributes.get(FOLLOW_MARK)
            found = _Found(
                start=href.start(group),
                end=href.end(group),
                quote=href[2] or href[4] or "",
                mark=None if mark is None else decode_attribute(_value(mark)),
            )
            self._found.append(found)
        if name == "a":
            self._anchor = found
        elif found is not None and (alternative := attributes.get("alt")):
            found.text.append(_value(alternative)[:_RAW_TEXT_LIMIT])

    def _easy_link(self, link: re.Match[str]) -> int:
        found = _Found(start=link.start(1), end=link.end(1), quote='"', mark=None)
        found.text.append(words(link)[:_RAW_TEXT_LIMIT])
        self._found.append(found)
        self._anchor = None
        return link.end()

    def _alternative_text(self, anchor: _Found, tag: re.Match[str]) -> None:
        if alternative := self._attributes(tag).get("alt"):
            anchor.text.append(" ")
            anchor.read(_value(alternative), 0, _RAW_TEXT_LIMIT)
            anchor.text.append(" ")

    def _attributes(self, tag: re.Match[str]) -> dict[str, re.Match[str]]:
        """The attributes by lower-case name; of equal names the first counts, as in a browser."""
        attributes: dict[str, re.Match[str]] = {}
        for attribute in _ATTRIBUTE.finditer(self._html, *tag.span(3)):
            attributes.setdefault(attribute[1].lower(), attribute)
        return attributes

    def _raw_text(self, name: str, position: int) -> int:
        if name == "script":
            return self._script(position)
        end = _RAW_TEXT_END[name].search(self._html, position) if name != "plaintext" else None
        return end.start() if end else -1

    def _script(self, position: int) -> int:
        """Scripts end at `</script>`, unless it closes a `<script>` inside a `<!--` of theirs."""
        depth = 0  # 1: after `<!--`; 2: in a script inside that
        while mark := _SCRIPT_MARK.search(self._html, position):
            position = mark.end()
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


def _value(attribute: re.Match[str]) -> str:
    return attribute[3] or attribute[5] or attribute[6] or ""
