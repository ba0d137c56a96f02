"""Who asked, as coarsely as we want to know it: the client's network, never the address.

Pure. The peer is believed; what it says of others in `X-Forwarded-For` or `Forwarded` only if it is a configured proxy.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

IPV4_PREFIX: Final = 24
IPV6_PREFIX: Final = 48
_LONGEST_ADDRESS: Final = 64
"""Characters; an IPv6 address with brackets, scope and port is shorter."""

# One element of `Forwarded` (RFC 7239): pairs with `;` between them, values that may be quoted.
_QUOTED: Final = r'"(?:[^"\\]|\\.)*"'
_ELEMENT: Final = re.compile(rf'((?:[^",]|{_QUOTED})*)(?:,|$)')
_PAIR: Final = re.compile(rf"\s*([!#$%&'*+.^_`|~\w-]+)=([^\";\s]*|{_QUOTED})\s*(?:;|$)", re.ASCII)
_ESCAPED: Final = re.compile(r"\\(.)")
# A header is bounded by the head, what is made of it by this.
_MOST_HOPS: Final = 64


def network_of(
    peer: str | None,
    forwarded_for: Iterable[str],
    trusted: Sequence[Network],
    forwarded: Iterable[str] = (),
) -> str | None:
    """Return the client's network, or None where nobody we trust can say.

    Behind trusted proxies the client is the rightmost address that is not itself a trusted proxy's; to the left of
    it anybody may have written anything. `forwarded_for` are the lines of `X-Forwarded-For`, `forwarded` those of
    `Forwarded`. A proxy writes one of the two and may pass the other on as a client made it up, and which one it
    writes cannot be told: where both are there and name different networks, there is none.
    """
    if peer is None or len(peer) > _LONGEST_ADDRESS:
        return None
    if not trusted:
        return _network_text(peer)
    address = _address(peer)
    if address is None or not _within(address, trusted):
        return _network_text(peer)
    hops = [hop.strip() for line in forwarded_for for hop in line.split(",")]
    elements = _elements(", ".join(forwarded))
    if not elements:
        return _behind(address, hops, trusted)
    told = _behind(address, elements, trusted)
    return told if not hops or told == _behind(address, hops, trusted) else None


def is_trusted(peer: str, trusted: Sequence[Network]) -> bool:
    """Tell whether a peer is a configured proxy."""
    address = _address(peer)
    return address is not None and _within(address, trusted)


def _behind(proxy: Address, hops: Sequence[str], trusted: Sequence[Network]) -> str | None:
    client = proxy
    for hop in reversed(hops[-_MOST_HOPS:]):
        address = _address(hop)
        if address is None:
            return None
        client = address
        if not _within(address, trusted):
            break
    return _cut(client)


def _elements(header: str) -> list[str]:
    """Return what each element of `Forwarded` says in `for`; an empty text where it says nothing that can be read."""
    found = []
    at = 0
    while at < len(header):
        element = _ELEMENT.match(header, at)
        if element is None:  # a quotation that does not end: nothing of it can be believed
            return [""]
        found.append(_for(element[1].strip()))
        at = element.end()
    return found


def _for(element: str) -> str:
    at, told = 0, ""
    while at < len(element):
        pair = _PAIR.match(element, at)
        if pair is None:
            return ""
        name, value = pair.groups()
        if name.lower() == "for":
            if told:
                return ""
            told = _ESCAPED.sub(r"\1", value[1:-1]) if value.startswith('"') else value
        at = pair.end()
    return told


def _within(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)


@lru_cache(maxsize=4096)
def _network_text(peer: str) -> str | None:
    address = _address(peer)
    return None if address is None else _cut(address)


def _address(text: str) -> Address | None:
    """Read an address with or without port, brackets and scope; IPv4 mapped into IPv6 is IPv4."""
    if len(text) > _LONGEST_ADDRESS:
        return None
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _cut(address: Address) -> str:
    prefix = IPV4_PREFIX if isinstance(address, IPv4Address) else IPV6_PREFIX
    return str(ip_network((address, prefix), strict=False))
