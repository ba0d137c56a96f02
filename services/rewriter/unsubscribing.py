"""Tell links with which a person leaves a list: following them is the tenant's choice, and not done unasked.

The rule, in docs/rewriting.md: a link that the mail's `List-Unsubscribe` names, or one whose address or whose words
hold one of the stems below. Stems are compared in lower case, without accents, with blanks and dashes alike, in the
address after its percent-escapes are decoded. Words of more than 100 characters are a sentence about something else.
"""

import re
import unicodedata
from collections.abc import Container, Iterable, Sequence
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

from services.rewriter.holding import holding

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


# Of each stem its longest word: what holds none of these holds no stem.
_WORDS: Final = tuple({max(stem.split(), key=len) for stem in _ASCII_STEMS})


def suspects(links: Sequence[tuple[str, str]], named: Container[str] = ()) -> set[int]:
    """Number those of a mail's links (address and words) of which `is_unsubscribe` need be asked; all others are none.

    To ask it of all would take as long as finding them.
    """
    texts = [unquote(url).lower() if "%" in url else url.lower() for url, _ in links]
    texts += [text.lower() for _, text in links]
    numbers = holding(_WORDS, texts)
    numbers.update(number for number, text in enumerate(texts) if not text.isascii())
    found = {number % len(links) for number in numbers}
    return found.union(number for number, (url, _) in enumerate(links) if url in named)


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
