"""The edits there are, and how they are carried out: whatever none of them names leaves exactly as it came."""

from collections.abc import Iterable
from operator import itemgetter
from typing import Final, NamedTuple

from services.rewriter.html.spots import LinkSpot, ValueSpot
from services.rewriter.html.syntax import UNQUOTED_UNSAFE

_PIXEL: Final = (
    '<img src="{}" width="1" height="1" alt="" style="display:block;width:1px;height:1px;border:0">'
)
# Nobody sees, hears or reaches it: not displayed, nor by Word (`mso-hide`), out of the accessibility tree and of the
# order of tabs, and where all of that is stripped there still is nothing in it to see.
_CANARY: Final = '<a href="{}" tabindex="-1" aria-hidden="true" rel="nofollow" style="display:none;mso-hide:all"></a>'


class Edit(NamedTuple):
    """Markup to stand in place of `html[start:end]`."""

    start: int
    end: int
    markup: str


def splice(html: str, edits: Iterable[Edit]) -> str:
    """Carry out edits given in any order; every other character stays. Overlapping edits raise ValueError.

    Of those at one place the first given comes first.
    """
    pieces: list[str] = []
    position = 0
    for start, end, markup in sorted(edits, key=itemgetter(0, 1)):
        if not position <= start <= end <= len(html):
            raise ValueError(f"the edit at {start} overlaps another or lies outside the text")
        pieces.append(html[position:start])
        pieces.append(markup)
        position = end
    pieces.append(html[position:])
    return "".join(pieces)


def replace_value(spot: ValueSpot | LinkSpot, url: str) -> Edit:
    """The edit that puts `url` there, escaped for the quotes found; a bare value gets some if it must."""
    # A link may stand in a comment, which `-->` would end.
    value = url.replace("&", "&amp;").replace(">", "&gt;")
    if spot.quote == "'":
        value = value.replace("'", "&#39;")
    elif spot.quote:
        value = value.replace('"', "&quot;")
    elif UNQUOTED_UNSAFE.search(value) or value.endswith(("-", "!")):
        value = '"' + value.replace('"', "&quot;") + '"'
    return Edit(spot.start, spot.end, value)


def insert_pixel(position: int, url: str) -> Edit:
    """The edit that puts the pixel at a position that a scan gave."""
    return Edit(position, position, _PIXEL.format(_escaped(url)))


def insert_canary(position: int, url: str) -> Edit:
    """The edit that puts a link there that no person sees, but whoever follows every link of a mail follows."""
    return Edit(position, position, _CANARY.format(_escaped(url)))


def remove_marks(marks: Iterable[tuple[int, int]]) -> list[Edit]:
    """The edits that take away what a scan found under `marks`."""
    return [Edit(start, end, "") for start, end in marks]


def _escaped(url: str) -> str:
    return url.replace("&", "&amp;").replace('"', "&quot;")
