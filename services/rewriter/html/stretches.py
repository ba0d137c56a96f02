"""The quick way through ordinary markup: a long stretch at once, by a few searches over all of it.

`scanner` reads construct by construct, as a browser's tokenizer does, and needs some µs for each; of nearly all markup
of a mail it learns nothing. Here a stretch that begins between two constructs is split at its easy links, and ends at
what tells something (the start of a raw text, a comment with a link in it). What remains is judged as a whole:

- Nothing in it is **odd**: behind `=` and a quote comes that quote before `<` or `>`, so that no value hides a tag or
  its end. Then a tag ends at the first `>`.
- Before each link, before each comment that is passed, and at the end, the last `>` comes after the last `<`: so that
  place is in no tag. (A `<` that begins no tag is split at; a tag may hold another `<`, but no `>`.)
- Nothing looks like an own picture or a kept place.

So the tokenizer, at the beginning between two constructs, is so again at each of these places. On the way it passed
nothing but text, tags that tell nothing, and comments and styles that hold no link. Where one of these does not hold,
the stretch ends before that, and `scanner` reads what is there. Each test may refuse what is fine; none may accept what
is not. That both ways say the same is a law in the tests.
"""

import re
from itertools import accumulate
from typing import Any, Final, NamedTuple

from services.rewriter.html.easy_links import LINK_BEGINS, LINK_ENDS, PIECES, spots
from services.rewriter.html.spots import CID, LinkSpot
from services.rewriter.html.syntax import SPACE
from services.rewriter.html.tags import PLACE_MARK
from services.rewriter.sought import Sought

# A quoted value in which `<` or `>` stands, or which never ends. Begins with a literal, which `re` finds quickest.
_ODD_VALUE: Final = rf"=[{SPACE}]*(?:\"[^\"<>]*[<>]|'[^'<>]*[<>])"
_ODD: Final = re.compile(_ODD_VALUE.replace("*", "*+"))
# A comment without links and what a browser takes for one, to Word and to everybody. Its end is the first. None holds
# `<!` but at its end, nor is it long, because its end is sought behind every `<!`.
_COMMENT: Final = (
    r"!--(?!-?>)[^<\-]*+"
    r"(?:(?:-(?!-!?>)|<(?:(?![aAvV!])|(?=!(?:\[endif\]|-- ?)?--!?>)))[^<\-]*+){0,60}--!?>"
    r"|!(?!--)[^>]{0,500}+>|\?[^>]{0,500}+>"
)
_STYLE: Final = rf"style(?=[{SPACE}>])[^<>]*+>[^<]*+</style[{SPACE}]*+>"
# At what a text is split: the easy links, and what tells something, or may. Of what tells nothing further all is
# matched: it ends with `>`, or is a `<` that begins nothing, with the character after it. Of the rest only as many
# letters as must be, because each tag is asked: of `syntax` this is RAW_TEXT, FOREIGN, LINKS, `<body`, `</body` and
# `</html`; and whatever is no tag.
_CUT: Final = re.compile(
    rf"(<(?:{LINK_BEGINS}"
    rf"|/[^ac-gi-zAC-GI-Z](?:(?<=[bB])[oO][dD](?:[yY][{SPACE}]*+>|)"
    rf"|(?<=[hH])[tT](?:[mM][lL][{SPACE}]*+>|)|(?<=[^A-Za-z]))"
    rf"|[tTpP][eEiIlL]|{_COMMENT}|{_STYLE}"
    r"|[^/ac-hj-lo-rtuwyzC-HJ-LO-RTUWYZ]"
    r"(?:[vVcC:fF]|[tT][yY]|[aA][tT]|[oO][dDeEfF]|(?<=[aAxX])|(?<=[^A-Za-z]))))"
    rf"{LINK_ENDS}"
)
# So many that tell nothing in one stretch at most, of which each takes a µs or two.
_MOST_PASSED: Final = 500
# What stands before the body of an ordinary mail. Possessive or bounded, as all here.
_HEAD: Final = re.compile(
    rf"\ufeff?+(?:[{SPACE}]*+<(?:{_COMMENT}|{_STYLE}"
    rf"|(?:html|HTML|/?head|/?HEAD|meta|META|link|LINK|base|BASE)(?=[{SPACE}>/])[^<>]*+>"
    rf"|(?:title|TITLE)>[^<]*+</(?:title|TITLE)>)){{0,100}}[{SPACE}]*+<(?:body|BODY)(?=[{SPACE}>])[^<>]*+>"
)
# Stands for a link that was cut out: a tag that tells nothing, and so never joins what is before and after.
_JOINT: Final = "<b>"
_PLACE: Final = re.compile(f"-(?i:{PLACE_MARK.partition('-')[2]})")
_PICTURE: Final = re.compile(f":(?<=(?i:{CID}))")
_UNSOUND: Final = (_ODD, _PLACE, _PICTURE)
# The same, to be asked whether one of them stands in a text.
_SOME_SAY: Final = rf"(?i:{CID}|-{PLACE_MARK.partition('-')[2]})"
_UNSOUND_SOMEWHERE: Final = Sought(f"{_ODD_VALUE}|{_SOME_SAY}")
_SAYS_SOMEWHERE: Final = Sought(_SOME_SAY)


