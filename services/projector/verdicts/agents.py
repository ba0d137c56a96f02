"""Who a User-Agent belongs to, where it says so: the strings and patterns that the rules compare with.

The mail proxies stand apart and are asked first, because every public list of crawlers takes them for robots and
would drop all opens in Gmail and Yahoo.
"""

import re
from enum import StrEnum
from typing import Final

import crawleruseragents

APPLE_PRIVACY_AGENT: Final = "Mozilla/5.0"
GMAIL_PREFETCH_AGENT: Final = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0"
)
GMAIL_PROXY_MARKS: Final = ("GoogleImageProxy", "ggpht.com")
YAHOO_PROXY_MARKS: Final = ("YahooMailProxy",)
# Mail gateways that name themselves and that version 1.67.0 of the public list does not know.
SCANNER_MARKS: Final = ("barracuda",)
# HTTP libraries that it does not know either: the JDK's own, and the one of Node.js.
LIBRARY_PREFIXES: Final = ("Java/", "undici")

_CHUNK_PATTERNS: Final = 25


class Agent(StrEnum):
    """Who fetched the pixel, followed the link or viewed the file, as far as the request can tell."""

    PERSON = "person"
    PERSON_BY_PROXY = "person_by_proxy"
    PRIVACY_PREFETCH = "privacy_prefetch"
    PREFETCH = "prefetch"
    SCANNER = "scanner"
    MACHINE = "machine"

    @property
    def human(self) -> bool:
        """Whether this counts as a person."""
        return self in (Agent.PERSON, Agent.PERSON_BY_PROXY)


def _compiled() -> tuple[re.Pattern[str], ...]:
    # One pattern of 1,500 alternatives is slower than some of a few; the package itself goes by 25.
    patterns = [each["pattern"] for each in crawleruseragents.CRAWLER_USER_AGENTS_DATA]
    return tuple(
        re.compile("|".join(patterns[start : start + _CHUNK_PATTERNS]))
        for start in range(0, len(patterns), _CHUNK_PATTERNS)
    )


_CRAWLERS: Final = _compiled()


def is_crawler(user_agent: str) -> bool:
    """Tell whether the public list of crawlers and HTTP libraries knows this agent."""
    return any(pattern.search(user_agent) for pattern in _CRAWLERS)


def is_scanner(user_agent: str) -> bool:
    """Tell whether a mail gateway names itself."""
    lowered = user_agent.lower()
    return any(mark in lowered for mark in SCANNER_MARKS)


def bears(user_agent: str, marks: tuple[str, ...]) -> bool:
    """Tell whether an agent bears one of the marks, in the case they are written in."""
    return any(mark in user_agent for mark in marks)
