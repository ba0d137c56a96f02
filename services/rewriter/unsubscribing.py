"""Tell links with which a person leaves a list: following them is the tenant's choice, and not done unasked.

The rule, in docs/rewriting.md: a link that the mail's `List-Unsubscribe` names, or one whose address or whose words
hold one of the stems below. Stems are compared in lower case, without accents, with blanks and dashes alike, in the
address after its percent-escapes are decoded. Words of more than 100 characters are a sentence about something else.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

from services.rewriter.sought import Sought

_LONGEST_WORDS: Final = 100
# By language; without accents and with a blank for every dash and underscore, as `_plain` writes what is compared.
STEMS: Final = {
    "en": ("unsubscrib", "opt out", "optout", "remove me from", "email preferences"),
    "de": ("abmeld", "abbestell", "austragen"),
    "fr": ("desabonn", "desinscri", "se desinscrire"),
    "es": ("darse de baja", "darme de baja", "date de baja", "cancelar suscripcion", "desuscrib"),
    "pt": ("cancelar inscricao", "cancelar subscricao", "descadastr", "anular subscricao"),
    "it": ("disiscri", "annulla iscrizione", "cancellati", "cancella iscrizione"),
    "nl": ("afmeld", "uitschrijv"),
    "pl": ("wypisz", "rezygnuj", "anuluj subskrypcj", "zrezygnuj"),
    "cs": ("odhlasit", "odhlaseni"),
    "sv": ("avregistrera", "avprenumerera", "avanmal"),
    "no": ("avmeld", "meld meg av"),
    "da": ("afmeld", "frameld"),
    "fi": ("peruuta tilaus", "peru tilaus"),
    "hu": ("leiratkoz",),
    "ro": ("dezabon",),
    "tr": ("abonelikten", "aboneligi iptal"),
    "el": ("διαγραφη απο", "κατάργηση εγγραφής", "απεγγραφ"),
    "ru": ("отписат", "отписк", "отказаться от рассылки"),
    "uk": ("відписат", "скасувати підписку"),
    "ar": ("الغاء الاشتراك", "إلغاء الاشتراك"),
    "he": ("להסרה", "הסר אותי"),
    "ja": ("配信停止", "登録解除", "購読解除", "配信解除"),
    "zh": ("退订", "取消订阅", "退訂", "取消訂閱"),
    "ko": ("수신거부", "수신 거부", "구독 취소", "구독취소"),
}
_BLANKS: Final = re.compile(r"[\s_\-+.]+")


def _plain(text: str) -> str:
    """Write a text in the one way in which stems are compared."""
    text = text.lower()
    if not text.isascii():
        parts = unicodedata.normalize("NFKD", text)
        text = "".join(one for one in parts if not unicodedata.combining(one))
    return _BLANKS.sub(" ", text)


_STEMS: Final = tuple(sorted({_plain(stem) for stems in STEMS.values() for stem in stems}))
_ASCII_STEMS: Final = tuple(stem for stem in _STEMS if stem.isascii())


# What `_plain` makes one blank, of characters of ASCII.
_GAP: Final = "[\t-\r\x1c- _\\-+.]+"
_SAYS_SO: Final = Sought("|".join(stem.replace(" ", _GAP) for stem in _ASCII_STEMS))


def suspects(urls: Sequence[str], texts: Sequence[str], named: Collection[str] = ()) -> set[int]:
    """Number those of a mail's links (address and words) of which `is_unsubscribe` need be asked; all others are none.

    Most mails hold none of the stems, which is asked of all links at once.
    """
    lines = [*urls, *texts]
    whole = "\n".join(lines)
    if "%" in whole:
        lines[: len(urls)] = map(unquote, urls)
        whole = "\n".join(lines)
    numbers: set[int] = set()
    if not whole.isascii():
        numbers.update(number for number, line in enumerate(lines) if not line.isascii())
    if _SAYS_SO.may_stand_in(whole.lower()):
        says_so = _SAYS_SO.may_stand_in
        numbers.update([number for number, line in enumerate(lines) if says_so(line.lower())])
    found = {number % len(urls) for number in numbers}
    return (
        found.union(number for number, url in enumerate(urls) if url in named) if named else found
    )


@lru_cache(maxsize=4_096)
def _says_so(text: str) -> bool:
    plain = _plain(text)
    stems = _ASCII_STEMS if plain.isascii() else _STEMS
    return any(stem in plain for stem in stems)


def is_unsubscribe(url: str, text: str, named: Iterable[str] = ()) -> bool:
    """Tell whether a link is one; `named` are the addresses in the mail's `List-Unsubscribe`."""
    if url in named:
        return True
    if len(text) <= _LONGEST_WORDS and _says_so(text):
        return True
    return _says_so(unquote(url) if "%" in url else url)
