"""Decide of each link of a mail whether it is followed, and say why if it is not.

Only absolute `http` and `https` links are followed, and only if a redirect would lead to exactly where the link did.
Everything else stays as it was written. A link's index is its running number in the mail, followed or not, so that it
names the same link in every copy and in every mail made from one template.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv6Address
from itertools import count, repeat
from typing import Final, NamedTuple

from services.rewriter.domains import Domains
from services.rewriter.easy_urls import easy_hosts
from services.rewriter.html import Edit, LinkSpot, replace_value
from services.rewriter.unsubscribing import is_unsubscribe, suspects

MAX_TRACKING_LINK_CHARACTERS: Final = 1_800
# As many as the record of a prepared mail takes (`message.prepared.v1`); a token could count to 65,535.
MAX_LINKS: Final = 1_000

MakeLink = Callable[[int, str], str]
"""From a link's index and its exact URL to the tracking link that stands for it."""


class LinkReason(StrEnum):
    """Why a link is left as it was: a closed list, stable at the doors and in the log."""

    OPTED_OUT = "opted_out"
    ANCHOR = "anchor"
    NOT_HTTP = "not_http"
    NOT_ABSOLUTE = "not_absolute"
    TEMPLATED = "templated"
    UNSAFE_URL = "unsafe_url"
    ALREADY_FOLLOWED = "already_followed"
    EXCLUDED_DOMAIN = "excluded_domain"
    UNSUBSCRIBE = "unsubscribe"
    URL_TOO_LONG = "url_too_long"
    TOO_MANY_LINKS = "too_many_links"

    @property
    def detail(self) -> str:
        """The reason as a sentence for the seller."""
        return _DETAILS[self]


_DETAILS: Final = {
    LinkReason.OPTED_OUT: 'The link is marked data-inkling="no".',
    LinkReason.ANCHOR: "The link leads to a place in the mail itself.",
    LinkReason.NOT_HTTP: "Only web links are followed; this one starts a mail, a call or something else.",
    LinkReason.NOT_ABSOLUTE: "The link is not a full web address that starts with http:// or https://.",
    LinkReason.TEMPLATED: "The link holds a placeholder that another program will fill in later.",
    LinkReason.UNSAFE_URL: "The web address is malformed or could mislead, so it was left as it is.",
    LinkReason.ALREADY_FOLLOWED: "The link already is a tracking link.",
    LinkReason.EXCLUDED_DOMAIN: "Links to this domain are not followed, by your organisation's settings.",
    LinkReason.UNSUBSCRIBE: "With this link a person leaves a list; such links are not followed.",
    LinkReason.URL_TOO_LONG: "The link would become too long for some mail programs.",
    LinkReason.TOO_MANY_LINKS: f"Only the first {MAX_LINKS:,} links of a mail are followed.",
}

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")
_HTTP = re.compile(r"https?://([^/?#]*)([^?#]*)", re.IGNORECASE | re.ASCII)
# C0 and C1 controls, and lone surrogates, which no encoding carries; and U+FFFD, which stands for bytes that are none
# of the mail's charset, so that each mail program would make something else of them.
_UNSAFE_CHARACTER = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffd]")
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:]+)(?::([0-9]{0,5}))?")
_ASCII_NAME = re.compile(r"[a-z0-9_\-]{1,63}(?:\.[a-z0-9_\-]{1,63})*\.?")
_PLACEHOLDER = re.compile(
    r"\{\{|\$\{|\*\||\[\["  # {{x}} ${x} *|X|* [[x]]
    r"|[<{\[]%(?![0-9A-Fa-f]{2})"  # <%= x %> {% x %} [% x %], but not `[%24gt]`
    r"|\{(?![0-9A-Fa-f]{8}-)[A-Za-z_][\w .:|\-]*+\}"  # {x}, but not a GUID in braces
    # %x%, but not what stands between two escapes such as %C3 and %20
    r"|%(?![0-9A-Fa-f]{2})[A-Za-z_][\w.\-]*+%"
    r"|%[A-Fa-f][\w.\-]*+%(?![0-9A-Fa-f]{2})"
)
_OUR_DOORS = ("/o/", "/c/", "/a/", "/i/")
# Of the easy addresses up to this length the longest one's tracking link is tried, and no other's is longer.
_EASY_CHARACTERS: Final = 1_000


