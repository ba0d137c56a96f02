"""What nearly every link's address is, told at a glance: one of which all rules of `links` say that it is fine.

The host is in lower case, without a port, a user or other scripts; the rest has no character of a placeholder, and only
whole escapes. Any other address is judged by `links` part by part, with the same result; that is a law in the tests.
"""

import re
from collections.abc import Sequence
from typing import Final

# Nothing in it matches a line end, so that many addresses can be read at once, one a line.
_HOST: Final = r"(?![^/?#\n]{254})((?:[a-z0-9_\-]{1,63}+\.)*[a-z0-9_\-]{1,63}+)"
_CHARACTERS: Final = r"[A-Za-z0-9\-._~/?:@!$&'()+,;=#]*+"
_EASY: Final = rf"https?://{_HOST}(?:(?=[/?#]){_CHARACTERS}(?:%[0-9A-Fa-f]{{2}}{_CHARACTERS})*)?"
_LINES: Final = re.compile(rf"^(?:{_EASY}|.*)$", re.MULTILINE)


def easy_hosts(urls: Sequence[str]) -> list[str]:
    """Return the host of each address that is easy, and nothing for each other one."""
    lines = "\n".join(urls)
    if lines.count("\n") >= len(urls):
        lines = "\n".join("" if "\n" in url else url for url in urls)
    return _LINES.findall(lines) if urls else []
