from hypothesis import given
from hypothesis import strategies as st

from services.rewriter import links
from services.rewriter.easy_urls import easy_host, easy_hosts
from services.rewriter.html import LinkSpot

PARTS = st.sampled_from(
    [
        *(
            "http://",
            "https://",
            "a.b",
            "A",
            "example.com",
            "-",
            "_",
            ".",
            "/",
            "?",
            "#",
            "@",
            ":80",
        ),
        *(
            "%20",
            "%C3",
            "%",
            "%x%",
            "%A1z%",
            "{x}",
            "{{",
            "[%",
            "*|",
            "$",
            "{",
            "[",
            "]",
            "<%",
            "\\",
        ),
        *("é", "x" * 64, "y" * 63 + ".", "z" * 254, "&", "=", "\x00", "\n", "\r", "\u2028", " "),
    ]
)
URLS = st.builds(
    lambda start, parts: start + "".join(parts),
    st.sampled_from(["https://", "http://a.b/", "https://a.example", ""]),
    st.lists(PARTS, max_size=6),
)


@given(URLS)
def test_of_an_address_that_is_easy_every_rule_says_that_it_is_fine(url: str) -> None:
    host = easy_host(url)
    if host:
        spot = LinkSpot(start=0, end=1, quote="", raw="", url=url, text="", mark=None)
        assert links._not_meant_for_us(spot) is None
        assert links._host(url) == host


FINE = st.builds(
    lambda start, parts: start + "".join(parts),
    st.sampled_from(["https://", "http://", "https://a.example", "http://h", "ftp://x", ""]),
    st.lists(
        st.sampled_from(
            ["/", "//", "?", "#", "@", ":80", "a", "A", ".", "z" * 64, "y.", "%20", "%", "%z", "="]
        ),
        max_size=6,
    ),
)


@given(st.one_of(st.lists(URLS, max_size=8), st.lists(FINE, max_size=8)))
def test_addresses_are_read_together_as_one_by_one(urls: list[str]) -> None:
    assert easy_hosts(urls) == [easy_host(url) for url in urls]


def test_most_addresses_are_easy() -> None:
    path = "/a-b/c_1~?d=%20e&f=g;h:(i)!'#top"
    assert easy_hosts(["https://www.x.example" + path, "https://x.example", "http://x?y"]) == [
        *("www.x.example", "x.example", "x"),
    ]
    assert easy_hosts(["https://x.example/{{name}}", "", "mailto:a@x.example"]) == ["", "", ""]
