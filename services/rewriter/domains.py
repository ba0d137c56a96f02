"""Whether a host is a domain or lies below it, however either is written: in another case, or as punycode or not."""

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

_ACE: Final = "xn--"


@lru_cache(maxsize=4_096)
def spelled(host: str) -> str:
    """Write a host in one way: without a last dot, its labels decoded, in lower case and compatible characters."""
    return ".".join(_label(label) for label in host.removesuffix(".").split("."))


class Domains:
    """Some domains with all that is below them; a leading `*.` or dot says no more than the domain itself."""

    def __init__(self, domains: Iterable[str]) -> None:
        self._domains = frozenset(
            spelled(one.strip().removeprefix("*").removeprefix(".")) for one in domains
        )

    def __contains__(self, host: object) -> bool:
        if not self._domains or not isinstance(host, str):
            return False
        rest = spelled(host)
        while rest:
            if rest in self._domains:
                return True
            rest = rest.partition(".")[2]
        return False


def _label(label: str) -> str:
    label = label.lower()
    if label.startswith(_ACE):
        try:
            label = label[len(_ACE) :].encode("ascii").decode("punycode")
        except ValueError:
            return label
    if label.isascii():
        return label
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", label).casefold())
