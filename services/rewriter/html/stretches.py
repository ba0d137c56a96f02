"""The quick way through ordinary markup: a long stretch at once, by a few searches over all of it.

`scanner` reads construct by construct, as a browser's tokenizer does, and needs some µs for each; of nearly all markup
of a mail it learns nothing. Here a stretch that begins between two constructs ends before what tells something (a start
of raw text, a comment with a link in it), the easy links are cut out of it, and what remains is judged as a whole:

- Nothing in it is **odd**: behind `=` and a quote comes that quote before `<` or `>`, so that no value hides a tag or
  its end. Then a tag ends at the first `>`.
- Before each link, and at the end, the last `>` comes after the last `<`: so that place is in no tag. (A `<` that
  begins no tag was met before; a tag may hold another `<`, but no `>`.)
- Nothing looks like an own picture or a kept place.

So the tokenizer, at the beginning between two constructs, is so again before each link, and at the end; and what it
passed on the way was text, tags that tell nothing, and what `_PASSED` names. Where one of these does not hold, the
stretch ends before that, and `scanner` reads what is there. Each test may refuse what is fine; none may accept what is
not. That both ways say the same is a law in the tests.
"""

import re
from bisect import bisect_right
from itertools import accumulate
from typing import Final, NamedTuple

from services.rewriter.html.easy_links import PIECES, cut, spots
from services.rewriter.html.spots import CID, LinkSpot
from services.rewriter.html.syntax import SPACE
from services.rewriter.html.tags import PLACE_MARK

# A quoted value in which `<` or `>` stands, or which never ends. Begins with a literal, which `re` finds quickest.
_ODD: Final = re.compile(rf"=[{SPACE}]*+(?:\"[^\"<>]*+[<>]|'[^'<>]*+[<>])")
# What tells something, or may: told by as few letters as can be, because each tag is asked. Of `syntax`: RAW_TEXT,
# FOREIGN, LINKS but for `<a` and `<area`, `<body`, `</body` and `</html`; and all that is no tag.
_TELLING: Final = re.compile(
    r"<(?:"
    r"/[^ac-gi-zAC-GI-Z](?:(?<=[bB])[oO][dD]|(?<=[hH])[tT]|(?<=[^A-Za-z]))"
    r"|[tTpP][eEiIlL]"
    r"|[^/ac-hj-lo-rtuwyzC-HJ-LO-RTUWYZ]"
    r"(?:[vVcC:fF]|[tT][yY]|[aA][tT]|[oO][dDeEfF]|(?<=[^bimnsvBIMNSV])))"
)

# A comment without links and what a browser takes for one, to Word and to everybody. Its end is the first.
_COMMENT: Final = (
    r"<!--(?!-?>)[^<\-]*+(?:(?:-(?!-!?>)|<(?![aAvV]))[^<\-]*+){0,500}--!?>"
    r"|<!(?!--)[^>]*+>|<\?[^>]*+>"
)
_STYLE: Final = (
    rf"<[sS][tT][yY][lL][eE](?=[{SPACE}>])[^<>]*+>[^<]*+</[sS][tT][yY][lL][eE][{SPACE}]*+>"
)
_PASSED: Final = re.compile(
    rf"{_COMMENT}|{_STYLE}|<(?=[^A-Za-z/!?])|(</[bB][oO][dD][yY][{SPACE}]*+>)|(</[hH][tT][mM][lL][{SPACE}]*+>)"
)
# So many in one stretch at most, of which each takes a µs or two.
_MOST_PASSED: Final = 500
_BODY: Final = 1
_HTML: Final = 2
# What stands before the body of an ordinary mail. Possessive or bounded, as all here.
_HEAD: Final = re.compile(
    rf"\ufeff?+(?:[{SPACE}]*+(?:{_COMMENT}|{_STYLE}"
    rf"|<(?:html|HTML|/?head|/?HEAD|meta|META|link|LINK|base|BASE)(?=[{SPACE}>/])[^<>]*+>"
    rf"|<(?:title|TITLE)>[^<]*+</(?:title|TITLE)>)){{0,100}}[{SPACE}]*+<(?:body|BODY)(?=[{SPACE}>])[^<>]*+>"
)
# Stands for a link that was cut out: a tag that tells nothing, and so never joins what is before and after.
_JOINT: Final = "<b>"
_PLACE: Final = re.compile(f"-(?i:{PLACE_MARK.partition('-')[2]})")
_PICTURE: Final = re.compile(f":(?<=(?i:{CID}))")
_UNSOUND: Final = (_ODD, _PLACE, _PICTURE)


