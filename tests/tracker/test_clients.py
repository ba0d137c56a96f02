"""The client's network: whom we believe, and that no address ever leaves."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_network
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tracker import clients
from services.tracker.clients import is_trusted, network_of

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


PROXIES = [ip_network("10.0.0.0/8"), ip_network("2001:db8:ffff::/48")]


@pytest.mark.parametrize(
    ("forwarded", "network"),
    [
        (["for=203.0.113.9"], "203.0.113.0/24"),
        (["For=203.0.113.9;proto=https;by=10.0.0.1;host=t.example"], "203.0.113.0/24"),
        (["proto=https;FOR=203.0.113.9"], "203.0.113.0/24"),
        (["for=192.0.2.1, for=203.0.113.9"], "203.0.113.0/24"),
        (["for=192.0.2.1", "for=203.0.113.9 ,for=10.1.1.1"], "203.0.113.0/24"),
        (['for="203.0.113.9:4711"'], "203.0.113.0/24"),
        (['for="[2001:db8:1:2::9]:80"'], "2001:db8:1::/48"),
        (['for="[2001:db8:1:2::9]"'], "2001:db8:1::/48"),
        (['for="\\203.0.113.9"'], "203.0.113.0/24"),
        (['for=192.0.2.1;host="a, for=198.51.100.1", for=203.0.113.9'], "203.0.113.0/24"),
        (["for=10.0.0.2, for=10.0.0.3"], "10.0.0.0/24"),
        (["for=unknown"], None),
        (["for=_hidden"], None),
        (["for=192.0.2.1, for=_hidden, for=10.0.0.3"], None),
        (["proto=https"], None),
        (["for=192.0.2.1, proto=https"], None),
        (["for=203.0.113.9;for=192.0.2.1"], None),
        (["for=203.0.113.9 for=192.0.2.1"], None),
        (['for="203.0.113.9'], None),
        (['for=203.0.113.9, host="x'], None),
        (["203.0.113.9"], None),
        (["for=,"], None),
        ([""], "10.0.0.0/24"),
        ([], "10.0.0.0/24"),
    ],
)
def test_a_proxy_may_tell_it_as_the_standard_has_it(
    forwarded: list[str], network: str | None
) -> None:
    assert network_of("10.0.0.1", [], PROXIES, forwarded) == network


@pytest.mark.parametrize(
    ("forwarded_for", "forwarded", "network"),
    [
        (["203.0.113.9"], ["for=203.0.113.7"], "203.0.113.0/24"),
        (["203.0.113.9"], ["for=192.0.2.1"], None),
        (["203.0.113.9"], ["for=unknown"], None),
        (["nonsense"], ["for=203.0.113.9"], None),
        (["203.0.113.9"], [], "203.0.113.0/24"),
    ],
)
def test_two_tellings_have_to_agree(
    forwarded_for: list[str], forwarded: list[str], network: str | None
) -> None:
    assert network_of("10.0.0.1", forwarded_for, PROXIES, forwarded) == network


def test_the_standard_way_is_believed_of_proxies_only() -> None:
    assert network_of("192.0.2.1", [], PROXIES, ["for=203.0.113.9"]) == "192.0.2.0/24"
    assert network_of("192.0.2.1", [], [], ["for=203.0.113.9"]) == "192.0.2.0/24"


@given(st.lists(st.text(alphabet='for=;,"\\ 1.[]:_a', max_size=60), max_size=3))
def test_nothing_in_the_standard_header_breaks_it(forwarded: list[str]) -> None:
    network = network_of("10.0.0.1", [], PROXIES, forwarded)
    assert network is None or ip_network(network).prefixlen in (24, 48)


@pytest.mark.parametrize("filler", ["for=", '"', " ", "a;", "\\", ",", 'for="\\', "for=1.2.3.4;"])
def test_a_long_header_is_read_in_no_time(filler: str) -> None:
    header = (filler * 8000)[:8000] + '"'
    begun = process_time()
    network_of("10.0.0.1", [], PROXIES, [header])
    assert process_time() - begun < 0.5


@pytest.mark.parametrize(
    ("peer", "trusted"),
    [
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("2001:db8:ffff::1", True),
        ("192.0.2.1", False),
        ("nobody", False),
    ],
)
def test_who_is_a_proxy(peer: str, trusted: bool) -> None:
    assert is_trusted(peer, PROXIES) is trusted
