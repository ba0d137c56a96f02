"""Under which name a file is saved: the `Content-Disposition` for any name whatever (RFC 6266, RFC 8187). Pure.

A name comes from a stranger's mail and goes into a header, onto a screen and into a folder. It may break none of them.
"""

import re
import unicodedata
from typing import Final
from urllib.parse import quote

NAME_BYTES: Final = 240
"""What file systems take is 255; the rest is for the `(1)` of a browser."""
_ENDING_BYTES: Final = 24
# They steer a path or end a quoted string.
_STEERING: Final = re.compile(r'[/\\"]')
# Cc controls, Cf invisible and turning the direction of writing, Cs halves, Co private, Zl and Zp line ends.
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# The joiners inside emoji and of Persian and Indian scripts: without them a name reads otherwise.
_JOINERS: Final = "\u200c\u200d"
# Some browsers decode %41 in the plain form as well.
_UNFIT_FOR_ASCII: Final = re.compile(r"[^\x20-\x24\x26-\x7e]")
_PLAIN: Final = "!#$&+-.^_`|~"
"""RFC 8187's attr-char beside letters and digits."""


def attachment(name: str) -> str:
    """Write the header of a file that is saved and never shown."""
    return f"attachment; {_filename(cleaned(name) or 'file')}"


def inline(name: str) -> str:
    """Write the header of a picture that is shown."""
    return f"inline; {_filename(cleaned(name) or 'picture')}"


def cleaned(name: str) -> str:
    """Return the name without what could mislead: paths, quotes, the unseen, dots at its ends; cut, ending kept.

    May be empty. A name that is clean stays as it is.
    """
    seen = "".join(
        each
        for each in _STEERING.sub("_", name)
        if each in _JOINERS or unicodedata.category(each) not in _UNSEEN
    )
    return _cut(_trimmed(seen))


def _trimmed(name: str) -> str:
    # A leading dot hides a file, Windows drops dots and blanks at the end; a joiner at an end joins nothing.
    return name.strip("." + _JOINERS + "".join(each for each in name if each.isspace()))


def _cut(name: str) -> str:
    if len(name.encode()) <= NAME_BYTES:
        return name
    stem, dot, ending = name.rpartition(".")
    if not dot or len(ending.encode()) > _ENDING_BYTES:
        stem, dot, ending = name, "", ""
    room = NAME_BYTES - len((dot + ending).encode())
    return _trimmed(stem.encode()[:room].decode("utf-8", "ignore")) + dot + ending


def _filename(name: str) -> str:
    encoded = quote(name, safe=_PLAIN)
    return f"filename=\"{_ascii(name)}\"; filename*=UTF-8''{encoded}"


def _ascii(name: str) -> str:
    """Return the nearest name in ASCII, for the few clients that read no other."""
    letters = "".join(
        each for each in unicodedata.normalize("NFKD", name) if not unicodedata.combining(each)
    )
    # decomposed, a full-width slash or quote is a plain one again
    return _STEERING.sub("_", _UNFIT_FOR_ASCII.sub("_", letters)).strip(". ") or "file"
