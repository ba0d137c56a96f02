"""Where webhooks may go: global unicast addresses, over https, named in one plain spelling. Pure.

A name is only as good as the addresses it has when the connection is made, so `permitted` is asked again then.
"""

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

from yarl import URL

Address = IPv4Address | IPv6Address

MAX_CHARACTERS: Final = 2048
PORTS: Final = (443, 8443)

# `is_global` of Python 3.11 lets several of these pass, so what is not to be reached is listed here whole.
_DENIED_4: Final = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    )
)  # fmt: skip
# All other IPv6 is no global unicast: loopback, mapped and translated IPv4 (64:ff9b::/96, 64:ff9b:1::/48), discard,
# unique local, link-local, site-local, SRv6 (5f00::/16), multicast.
_GLOBAL_6: Final = IPv6Network("2000::/3")
# Teredo, ORCHID and their like, documentation, 6to4, AS112, documentation again.
_DENIED_6: Final = tuple(
    IPv6Network(text)
    for text in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
)
_LOOPBACK_4: Final = IPv4Network("127.0.0.0/8")
_LOOPBACK_6: Final = IPv6Address("::1")

# Visible ASCII without what parsers read in different ways.
_PLAIN: Final = re.compile(r"""https?://[!-~]+""", re.ASCII | re.IGNORECASE)
_AMBIGUOUS: Final = re.compile(r"""[\\"<>^`{|}#\s]""")
_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
# As URL parsers have it, such a last label makes the whole host an IPv4 address: 2130706433, 0x7f.1, 127.1, 0177.0.0.1
_NUMERIC: Final = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
_MACHINE: Final = "localhost"


class BadTarget(ValueError):
    """A URL that webhooks do not go to; the text is a sentence for whoever wrote it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A URL that was looked at, as it will be asked for."""

    url: URL
    plain: bool
    """Without TLS, which only this machine may be asked without."""


def permitted(address: Address, *, loopback: bool) -> bool:
    """Tell whether a connection may be opened to an address; `loopback` allows this machine as well."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return permitted(address.ipv4_mapped, loopback=loopback)
        if address.scope_id is not None:
            return False
        if address == _LOOPBACK_6:
            return loopback
        return address in _GLOBAL_6 and not any(address in network for network in _DENIED_6)
    if address in _LOOPBACK_4:
        return loopback
    return not any(address in network for network in _DENIED_4)


def is_loopback(address: Address) -> bool:
    """Tell whether an address is this machine's own."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped in _LOOPBACK_4
    return address == _LOOPBACK_6 or (isinstance(address, IPv4Address) and address in _LOOPBACK_4)


def parse_address(text: str) -> Address:
    """Read an address as a resolver or a socket writes it; raises ``ValueError``."""
    try:
        return IPv4Address(text)
    except AddressValueError:
        return IPv6Address(text)


def target(written: str, *, loopback: bool) -> Target:
    """Look at a URL; raises ``BadTarget`` unless it has one plain meaning and that may be reached."""
    if len(written) > MAX_CHARACTERS:
        raise BadTarget(f"It must not be longer than {MAX_CHARACTERS} characters.")
    if not _PLAIN.fullmatch(written) or _AMBIGUOUS.search(written):
        raise BadTarget("It must be an https URL of visible ASCII characters, without a fragment.")
    try:
        url = URL(written)
        port = url.explicit_port
    except ValueError:
        raise BadTarget("It cannot be read as a URL.") from None
    authority = written.partition("://")[2].partition("/")[0].partition("?")[0]
    if "@" in authority or url.raw_user is not None or url.raw_password is not None:
        raise BadTarget("It must not hold a user name or password.")
    if "%" in authority or ("[" in authority) != (":" in (url.raw_host or "")):
        raise BadTarget("Its host must be a domain name, or an address in its usual spelling.")
    machine = _host(url.raw_host or "", loopback=loopback)
    _way(url.scheme, port, authority, machine=machine and loopback)
    return Target(url=url, plain=url.scheme == "http")


def _host(host: str, *, loopback: bool) -> bool:
    """Look at a host, which says whether it names this machine; raises ``BadTarget``."""
    address = _literal(host)
    if address is not None:
        if not permitted(address, loopback=loopback):
            raise BadTarget("Its address is not one that webhooks may go to.")
        return is_loopback(address)
    labels = host.split(".")
    if len(host) > 253 or not all(map(_LABEL.fullmatch, labels)):
        raise BadTarget(
            "Its host must be a domain name, without a dot at the end; other scripts as xn--…."
        )
    if labels[-1] == _MACHINE:
        if not loopback or len(labels) > 1:
            raise BadTarget("Its address is not one that webhooks may go to.")
        return True
    if len(labels) == 1:
        raise BadTarget("Its host must be a whole domain name.")
    return False


def _literal(host: str) -> Address | None:
    try:
        if ":" in host:
            return IPv6Address(host)
        if _NUMERIC.fullmatch(host.rstrip(".").rpartition(".")[2]):
            return IPv4Address(host)
    except ValueError:
        raise BadTarget(
            "Its host must be a domain name, or an address in its usual spelling."
        ) from None
    return None


def _way(scheme: str, port: int | None, authority: str, *, machine: bool) -> None:
    if scheme != "https" and not machine:
        raise BadTarget("It must be an https URL.")
    if authority.endswith(":") or port == 0:
        raise BadTarget("Its port is not one.")
    if port is not None and port not in PORTS and not machine:
        raise BadTarget(f"Its port must be one of {', '.join(map(str, PORTS))}.")
