"""Read from an automatic reply the day on which its author says to be back.

Conservative: a date counts only beside words that speak of returning, or straight after one that says "until"; a date
that can be read in two ways, lies in the past or more than a year ahead, is none. Nobody says in which time zone: the
day begins at 00:00 UTC.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from schemas.instant import SECOND, Instant
from services.rewriter.replies import months

MAX_CHARACTERS: Final = 8 * 1024
_DAY: Final = 24 * 3600 * SECOND
_EPOCH: Final = date(1970, 1, 1)
_AHEAD: Final = timedelta(days=366)
# A day without a year is the next one of its name, unless that would be this long ago said otherwise.
_AHEAD_WITHOUT_YEAR: Final = timedelta(days=183)
_AFTER_WORD: Final = 60
_BEFORE_WORD: Final = 40
_AFTER_UNTIL: Final = 18

_QUOTED: Final = re.compile(
    r"^[ \t]{0,4}(>|-{2,}\s?(original|ursprüngliche|message d|mensaje|messaggio|oorspronkelijk)|"
    r"(from|von|de|da|van|från|fra):\s)",
    re.IGNORECASE,
)
_CLAUSE: Final = re.compile(r"(?<!\d)[.!?;](?=\s)|\n\s*\n|[。\uff01\uff1f]")
_TAIL: Final = r"(?:,?\s{1,3}(?:de\s|del\s|do\s)?(\d{4})(?!\d))?"
_FORMS: Final = (
    ("ymd", re.compile(r"(?<!\d)(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?!\d)")),
    (
        "east_asian",
        re.compile(r"(?:(\d{4})\s?[年년]\s?)?(?<!\d)(\d{1,2})\s?[月월]\s?(\d{1,2})\s?[日号號일]"),
    ),
    ("dotted", re.compile(r"(?<![\d.])(\d{1,2})\.\s?(\d{1,2})\.(?:\s?(\d{4}|\d{2})(?![\d.:]))?")),
    ("slashed", re.compile(r"(?<![\d/-])(\d{1,2})([/-])(\d{1,2})\2(\d{4}|\d{2})(?![\d/-])")),
    (
        "day_month",
        re.compile(
            r"(?<!\d)(\d{1,2})(?:\.|st|nd|rd|th|er|º|°|:e)?\s{1,3}(?:de\s|of\s|di\s)?([^\W\d_]{3,12})\.?"
            + _TAIL
        ),
    ),
    (
        "month_day",
        re.compile(r"(?<!\w)([a-z]{3,9})\.?\s{1,3}(\d{1,2})(?:st|nd|rd|th)?(?![\d:]|\.\d)" + _TAIL),
    ),
)


@dataclass(frozen=True, slots=True)
class _Place:
    begin: int
    end: int
    english: bool


@dataclass(frozen=True, slots=True)
class _Found:
    """A date as it stands in a clause; `swapped` is its other reading, where there is one."""

    begin: int
    end: int
    year: int | None
    month: int
    day: int
    swapped: bool = False


def _words(*groups: tuple[tuple[str, ...], bool]) -> tuple[tuple[re.Pattern[str], bool], ...]:
    return tuple(
        (re.compile(rf"(?<!\w)(?:{'|'.join(map(_stem, words))})"), english)
        for words, english in groups
    )


def _stem(word: str) -> str:
    return re.escape(word.rstrip("$")) + (r"(?!\w)" if word.endswith("$") else "")


_RETURNING: Final = (
    *_words((months.ENGLISH_RETURNING, True), (months.RETURNING, False)),
    (re.compile("|".join(months.EAST_ASIAN_RETURNING)), False),
)
_UNTIL: Final = (
    *_words(
        (tuple(f"{one}$" for one in months.ENGLISH_UNTIL), True),
        (tuple(f"{one}$" for one in sorted(months.UNTIL, key=len, reverse=True)), False),
    ),
    (re.compile("[至到]"), False),
)
_EAST_ASIAN_UNTIL: Final = re.compile(r"\s?(まで|까지|止)")


def read(text: str, received_at: Instant) -> Instant | None:
    """Return the day on which the author is back, or None where the text does not clearly say so."""
    today = _EPOCH + timedelta(days=received_at // _DAY)
    clauses = [
        _clause(one) for one in _CLAUSE.split(_own_words(text)) if any(map(str.isdigit, one))
    ]
    for look in (_returning, _until):
        for clause in clauses:
            if found := look(clause, today):
                return Instant((found - _EPOCH).days * _DAY)
    return None


def _own_words(text: str) -> str:
    """Drop what is quoted below an answer, or in it."""
    lines = []
    for line in text[:MAX_CHARACTERS].splitlines():
        if found := _QUOTED.match(line):
            if found[1] != ">":
                break
            continue
        lines.append(line)
    return "\n".join(lines)


def _clause(text: str) -> str:
    flat = " ".join(text.split()).lower()
    return flat.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")


def _returning(clause: str, today: date) -> date | None:
    """Find the date beside a word of returning: after it, or in other languages than English also before it."""
    dates = list(_dates(clause))
    for word in _places(clause, _RETURNING):
        after = [one for one in dates if 0 <= one.begin - word.end <= _AFTER_WORD]
        before = [one for one in dates[::-1] if 0 <= word.begin - one.end <= _BEFORE_WORD]
        for one in after[:1] or ([] if word.english else before[:1]):
            if day := _day(one, word.english, today):
                return day
    return None


def _until(clause: str, today: date) -> date | None:
    """Find the date straight after a word that says until when."""
    dates = list(_dates(clause))
    for word in _places(clause, _UNTIL):
        for one in dates:
            if 0 <= one.begin - word.end <= _AFTER_UNTIL and (
                day := _day(one, word.english, today)
            ):
                return day
    marked = (one for one in dates if _EAST_ASIAN_UNTIL.match(clause, one.end))
    return next((day for one in marked if (day := _day(one, False, today))), None)


def _places(clause: str, words: Iterable[tuple[re.Pattern[str], bool]]) -> Iterator[_Place]:
    for pattern, english in words:
        for found in pattern.finditer(clause):
            yield _Place(found.start(), found.end(), english)


def _dates(clause: str) -> Iterator[_Found]:
    """Find every date in a clause, in the order in which they stand."""
    found = [
        read_one
        for form, pattern in _FORMS
        for hit in pattern.finditer(clause)
        if (read_one := _read(form, hit)) is not None
    ]
    yield from sorted(found, key=lambda one: (one.begin, -one.end))


def _read(form: str, hit: re.Match[str]) -> _Found | None:
    begin, end = hit.span()
    match form:
        case "ymd":
            return _Found(begin, end, int(hit[1]), int(hit[3]), int(hit[4]))
        case "east_asian":
            return _Found(begin, end, _year(hit[1]), int(hit[2]), int(hit[3]))
        case "dotted":
            return _Found(begin, end, _year(hit[3]), int(hit[2]), int(hit[1]))
        case "slashed":
            return _Found(begin, end, _year(hit[4]), int(hit[3]), int(hit[1]), swapped=True)
        case "day_month":
            month = months.MONTHS.get(hit[2])
            return None if month is None else _Found(begin, end, _year(hit[3]), month, int(hit[1]))
        case _:
            month = months.MONTHS.get(hit[1]) if hit[1] in months.ENGLISH_MONTHS else None
            return None if month is None else _Found(begin, end, _year(hit[3]), month, int(hit[2]))


def _year(written: str | None) -> int | None:
    if written is None:
        return None
    return int(written) if len(written) == 4 else 2000 + int(written)


def _day(one: _Found, english: bool, today: date) -> date | None:
    """Make a date of what was found, if there is one way to read it and it lies ahead."""
    month, day = one.month, one.day
    if one.swapped and month != day and english and month <= 12 and day <= 12:
        return None
    if one.swapped and month > 12:
        month, day = day, month
    if one.year is not None:
        return _ahead(one.year, month, day, today, _AHEAD)
    this = _ahead(today.year, month, day, today, _AHEAD_WITHOUT_YEAR)
    return this or _ahead(today.year + 1, month, day, today, _AHEAD_WITHOUT_YEAR)


def _ahead(year: int, month: int, day: int, today: date, limit: timedelta) -> date | None:
    try:
        made = date(year, month, day)
    except ValueError:
        return None
    return made if today < made <= today + limit else None
