"""Where a click leads: the original URL, written so that it fits into a header.

A header holds visible ASCII. Those characters are sent as they are, none is normalised. Everything else in the URL
(a blank, a letter beyond ASCII) is sent as the percent-encoded UTF-8 that a browser makes of it (WHATWG URL: path,
query and fragment are encoded so, and a host is decoded from it), so that the decoded target is the original.
"""

import re
from functools import lru_cache
from typing import Final
from urllib.parse import quote

# http or https, then an authority: `http:x` would be relative to our own origin.
_FOLLOWED: Final = re.compile(r"https?://[^/?#\\]", re.ASCII | re.IGNORECASE)
_UNFIT: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]")
_VISIBLE: Final = "".join(map(chr, range(0x21, 0x7F)))


# All recipients of a mail have the same links.
@lru_cache(maxsize=4096)
def location(url: str) -> str | None:
    """Return the `Location` that leads to the URL, or None when it may not be followed at all.

    What is refused (another scheme, no host, control characters) is never minted; this is the second lock.
    """
    if not _FOLLOWED.match(url) or _UNFIT.search(url):
        return None
    if url.isascii() and " " not in url:
        return url
    return quote(url, safe=_VISIBLE)
