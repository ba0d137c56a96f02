"""How followed files are offered: a small list of links in the HTML, and lines at the end of the text part.

The list stands where the mail keeps a place for it, an element with the attribute `data-inkling-attachments`, else
just before the pixel. An element whose attribute has a number as value keeps a place for the file of that index alone.
There are no words in it, so it suits a mail in any language.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from services.rewriter.html import Edit, Place

MakeLink = Callable[[int], str]
"""From a file's index to the link that leads to it."""

_LIST: Final = (
    '<ul style="margin:16px 0;padding:0 0 0 20px;font-family:Arial,sans-serif;font-size:14px;line-height:20px">'
    "{}</ul>"
)
_ITEM: Final = '<li dir="auto"><a href="{}">{}</a> ({})</li>'
_UNITS: Final = ("kB", "MB", "GB")


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """A followed file as its reader is told of it."""

    index: int
    name: str
    size: int


def edits(
    files: Sequence[Offered], places: Iterable[Place], pixel_position: int, make: MakeLink
) -> list[Edit]:
    """The edits that offer each file once: at its own place, else at the one for all, else before the pixel."""
    kept: dict[str, int] = {}
    for place in places:
        kept.setdefault(place.value, place.position)
    position = kept.get("", pixel_position)
    rest = [one for one in files if str(one.index) not in kept]
    made = [
        Edit(kept[str(one.index)], kept[str(one.index)], markup([one], make))
        for one in files
        if str(one.index) in kept
    ]
    return [*made, Edit(position, position, markup(rest, make))] if rest else made


def markup(files: Iterable[Offered], make: MakeLink) -> str:
    """Write the list of links."""
    items = (
        _ITEM.format(escape(make(one.index)), escape(one.name), shown_size(one.size))
        for one in files
    )
    return _LIST.format("".join(items))


def append(text: str, files: Sequence[Offered], make: MakeLink) -> str:
    """Offer the files at the end of a plain text, after a blank line, in line ends like its own."""
    if not files:
        return text
    end = "\r\n" if "\r\n" in text else "\n"
    gap = "" if not text else end if text.endswith("\n") else end * 2
    lines = (f"{one.name} ({shown_size(one.size)}){end}{make(one.index)}{end}" for one in files)
    return f"{text}{gap}{end.join(lines)}"


def shown_size(size: int) -> str:
    """Write a size for people: three digits at most, in units of a thousand."""
    if size < 1000:
        return f"{size} B"
    shown, unit = size / 1000, 0
    while shown >= 999.5 and unit < len(_UNITS) - 1:
        shown, unit = shown / 1000, unit + 1
    digits = f"{shown:.1f}" if shown < 9.95 else f"{shown:.0f}"
    return f"{digits.removesuffix('.0')} {_UNITS[unit]}"