# Not frozen, for that would take three times as long; nobody changes one.
@dataclass(slots=True)
class Link:
    """A link of the mail and what was decided of it: followed, if no reason speaks against it."""

    index: int
    spot: LinkSpot
    host: str | None
    reason: LinkReason | None

    @property
    def followed(self) -> bool:
        """Whether the link is to be replaced by a tracking link."""
        return self.reason is None

    @property
    def url(self) -> str:
        """Where the link leads, exactly."""
        return self.spot.url

    @property
    def text(self) -> str:
        """What the reader sees of it."""
        return self.spot.text

    @property
    def position(self) -> int:
        """Where its address stands in the HTML, in characters."""
        return self.spot.start


class Rules(NamedTuple):
    """What holds for all links of a mail."""

    prefixes: frozenset[str]
    excluded: Domains
    # Those that may be for leaving a list; none where such links are followed.
    suspects: set[int]
    unsubscribe_urls: frozenset[str]
    make: MakeLink


def rules_for(
    spots: Sequence[LinkSpot],
    *,
    own_urls: Sequence[str],
    make: MakeLink,
    excluded_domains: Iterable[str] = (),
    follow_unsubscribe: bool = False,
    unsubscribe_urls: Iterable[str] = (),
) -> Rules:
    """Return what `judge` goes by; the arguments are those of `decide`."""
    named = frozenset(unsubscribe_urls)
    asked = [] if follow_unsubscribe else spots
    return Rules(
        prefixes=frozenset([url.rstrip("/").lower() for url in own_urls]),
        excluded=Domains(excluded_domains),
        suspects=suspects([spot.url for spot in asked], [spot.text for spot in asked], named),
        unsubscribe_urls=named,
        make=make,
    )


def decide(
    spots: Iterable[LinkSpot],
    *,
    own_urls: Sequence[str],
    make: MakeLink,
    excluded_domains: Iterable[str] = (),
    follow_unsubscribe: bool = False,
    unsubscribe_urls: Iterable[str] = (),
) -> tuple[Link, ...]:
    """Number the links and decide of each.

    `excluded_domains` stand for all below them too; `unsubscribe_urls` are those of the mail's `List-Unsubscribe`.
    `own_urls` are the base URLs of our trackers. `make` is asked how long a link gets: any recipient's will do, for
    what it makes of one mail's links grows with the address alone.
    """
    found = list(spots)
    if not found:
        return ()
    rules = rules_for(
        found,
        own_urls=own_urls,
        make=make,
        excluded_domains=excluded_domains,
        follow_unsubscribe=follow_unsubscribe,
        unsubscribe_urls=unsubscribe_urls,
    )
    # Nearly all are such that nothing speaks against them; of the others it is asked one by one.
    hosts = easy_hosts([spot.url for spot in found])
    made = list(map(Link, count(), found, hosts, repeat(None)))
    for index in _odd(found, hosts, rules):
        made[index] = judge(index, found[index], rules)
    return tuple(made)


def _odd(found: Sequence[LinkSpot], hosts: Sequence[str], rules: Rules) -> set[int]:
    """Number the links that `judge` is asked of; of all others it is sure by now that nothing speaks against them."""
    named = rules.unsubscribe_urls
    odd = {
        index
        for index in rules.suspects
        if is_unsubscribe(found[index].url, found[index].text, named)
    }
    if hard := _hard_hosts(hosts, rules):
        odd.update([index for index, host in enumerate(hosts) if host in hard])
    marks = [spot.mark for spot in found]
    if marks.count(None) < len(marks):
        odd.update([index for index, mark in enumerate(marks) if mark is not None])
    sizes = [len(spot.url) for spot in found]
    fine = _fine_characters(found, sizes[:MAX_LINKS], hosts, rules.make)
    if max(sizes) > fine:
        odd.update([index for index, size in enumerate(sizes) if size > fine])
    odd.update(range(MAX_LINKS, len(found)))
    return odd


def edits(links: Iterable[Link], made: Mapping[int, str]) -> list[Edit]:
    """The edits that make each followed link lead to what was made of it, by its index."""
    found = [(link.spot, made[link.index]) for link in links if link.reason is None]
    written = "".join([url for _, url in found])
    if "&" in written or ">" in written or '"' in written:
        return [replace_value(spot, url) for spot, url in found]
    # What `replace_value` says of nearly all, for there is nothing to escape.
    made_of, edit = tuple.__new__, Edit  # its own __new__ would cost three times as much
    return [
        made_of(edit, (spot.start, spot.end, url))
        if spot.quote == '"'
        else replace_value(spot, url)
        for spot, url in found
    ]


