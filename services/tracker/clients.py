"""Who asked, as coarsely as we want to know it: the client's network, never the address.

Pure. The peer is believed; what it says of others in `X-Forwarded-For` only if it is a configured proxy.
"""

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


def network_of(
    peer: str | None, forwarded: Iterable[str], trusted: Sequence[Network]
) -> str | None:
    """Return the client's network, or None where nobody we trust can say.

    Behind trusted proxies the client is the rightmost address that is not itself a trusted proxy's; to the left of
    it anybody may have written anything.
    """
    if peer is None or len(peer) > _LONGEST_ADDRESS:
        return None
    if not trusted:
        return _network_text(peer)
    address = _address(peer)
    if address is None or not _within(address, trusted):
        return _network_text(peer)
    return _behind(address, forwarded, trusted)


def _behind(proxy: Address, forwarded: Iterable[str], trusted: Sequence[Network]) -> str | None:
    hops = [hop.strip() for line in forwarded for hop in line.split(",")]
    client = proxy
    for hop in reversed(hops):
        address = _address(hop)
        if address is None:
            return None
        client = address
        if not _within(address, trusted):
            break
    return _cut(client)


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
