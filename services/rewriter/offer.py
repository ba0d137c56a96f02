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
    files: Sequence[Offered],
    places: Iterable[tuple[int, Place]],
    end: tuple[int, int],
    make: MakeLink,
) -> list[tuple[int, Edit]]:
    """The edits that offer each file once: at its own place, else at the one for all, else at the end, by the pixel.

    A mail may have several texts: each place, the end and each edit stand behind the number of theirs.
    """
    if not files:
        return []
    kept: dict[str, tuple[int, int]] = {}
    for number, place in places:
        kept.setdefault(place.value, (number, place.position))
    made = [
        _at(kept[str(one.index)], markup([one], make)) for one in files if str(one.index) in kept
    ]
    rest = [one for one in files if str(one.index) not in kept]
    return [*made, _at(kept.get("", end), markup(rest, make))] if rest else made


def markup(files: Iterable[Offered], make: MakeLink) -> str:
    """Write the list of links."""
    items = (
        _ITEM.format(escape(make(one.index)), escape(one.name), shown_size(one.size))
        for one in files
    )
    return _LIST.format("".join(items))


def append(text: str, files: Sequence[Offered], make: MakeLink) -> list[Edit]:
    """The edit that offers the files at the end of a plain text, after a blank line, in line ends like its own."""
    if not files:
        return []
    end = "\r\n" if "\r\n" in text else "\n"
    gap = "" if not text else end if text.endswith("\n") else end * 2
    lines = (f"{one.name} ({shown_size(one.size)}){end}{make(one.index)}{end}" for one in files)
    return [Edit(len(text), len(text), f"{gap}{end.join(lines)}")]


def shown_size(size: int) -> str:
    """Write a size for people: three digits at most, in units of a thousand."""
    if size < 1000:
        return f"{size} B"
    shown, unit = size / 1000, 0
    while shown >= 999.5 and unit < len(_UNITS) - 1:
        shown, unit = shown / 1000, unit + 1
    digits = f"{shown:.1f}" if shown < 9.95 else f"{shown:.0f}"
    return f"{digits.removesuffix('.0')} {_UNITS[unit]}"


def _at(place: tuple[int, int], text: str) -> tuple[int, Edit]:
    number, position = place
    return number, Edit(position, position, text)
