"""Find the web addresses in a plain text, where mail programs make links of them. One linear pass; judges nothing.

An address ends at a blank, a quote or an angle bracket; what punctuation follows it belongs to the sentence, and so
does a closing bracket that it does not open itself. A placeholder in it stays in it, so that `links` can see it.

Where programs differ in where one ends, it is passed over: in scripts without blanks a sentence goes on behind it
(`https://x.example/を見て`), unless it stands in angle brackets; and in a text whose lines break words, at a line end.
"""

import re
from typing import Final

from services.rewriter.html import TEXT_LIMIT, LinkSpot

# Quotes of every language and what is not seen end one too, and so does the punctuation of Chinese and Japanese.
_ADDRESS: Final = re.compile(
    r"(?<![A-Za-z0-9+.-])https?://"
    r"[^\s<>\"\x00-\x1f\x7f\u00ab\u00bb\u200b-\u200f\u2018-\u201f\u2028-\u202f\u2039\u203a\u2060\u3000-\u303f\ufeff\uff00-\uff65]++",
    re.IGNORECASE,
)
# From Thai on, scripts that put no blank between words, or none before what they hang on to one.
_UNSPACED: Final = re.compile(
    "[\u0e00-\u1cff\u2e80-\ud7ff\uf900-\ufaff\uff66-\uffdc\U00020000-\U0003ffff]"
)
_BROKEN: Final = re.compile(r"[^\s<>\"]{0,32}+ \r?\n(?=\S)")
_AFTER: Final = ".,;:!?'*_~"
_PAIRS: Final = {")": "(", "]": "[", "}": "{"}
# Beyond that nothing is followed (`url_too_long`), so nobody has to look where it ends.
_MOST_CHARACTERS: Final = 4_000


def scan(text: str, breaks_words: bool = False) -> tuple[LinkSpot, ...]:
    """Return the addresses in order; of each, the text is the address itself, as much as of any link is kept.

    With `breaks_words`, a blank at the end of a line is none, and the next line goes on (`DelSp=yes`, RFC 3676 §4).
    """
    return tuple(
        _spot(found.start(), _trimmed(found[0]))
        for found in _ADDRESS.finditer(text)
        if not (breaks_words and _BROKEN.match(text, found.end()))
        and (not _UNSPACED.search(found[0]) or _is_bracketed(text, found))
    )


def _is_bracketed(text: str, found: re.Match[str]) -> bool:
    """Whether it stands in angle brackets, where everybody sees how far it goes (RFC 3986, appendix C)."""
    return (
        text[found.end() : found.end() + 1] == ">"
        and text[found.start() - 1 : found.start()] == "<"
    )


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
    text = url if len(url) <= TEXT_LIMIT else f"{url[: TEXT_LIMIT - 1]}…"
    return LinkSpot(
        start=start, end=start + len(url), quote="", raw=url, url=url, text=text, mark=None
    )
