import pytest

from services.rewriter.domains import Domains, spelled


@pytest.mark.parametrize(
    "host",
    [
        *["x.example", "a.x.example", "a.b.X.EXAMPLE.", "bücher.example", "BÜCHER.example"],
        *[
            "xn--bcher-kva.example",
            "www.xn--BCHER-KVA.example",
            "bu\u0308cher.example",
            "y.example",
        ],
    ],
)
def test_a_domain_holds_all_that_is_below_it_in_every_spelling(host: str) -> None:
    assert host in Domains(["X.example", "bücher.example", "*.y.example"])
    assert host in Domains(["x.example.", "xn--bcher-kva.example", ".y.example"])


@pytest.mark.parametrize(
    "host", ["example", "xx.example", "x.example.com", "xn--.example", "bucher.example", None, ""]
)
def test_no_other_host_is_in_it(host: str | None) -> None:
    assert host not in Domains(["x.example", "bücher.example"])
    assert host not in Domains([])


def test_what_is_no_punycode_stays_as_it_is() -> None:
    assert spelled("XN--\u00fc.example") == "xn--\u00fc.example"
    assert spelled("xn--99999999999.example") == "xn--99999999999.example"
