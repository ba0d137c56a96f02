"""Find the web addresses in a plain text, where mail programs make links of them. One linear pass; judges nothing.

An address ends at a blank, a quote or an angle bracket; what punctuation follows it belongs to the sentence, and so
does a closing bracket that it does not open itself. A placeholder in it stays in it, so that `links` can see it.
"""

import re
from typing import Final

from services.rewriter.html import LinkSpot

_ADDRESS: Final = re.compile(r"(?<![A-Za-z0-9+.-])https?://[^\s<>\"\x00-\x1f\x7f]++", re.IGNORECASE)
_AFTER: Final = ".,;:!?'*_~"
_PAIRS: Final = {")": "(", "]": "[", "}": "{"}
# Beyond that nothing is followed (`url_too_long`), so nobody has to look where it ends.
_MOST_CHARACTERS: Final = 4_000


def scan(text: str) -> tuple[LinkSpot, ...]:
    """Return the addresses in order; of each, the text is the address itself."""
    return tuple(_spot(found.start(), _trimmed(found[0])) for found in _ADDRESS.finditer(text))


def _trimmed(url: str) -> str:
    if len(url) > _MOST_CHARACTERS:
        return url
    end = len(url)
    while end > 0:
        last = url[end - 1]
        opening = _PAIRS.get(last)
        if last in _AFTER or (
            opening is not None and url.count(last, 0, end) > url.count(opening, 0, end)
        ):
            end -= 1
        else:
            break
    return url[:end]


def _spot(start: int, url: str) -> LinkSpot:
    return LinkSpot(
        start=start, end=start + len(url), quote="", raw=url, url=url, text=url, mark=None
    )
