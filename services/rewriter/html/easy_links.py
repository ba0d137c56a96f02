"""What nearly every link of a mail is, cut out of a text by one expression.

Attributes in quotes, none of them ours; and words that are at most emphasised, or a picture's. Any other link is read
tag by tag by `scanner`, with the same result; that is a law in the tests.
"""

import re
from collections.abc import Sequence
from itertools import repeat
from operator import itemgetter
from typing import Final

from services.rewriter.html.spots import RAW_TEXT_LIMIT, TEXT_LIMIT, LinkSpot, link_text
from services.rewriter.html.syntax import SPACE
from services.rewriter.references import link_target
from services.rewriter.sought import Sought

_NAME: Final = r"[a-z][a-z0-9\-]*+="
_VALUE: Final = rf"(?:\"[^\"]*+\"|'[^']*+'|[^{SPACE}\"'<>=/]++)"
_HREF: Final = rf"[{SPACE}]++href=[\"']"
# Not what `scanner` asks of the tag of a link: a mark, or a picture behind it.
_ATTRIBUTE: Final = rf"[{SPACE}]++(?!data-inkling|background=){_NAME}{_VALUE}"
_BEFORE: Final = rf"[{SPACE}]++(?!href=|data-inkling|background=){_NAME}{_VALUE}"
# In the words of a link no value holds `<` or `>`, so that they are easily told from the tags.
_SIMPLE: Final = rf"[{SPACE}]++{_NAME}\"[^\"<>]*+\""
_EMPHASIS: Final = (
    rf"</?(?:b|br|em|font|i|img|small|span|strong|u)(?:{_SIMPLE}){{0,20}}[{SPACE}]*+/?>"
)


def _some(pattern: str) -> str:
    """Up to ten of it: nested choices, of which each remembers less than a turn of a loop."""
    nested = ""
    for _ in range(10):
        nested = f"(?:{pattern}{nested}|)"
    return nested


# Such a link in two, so that it can be sought beside other things: up to its address, or of another `<a` or `<area`
# these letters; and three groups, or behind anything else none: the address, the rest of the tag, and the words up to
# the end tag.
LINK_BEGINS: Final = rf"a(?:{_some(_BEFORE)}{_HREF}|(?=[{SPACE}/>rR]))"
LINK_ENDS: Final = (
    rf"(?:(?<==[\"'])((?<=\")[^\"]*+|(?<=')[^']*+)([\"']{_some(_ATTRIBUTE)}[{SPACE}]*+>)"
    rf"([^<]*+(?:(?=</a>)|(?:{_EMPHASIS}[^<]*+){{1,8}}))(?=</a>)|)"
)
# Of a text that is split at these and what stands before, so many pieces lie from one link to the next.
PIECES: Final = 5

_MARKUP: Final = re.compile(r"<[^>]*+>")
_ALTERNATIVE: Final = re.compile(
    rf"<img(?:(?![{SPACE}]++alt=){_SIMPLE}){{0,20}}[{SPACE}]++alt=\"([^\"]*+)\""
)
# What `link_target` takes away at both ends of an address.
_STRIPPED: Final = "".join(map(chr, range(0x21)))
# In lines of words, white space of which some is left out or becomes a blank.
_UNEVEN: Final = Sought(
    "[\t\v-\r\x1c-\x1f\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]|  |^ |\n | \n| $"
)


def spots(pieces: Sequence[str], offsets: Sequence[int]) -> list[LinkSpot]:
    """Make the links of a text that was split: of each five pieces the third is an address, the fifth its words.

    Each piece begins at one of the offsets.
    """
    if len(pieces) < PIECES:
        return []
    raws = pieces[2::PIECES]
    found = zip(
        offsets[2::PIECES],
        offsets[3::PIECES],
        map(itemgetter(-1), pieces[1::PIECES]),
        raws,
        targets(raws),
        texts(pieces[4::PIECES]),
        repeat(None),
        strict=False,
    )
    # As `LinkSpot._make` does, which takes twice as long.
    return list(map(tuple.__new__, repeat(LinkSpot), found))


def targets(raws: Sequence[str]) -> list[str]:
    """What `link_target` says of each of these values; with less ado where nothing in any of them is unusual."""
    plain = [one.replace("&amp;", "&") for one in raws]
    together = "".join(plain)
    # Nearly always each `&` was an `&amp;`, and nothing stands there that is taken out wherever it does.
    changed = len("".join(raws)) - len(together)
    if changed != 4 * together.count("&") or any(map(together.__contains__, "\0\t\n\r")):
        return list(map(link_target, raws))
    return [one.strip(_STRIPPED) for one in plain]


def texts(written: Sequence[str]) -> list[str]:
    """What `link_text` says of the words of each link; with less ado where nothing in any of them is unusual."""
    together = "\n".join(written)
    if max(map(len, written)) > TEXT_LIMIT or any(map(together.__contains__, "&<\0")):
        return [link_text(words(one)[:RAW_TEXT_LIMIT]) for one in written]
    if together.count("\n") >= len(written) or _UNEVEN.may_stand_in(together):
        return [" ".join(one.split()) for one in written]
    return list(written)


def words(written: str) -> str:
    """What the reader sees of what stands in a link, references not decoded, nor blanks made one."""
    return _MARKUP.sub(_said, written) if "<" in written else written


def _said(tag: re.Match[str]) -> str:
    if alternative := _ALTERNATIVE.match(tag[0]):
        return f" {alternative[1]} "
    return " " if tag[0].startswith(("<br", "</br")) else ""