class _Passed(NamedTuple):
    start: int
    end: int
    kind: int | None


class Stretch(NamedTuple):
    """What was read: `end` is between two constructs; the others are where the last end tag of that name began, or -1.

    `sound` is False where something was met of which `scanner` must say what it is.
    """

    end: int
    links: list[LinkSpot]
    body_end: int
    html_end: int
    sound: bool


def head_end(html: str, limit: int) -> int:
    """Where the body begins of a text with an ordinary head, in which no link stands; else -1."""
    found = _HEAD.match(html, 0, limit)
    return -1 if found is None or _ODD.search(found[0]) or _says(found[0]) else found.end()


def read(html: str, begin: int, limit: int) -> Stretch:
    """Read as far as all is ordinary, from a place between two constructs, in no link and in HTML's own namespace."""
    end, passed = _reach(html, begin, limit)
    pieces, other = cut(html[begin:end])
    offsets = list(accumulate(map(len, pieces), initial=begin))
    end = offsets[-1]
    if not _is_sound(pieces) or any(_in_a_link(offsets, one) for one in passed):
        other = True
        count, end = _sound_until(pieces, offsets, passed)
        del pieces[count * PIECES + 1 :]
    last = {one.kind: one.start for one in passed if one.start < end}
    return Stretch(end, spots(pieces, offsets), last.get(_BODY, -1), last.get(_HTML, -1), not other)


def _reach(html: str, begin: int, limit: int) -> tuple[int, list[_Passed]]:
    """Where what tells something begins, and what was passed before."""
    passed: list[_Passed] = []
    position = begin
    while found := _TELLING.search(html, position, limit):
        at = found.start()
        if len(passed) >= _MOST_PASSED:
            return at, passed
        skipped = None if _inside(html[position:at]) else _PASSED.match(html, at, limit)
        if skipped is None:
            return at, passed
        position = skipped.end()
        passed.append(_Passed(at, position, skipped.lastindex))
    # A tag that is cut off belongs to the next stretch.
    return max(position, html.rfind(">", begin, limit) + 1), passed


def _is_sound(pieces: list[str]) -> bool:
    between, words = pieces[::PIECES], "".join(pieces[4::PIECES])
    rest = _JOINT.join(between) + "<"
    return not (
        _ODD.search(rest)
        or _says(rest)
        # Where it ends with `>` one need not ask.
        or any(map(_inside, [one for one in between if one[-1:] != ">"]))
        or ("<" in words and _says(words))
    )


def _sound_until(pieces: list[str], offsets: list[int], passed: list[_Passed]) -> tuple[int, int]:
    """How many links come before what is not sound, and where the construct begins in which that is."""
    linked = {_piece(offsets, one) for one in passed if _in_a_link(offsets, one)}
    for number in range(0, len(pieces), PIECES):
        text, begin = pieces[number] + "<", offsets[number]
        places = [one.start() for pattern in _UNSOUND if (one := pattern.search(text))]
        if places or _inside(pieces[number]):
            at = min(places, default=len(text))
            for start, end, _ in passed:
                if start <= begin + at < end:
                    return number // PIECES, start
            tag = text.find("<", text.rfind(">", 0, at) + 1, at + 1)
            return number // PIECES, begin + (at if tag < 0 else tag)
        link = range(number + 1, number + PIECES)
        if not linked.isdisjoint(link) or _says("".join(pieces[number + 4 : number + 5])):
            return number // PIECES, offsets[number + 1]
    return len(pieces) // PIECES, offsets[-1]


def _in_a_link(offsets: list[int], one: _Passed) -> bool:
    """Whether it stands in the value of a link, which may hold anything."""
    return one.start < offsets[-1] and _piece(offsets, one) % PIECES > 0


def _piece(offsets: list[int], one: _Passed) -> int:
    return bisect_right(offsets, one.start) - 1


def _inside(text: str) -> bool:
    """Whether the end of a text without anything odd, which begins between two constructs, is within a tag."""
    return text.rfind("<") > text.rfind(">")


def _says(text: str) -> bool:
    return bool(_PICTURE.search(text) or _PLACE.search(text))
