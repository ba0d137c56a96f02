import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.rewriter.hosts import normal_host


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("Bank.Example", "bank.example"),
        ("bank.example.", "bank.example"),
        ("b\u00fccher.example", "xn--bcher-kva.example"),
        ("B\u00dcCHER.example", "xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("fa\u00df.example", "xn--fa-hia.example"),
        ("\u65e5\u672c\u3002example", "xn--wgv71a.example"),
        ("a_b.example", "a_b.example"),
        ("localhost", "localhost"),
        ("2.example", "2.example"),
        ("192.0.2.1", None),
        ("a.0x7f", None),
        ("::1", None),
        ("[::1]", None),
        ("a..example", None),
        ("-a.example", None),
        ("a-.example", None),
        ("a.example:80", None),
        ("a.example/x", None),
        ("ana@a.example", None),
        ("*.example", None),
        ("a example", None),
        ("a%41.example", None),
        ("a.example\n", None),
        ("\ud800.example", None),
        ("", None),
        (".", None),
        ("a" * 64, None),
        (".".join(["a" * 63] * 4), None),
    ],
)
def test_hosts_have_one_form(written: str, normal: str | None) -> None:
    assert normal_host(written) == normal


@given(st.text(max_size=40))
def test_whatever_is_written_is_refused_or_has_a_form_that_stays(written: str) -> None:
    once = normal_host(written)
    assert once is None or (once.isascii() and normal_host(once) == once)
