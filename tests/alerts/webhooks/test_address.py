"""Where webhooks may go: every spelling of every address that they may not, and names that look like others."""

import ipaddress

import pytest
from hypothesis import given as law
from hypothesis import strategies as st

from services.alerts.webhooks.address import (
    BadTarget,
    is_loopback,
    parse_address,
    permitted,
    target,
)

FORBIDDEN = [
    "0.0.0.0", "0.1.2.3",  # noqa: S104 to be refused
    "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.254",
    "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.8", "192.0.2.1", "192.31.196.1",
    "192.52.193.1", "192.88.99.1", "192.168.0.1", "192.175.48.1", "198.18.0.1", "198.19.255.255", "198.51.100.1",
    "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::a00:1", "100::1", "100:0:0:1::1", "2001::1", "2001:2::1",
    "2001:10::1", "2001:20::1", "2001:db8::1", "2002:7f00:1::", "2002:c0a8:1::", "2002:a00:1::1", "2620:4f:8000::1",
    "3fff::1", "4000::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
]  # fmt: skip
PUBLIC = ["1.1.1.1", "8.8.8.8", "93.184.215.14", "192.0.1.1", "100.128.0.1", "172.32.0.1", "198.20.0.1",
          "2606:4700::1111", "2a00:1450:4001::200e", "::ffff:8.8.8.8"]  # fmt: skip
SPELLINGS = [
    "2130706433", "0x7f000001", "0x7F000001", "017700000001", "127.1", "127.0.1", "0177.0.0.1", "0x7f.0.0.1",
    "127.0.0.1.", "127.0.0.1..", "127.000.000.001", "0", "0x", "00", "1", "10.1", "010.0.0.1", "0xa9fea9fe",
    "2852039166", "169.254.43518", "1.1.1.1.1", "256.1.1.1", "a.1", "example.0x7f",
    "[::ffff:7f00:1]", "[0:0:0:0:0:0:0:1]", "[::127.0.0.1]", "[::1%25lo]", "[::1%lo]", "[fe80::1%25eth0]",
    "[::ffff:0a00:0001]", "[64:ff9b::10.0.0.1]", "[v1.x]", "[127.0.0.1]", "[]", "[::1", "::1",
]  # fmt: skip
NAMES = [
    "localhost", "LOCALHOST", "foo.localhost", "localhost.", "kafka", "metadata", "example.com.", "example..com",
    ".example.com", "-a.example.com", "a-.example.com", "exa mple.com", "ex%61mple.com", "127%2e0.0.1",
    "%31%32%37.0.0.1", "\uff11\uff12\uff17.0.0.1", "①②⑦.0.0.1", "127。0。0。1", "ⓛocalhost", "bücher.example",
    "a" * 64 + ".com",
    ".".join(["a" * 60] * 5),
]  # fmt: skip


def refused(url: str, *, loopback: bool = False) -> bool:
    try:
        target(url, loopback=loopback)
    except BadTarget:
        return True
    return False


@pytest.mark.parametrize("text", FORBIDDEN)
def test_what_is_not_global_unicast_is_not_permitted(text: str) -> None:
    assert not permitted(parse_address(text), loopback=False)
    assert refused(f"https://[{text}]/" if ":" in text else f"https://{text}/")


@pytest.mark.parametrize("text", PUBLIC)
def test_what_is_public_is_permitted(text: str) -> None:
    assert permitted(parse_address(text), loopback=False)
    assert not refused(f"https://[{text}]/hook" if ":" in text else f"https://{text}/hook")


@law(st.ip_addresses())
def test_nothing_is_permitted_that_python_knows_to_be_not_global(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if permitted(address, loopback=False):
        assert address.is_global
        assert not address.is_multicast


@law(st.ip_addresses(v=4))
def test_an_ipv4_address_in_ipv6_is_what_it_is_or_forbidden(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    mapped = ipaddress.IPv6Address(0xFFFF << 32 | number)
    assert permitted(mapped, loopback=False) == permitted(address, loopback=False)
    others = [
        number,
        0x0064_FF9B << 96 | number,
        0x2002 << 112 | number << 80,
        0xFFFF << 48 | number,
    ]
    assert not any(permitted(ipaddress.IPv6Address(one), loopback=False) for one in others)


@pytest.mark.parametrize("host", [*SPELLINGS, *NAMES])
@pytest.mark.parametrize("loopback", [False, True])
def test_a_host_has_one_plain_spelling(host: str, loopback: bool) -> None:
    if host.lower() == "localhost" and loopback:
        return
    if loopback and host in ("[::ffff:7f00:1]", "[0:0:0:0:0:0:0:1]"):
        return  # this machine, in a spelling of IPv6 that has one meaning
    assert refused(f"https://{host}/", loopback=loopback)
    assert refused(f"https://{host}:8443/x", loopback=loopback)


@pytest.mark.parametrize(
    "url",
    [
        "", "example.com", "//example.com/", "https:example.com", "https:/example.com", "https://", "https:///x",
        "http://example.com/", "ftp://example.com/", "file:///etc/passwd", "gopher://example.com/", "HTTP://example.com",
        "https://example.com:22/", "https://example.com:80/", "https://example.com:0/", "https://example.com:/",
        "https://example.com:99999/", "https://example.com:-1/", "https://example.com:443443/",
        "https://ana@example.com/", "https://ana:pw@example.com/", "https://@example.com/", "https://:@example.com/",
        "https://example.com@127.0.0.1/", "https://example.com\\@127.0.0.1/", "https://127.0.0.1\\.example.com/",
        "https://example.com#@127.0.0.1/", "https://example.com/#x", "https://example.com/\r\nX: y",
        "https://example.com/\tx", "https://example.com/a b", " https://example.com/", "https://example.com/\x00",
        "https://example.com/ü", "https://exa\u00admple.com/", "https://[::1]example.com/", "https://1.1.1.1:25/",
        "https://example.com/" + "a" * 2048,
    ],
)  # fmt: skip
def test_a_url_has_one_plain_meaning(url: str) -> None:
    assert refused(url)
    assert refused(url, loopback=True)


def test_a_good_url_is_kept_as_it_will_be_asked_for() -> None:
    for written, kept in {
        "https://hooks.example.com/in?key=a%20b&x=%26": "https://hooks.example.com/in?key=a%20b&x=%26",
        "HTTPS://Hooks.Example.COM:443": "https://hooks.example.com",
        "https://hooks.example.com:8443/x": "https://hooks.example.com:8443/x",
        "https://xn--bcher-kva.example/": "https://xn--bcher-kva.example/",
        "https://a_b.example.com/": "https://a_b.example.com/",
    }.items():
        found = target(written, loopback=False)
        assert str(found.url).rstrip("/") == kept.rstrip("/")
        assert not found.plain


def test_only_where_it_is_allowed_this_machine_may_be_called_and_without_tls() -> None:
    for url in (
        "http://127.0.0.1:9000/x", "https://127.0.0.1:9000/", "http://[::1]:9000/", "http://localhost:9000/",
        "http://127.8.9.10/",
    ):  # fmt: skip
        assert refused(url)
        assert target(url, loopback=True).plain == url.startswith("http:")
    for url in ("http://10.0.0.1/", "https://10.0.0.1/", "http://1.1.1.1/", "http://a.example/"):
        assert refused(url, loopback=True)
    assert is_loopback(parse_address("::ffff:127.0.0.1"))
    assert not is_loopback(parse_address("1.1.1.1"))
