"""The client's network: whom we believe, and that no address ever leaves."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tracker import clients

TRUSTED = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
NETWORK = re.compile(r"[0-9a-f.:]{2,39}/(24|48)")


@pytest.mark.parametrize(
    ("peer", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
        ("::1", "::/48"),
        ("fe80::1%eth0", "fe80::/48"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        (None, None),
        ("", None),
        ("unix:/socket", None),
        ("9" * 5000, None),
    ],
)
def test_an_address_is_cut_to_its_network(peer: str | None, network: str | None) -> None:
    assert clients.network_of(peer, ["198.51.100.1"], ()) == network


@pytest.mark.parametrize(
    ("peer", "forwarded", "network"),
    [
        # from somebody who is no proxy of ours, the header is only a claim
        ("203.0.113.77", ["198.51.100.1"], "203.0.113.0/24"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.0/24"),
        ("fd00::1", ["198.51.100.1"], "198.51.100.0/24"),
        ("::ffff:10.0.0.1", ["::ffff:198.51.100.1"], "198.51.100.0/24"),
        # what stands left of the first stranger, seen from us, was written by strangers
        ("10.0.0.1", ["192.0.2.9, 198.51.100.1, 10.9.9.9"], "198.51.100.0/24"),
        ("10.0.0.1", ["192.0.2.9", "198.51.100.1,10.9.9.9"], "198.51.100.0/24"),
        ("10.0.0.1", ["10.1.1.1, 10.2.2.2"], "10.1.1.0/24"),
        ("10.0.0.1", [], "10.0.0.0/24"),
        ("10.0.0.1", ["198.51.100.1:4711"], "198.51.100.0/24"),
        ("10.0.0.1", ["[2001:db8:1:2::3]:4711"], "2001:db8:1::/48"),
        ("10.0.0.1", ["unknown"], None),
        ("10.0.0.1", ["198.51.100.1, _hidden"], None),
        ("10.0.0.1", [""], None),
    ],
)
def test_the_rightmost_untrusted_address_is_the_client(
    peer: str, forwarded: list[str], network: str | None
) -> None:
    assert clients.network_of(peer, forwarded, TRUSTED) == network


@given(st.ip_addresses())
def test_the_address_itself_is_never_in_what_is_kept(
    address: IPv4Address | IPv6Address,
) -> None:
    network = clients.network_of(str(address), (), ())
    assert network is not None
    assert NETWORK.fullmatch(network)
    unwrapped = getattr(address, "ipv4_mapped", None) or address
    assert unwrapped in ip_network(network)


@given(st.text(), st.lists(st.text()))
def test_nothing_that_a_header_holds_is_an_error(peer: str, forwarded: list[str]) -> None:
    for one in (peer, "10.0.0.1"):
        network = clients.network_of(one, forwarded, TRUSTED)
        assert network is None or NETWORK.fullmatch(network)
