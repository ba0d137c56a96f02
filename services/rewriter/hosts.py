"""Host names as settings keep them, the way a browser looks them up: lower case, ASCII, other scripts encoded.

IDNA 2008 with the mapping of UTS 46, as `yarl` does it; `domains` compares the hosts of links with them.
"""

import re
from functools import lru_cache
from typing import Final

from yarl import URL

MAX_HOST_CHARACTERS: Final = 253
_LABEL: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.ASCII)
_ADDRESS_LIKE: Final = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)


@lru_cache(maxsize=4096)
def normal_host(written: str) -> str | None:
    """Return a host name in the form that is compared, or None if it is none; an IP address is no host name."""
    if not written.isprintable():
        return None
    try:
        ascii_host = URL.build(scheme="https", host=written.removesuffix(".")).raw_host or ""
    except ValueError:
        return None
    lower = ascii_host.lower()
    labels = lower.split(".")
    if len(lower) > MAX_HOST_CHARACTERS or not all(map(_LABEL.fullmatch, labels)):
        return None
    # A browser takes a host whose last label is a number for an address.
    return None if _ADDRESS_LIKE.fullmatch(labels[-1]) else lower