class _Passed(NamedTuple):
    """What tells nothing further, of which piece, and where it begins in that."""

    piece: int
    start: int
    markup: str


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
    pieces, passed, sound = cut(html[begin:limit])
    offsets = list(accumulate(map(len, pieces), initial=begin))
    end = offsets[-1]
    if not _is_sound(pieces):
        sound = False
        count, end = _sound_until(pieces, offsets, passed)
        del pieces[count * PIECES + 1 :]
    body_end = html_end = -1
    for number, start, markup in passed:
        at, name = offsets[number] + start, markup[:3].lower()
        if name == "</b" and at < end:
            body_end = at
        elif name == "</h" and at < end:
            html_end = at
    return Stretch(end, spots(pieces, offsets), body_end, html_end, sound)


def cut(text: str) -> tuple[list[str], list[_Passed], bool]:
    """Split a text at its easy links, up to what tells something; and say what was passed, and whether all was.

    The first piece is what stands before the first link; then of each link there are its tag up to the address, the
    address, the rest of the tag, the words, and what follows, which begins with its end tag.
    """
    pieces = _CUT.split(text)
    passed: list[_Passed] = []
    number = 0
    while (number := _other(pieces, number)) >= 0:
        before, markup = pieces[number : number + 2]
        if _tells(markup) or len(passed) == _MOST_PASSED or _inside(before):
            del pieces[number + 1 :]
            return pieces, passed, False
        passed.append(_Passed(number, len(before), markup))
        pieces[number : number + PIECES + 1] = [before + markup + pieces[number + PIECES]]
    last = pieces[-1]
    if last[-1:] != ">":
        # A tag that is cut off belongs to the next stretch.
        pieces[-1] = last[: last.rfind(">") + 1]
    return pieces, passed, True


def _other(pieces: list[Any], begin: int) -> int:
    """After which piece from there on comes something else than a link."""
    try:
        return pieces.index(None, begin) - 2
    except ValueError:
        return -1


def _tells(markup: str) -> bool:
    if len(markup) == 2 and not markup[1].isalpha():
        return markup[1] in "!?<"
    return markup[-1] != ">"


def _is_sound(pieces: list[str]) -> bool:
    between, words = pieces[::PIECES], "".join(pieces[4::PIECES])
    rest = _JOINT.join(between) + "<"
    return not (
        _UNSOUND_SOMEWHERE.may_stand_in(rest)
        # Where it ends with `>` one need not ask.
        or any(map(_inside, [one for one in between if one[-1:] != ">"]))
        or ("<" in words and _says(words))
    )


def _sound_until(pieces: list[str], offsets: list[int], passed: list[_Passed]) -> tuple[int, int]:
    """How many links come before what is not sound, and where the construct begins in which that is."""
    for number in range(0, len(pieces), PIECES):
        text, begin = pieces[number] + "<", offsets[number]
        places = [one.start() for pattern in _UNSOUND if (one := pattern.search(text))]
        if places or _inside(pieces[number]):
            at = min(places, default=len(text))
            for piece, start, markup in passed:
                if piece == number and start <= at < start + len(markup):
                    return number // PIECES, begin + start
            tag = text.find("<", text.rfind(">", 0, at) + 1, at + 1)
            return number // PIECES, begin + (at if tag < 0 else tag)
        if _says("".join(pieces[number + 4 : number + 5])):
            return number // PIECES, offsets[number + 1]
    return len(pieces) // PIECES, offsets[-1]


def _inside(text: str) -> bool:
    """Whether the end of a text without anything odd, which begins between two constructs, is within a tag."""
    return text.rfind("<") > text.rfind(">")


def _says(text: str) -> bool:
    return _SAYS_SOMEWHERE.may_stand_in(text)
