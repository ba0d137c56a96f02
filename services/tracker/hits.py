"""What a request tells of whoever made it: which facts are kept, how they are cleaned and cut.

Headers come from strangers. Whatever bytes they hold, the event made of them satisfies its closed schema.
"""

import re
from typing import Final, NamedTuple

USER_AGENT_CHARACTERS: Final = 512
LANGUAGE_CHARACTERS: Final = 128
HINT_CHARACTERS: Final = 64

_TRACEPARENT: Final = re.compile(
    r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII
)
# Controls, and halves of surrogate pairs: what is left of bytes that are no UTF-8.
_UNCLEAN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]")
_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"


class Hit(NamedTuple):
    """One request to the tracker before it is judged: the headers as received, the network already cut.

    A tuple, since every request becomes one.
    """

    method: str
    network: str | None = None
    user_agent: str | None = None
    language: str | None = None
    purpose: str | None = None
    sec_purpose: str | None = None
    range: str | None = None
    traceparent: str | None = None


def traceparent(header: str | None) -> str | None:
    """Return the W3C trace parent that may be forwarded: version 00, well-formed, neither id zero."""
    return header if header is not None and _TRACEPARENT.fullmatch(header) else None


def cleaned(header: str, characters: int) -> str:
    """Return a header fit to be stored: cut, and without what JSON or PostgreSQL could not hold."""
    text = header[:characters]
    if text.isascii() and text.isprintable():
        return text
    return _UNCLEAN.sub(_REPLACEMENT, text.replace("\t", " "))
