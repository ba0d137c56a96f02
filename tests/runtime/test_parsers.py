import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.runtime import parsers
from services.runtime.parsers import Parser

KEY = "ab" * 32
RING = parsers.numbered_keys(32, range(16))


@pytest.mark.parametrize(
    ("parser", "written", "expected"),
    [
        (parsers.text(), "edge 1", "edge 1"),
        (parsers.hostname(), "::1", "::1"),
        (parsers.integer(-1, 10), "-1", -1),
        (parsers.port(), "7400", 7400),
        (parsers.port(), "0", 0),
        (parsers.seconds(0.1, 60), "0.5", 0.5),
        (parsers.boolean(), "yes", True),
        (parsers.boolean(), "no", False),
        (parsers.choice("debug", "info"), "info", "info"),
        (parsers.names("fold", "query"), "query, fold", frozenset({"fold", "query"})),
        (parsers.url("http", "https"), "https://t.example/x", "https://t.example/x"),
        (parsers.url("postgresql"), "postgresql://u:p@h:5/d", "postgresql://u:p@h:5/d"),
        (parsers.servers(), "a:1,[::1]:9092", "a:1,[::1]:9092"),
        (parsers.cidrs(), "", ()),
        (parsers.cidrs(), "10.0.0.0/8", (ipaddress.ip_network("10.0.0.0/8"),)),
        (parsers.secret_hex(2), "00fF", b"\x00\xff"),
        (parsers.optional(parsers.text()), "", None),
        (parsers.optional(parsers.text()), "x", "x"),
        (RING, f"2:{KEY}, 0:{'00' * 32}", ((2, bytes.fromhex(KEY)), (0, bytes(32)))),
    ],
)
def test_what_is_well_written_is_read(parser: Parser[Any], written: str, expected: object) -> None:
    assert parser.parse(written) == expected


@pytest.mark.parametrize(
    ("parser", "written"),
    [
        (parsers.text(), ""),
        (parsers.text(), "two\nlines"),
        (parsers.hostname(), "a b"),
        (parsers.integer(0, 10), "11"),
        (parsers.integer(0, 10), "1_0"),
        (parsers.integer(0, 10), "٣"),
        (parsers.integer(0, 10), ""),
        (parsers.port(), "65536"),
        (parsers.seconds(0.1, 60), "0"),
        (parsers.seconds(0.1, 60), "nan"),
        (parsers.seconds(0.1, 60), "1e1"),
        (parsers.boolean(), "true"),
        (parsers.choice("debug", "info"), "INFO"),
        (parsers.names("fold", "query"), ""),
        (parsers.names("fold", "query"), "fold,serve"),
        (parsers.url("https"), "http://t.example"),
        (parsers.url("https"), "https://"),
        (parsers.url("https"), "https://t.example:99999/"),
        (parsers.url("https"), "https://[::1"),
        (parsers.url("https"), "https://t.example/#top"),
        (parsers.servers(), "a:1, b:2"),
        (parsers.servers(), "a"),
        (parsers.servers(), "a:0"),
        (parsers.cidrs(), "10.0.0.1/8"),
        (parsers.secret_hex(2), "00f"),
        (parsers.secret_hex(2), "00 f"),
        (RING, ""),
        (RING, f"16:{KEY}"),
        (RING, f"1:{KEY},1:{KEY}"),
        (RING, f"1:{KEY[2:]}"),
        (RING, KEY),
    ],
)
def test_what_is_not_is_refused_in_a_sentence(parser: Parser[Any], written: str) -> None:
    with pytest.raises(ValueError, match=r"^must be "):
        parser.parse(written)


@given(st.text(min_size=12))
def test_a_refusal_never_repeats_what_it_refuses(written: str) -> None:
    with pytest.raises(ValueError, match="must be") as refusal:
        RING.parse(written)
    assert written not in str(refusal.value)
