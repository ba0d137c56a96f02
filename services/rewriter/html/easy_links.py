"""What nearly every link of a mail is, read from `<a` to `</a>` at once: in less than half of the time.

Attributes in double quotes, none of them ours, and words that are at most emphasised. Any other link is read tag by
tag by `scanner`, with the same result; that is a law in the tests.
"""

import re
from typing import Final

_S: Final = r"\t\n\f\r "
_ATTRIBUTE: Final = rf"[{_S}]++(?!data-inkling)[a-z][a-z0-9\-]*+=\"[^\"<>]*+\""
# The repetitions are bounded, because each remembers where it was while it runs.
_LINK: Final = re.compile(
    rf"<a(?:(?![{_S}]++href=){_ATTRIBUTE}){{0,20}}[{_S}]++href=\"([^\"<>]*+)\"(?:{_ATTRIBUTE}){{0,20}}[{_S}]*+>"
    rf"([^<]*+(?:</?(?:b|em|font|i|small|span|strong|u)(?:{_ATTRIBUTE}){{0,20}}>[^<]*+){{0,8}})</a>"
)
_MARKUP: Final = re.compile(r"<[^>]*+>")


def easy_link(html: str, at: int, limit: int) -> re.Match[str] | None:
    """Match such a link that starts there and ends before `limit`; group 1 is the value of its `href`."""
    return _LINK.match(html, at, limit)


def words(link: re.Match[str]) -> str:
    """Return what the reader sees of it, references not decoded."""
    written = link[2]
    return _MARKUP.sub("", written) if "<" in written else written