def judge(index: int, spot: LinkSpot, rules: Rules) -> Link:
    """Decide of one link, whatever it is."""
    host: str | None = None
    reason = _not_meant_for_us(spot)
    if reason is None:
        host = _host(spot.url)
        if host is None:
            reason = LinkReason.UNSAFE_URL
        elif _is_ours(spot.url, rules.prefixes):
            reason = LinkReason.ALREADY_FOLLOWED
        elif host in rules.excluded:
            reason = LinkReason.EXCLUDED_DOMAIN
        elif index in rules.suspects and is_unsubscribe(
            spot.url, spot.text, rules.unsubscribe_urls
        ):
            reason = LinkReason.UNSUBSCRIBE
        elif index >= MAX_LINKS:
            reason = LinkReason.TOO_MANY_LINKS
        elif _too_long(index, spot.url, rules.make):
            reason = LinkReason.URL_TOO_LONG
    return Link(index, spot, host, reason)


def _hard_hosts(hosts: Iterable[str], rules: Rules) -> set[str]:
    """Return the hosts of which more must be asked than their name: none at all, ours, and those left alone."""
    ours = {prefix.partition("://")[2].partition("/")[0] for prefix in rules.prefixes}
    return {host for host in {*hosts} if not host or host in ours or host in rules.excluded}


def _fine_characters(
    found: Sequence[LinkSpot], sizes: Sequence[int], hosts: Sequence[str], make: MakeLink
) -> int:
    """Return how long an easy address may be so that its tracking link certainly is not too long."""
    if "" in hosts:
        sizes = [size if host else 0 for size, host in zip(sizes, hosts, strict=False)]
    longest = max(sizes)
    if longest > _EASY_CHARACTERS:
        longest = max(size for size in [*sizes, 0] if size <= _EASY_CHARACTERS)
    if not longest:
        return 0
    index = sizes.index(longest)
    return 0 if _too_long(index, found[index].url, make) else longest


def _not_meant_for_us(spot: LinkSpot) -> LinkReason | None:
    """What can be said before the URL is taken apart."""
    url = spot.url
    if spot.mark is not None and spot.mark.strip().lower() == "no":
        return LinkReason.OPTED_OUT
    if url.startswith("#"):
        return LinkReason.ANCHOR
    scheme = _SCHEME.match(url)
    if scheme is not None and scheme[1].lower() not in ("http", "https"):
        return LinkReason.NOT_HTTP
    if _PLACEHOLDER.search(url):
        return LinkReason.TEMPLATED
    return None if scheme is not None else LinkReason.NOT_ABSOLUTE


def _host(url: str) -> str | None:
    """The host of a web address in lower case, or None where a browser might not go where a reader would think.

    Refused: user information before an `@`, a backslash that a browser takes for a slash, controls, a missing or
    impossible host. Letters of other scripts are fine: the browser encodes them.
    """
    parts = _HTTP.match(url)
    if parts is None or "\\" in parts[0] or _has_unsafe_character(url):
        return None
    authority = _AUTHORITY.fullmatch(parts[1])
    if authority is None or int(authority[2] or "0") > 65_535:
        return None
    host = authority[1].lower()
    return host if (_is_ipv6(host[1:-1]) if host.startswith("[") else _is_name(host)) else None


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True


def _is_name(host: str) -> bool:
    if len(host) > 253:
        return False
    if host.isascii():
        return _ASCII_NAME.fullmatch(host) is not None
    return all(len(label) <= 63 and _is_label(label) for label in host.removesuffix(".").split("."))


def _is_label(label: str) -> bool:
    # Combining marks are parts of letters in many scripts, and nothing to `isalnum`; `isidentifier` knows them.
    return label != "" and ("a" + label.replace("-", "")).isidentifier()


def _has_unsafe_character(url: str) -> bool:
    # U+FFFD is printable, to Python.
    maybe = not url.isprintable() or "\ufffd" in url
    return maybe and _UNSAFE_CHARACTER.search(url) is not None


def _is_ours(url: str, prefixes: Iterable[str]) -> bool:
    return any(
        url[: len(prefix)].lower() == prefix and url.startswith(_OUR_DOORS, len(prefix))
        for prefix in prefixes
    )


def _too_long(index: int, url: str, make: MakeLink) -> bool:
    limit = MAX_TRACKING_LINK_CHARACTERS
    return len(url) > limit or len(make(index, url)) > limit
