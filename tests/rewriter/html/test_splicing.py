"""The splicer against its law: what no edit names stays."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.rewriter.html import (
    Edit,
    insert_canary,
    insert_pixel,
    replace_value,
    scan,
    splice,
)
from tests.rewriter.html.given import SOUP

# What the standard library's parser and browsers read alike.
TAME_FRAGMENTS = [
    *["plain <b>bold</b>", "<br/>", "</a>", "<a name=here>", "<!DOCTYPE html>", "a < b & c"],
    *["\r\n", "<!-- <a href='http://no/'> -->", "<p title='<a href=http://no/>'>"],
    *["<link href='http://no/'>", "<style>a > b <a href='no'></style>"],
    *["<script>'<a href=\"http://no/\">'</script>"],
]


TAME_LINK = st.builds(
    "<{0}{1}{2}{1}{3}={4}{5}{4}{1}>".format,
    st.sampled_from(["a", "A", "area", "AREA"]),
    st.sampled_from([" ", "\n", "\t", "\r\n  "]),
    st.sampled_from(["class=x", "id='a>b'", 'title="q > r"', "disabled", ""]),
    st.sampled_from(["href", "HREF", "Href"]),
    st.sampled_from(["'", '"']),
    st.lists(st.sampled_from([*"hx:/?=#%é <>{}", "&amp;", "&#38;", "&#x26;"]), max_size=12).map(
        "".join
    ),
)


TAME = st.lists(st.one_of(st.sampled_from(TAME_FRAGMENTS), TAME_LINK), max_size=12).map("".join)


class Oracle(HTMLParser):
    """An independent reading of where each link leads."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.urls: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        href = next((value for name, value in attrs if name == "href"), None)
        if tag in ("a", "area") and href is not None:
            self.urls.append(href.strip(" "))


def only(html: str) -> str:
    (spot,) = scan(html).links
    return spot.url


@given(TAME)
def test_targets_are_those_of_an_independent_parser(html: str) -> None:
    spots = scan(html).links
    assert [spot.url for spot in spots] == Oracle(html).urls
    urls = [f"https://t.example/c/{index}?a&b='\"" for index in range(len(spots))]
    assert Oracle(splice(html, map(replace_value, spots, urls))).urls == urls


@given(SOUP)
def test_only_the_values_change_and_nothing_else(html: str) -> None:
    spots = scan(html).links
    values = {f"https://t.example/{index}/": spot for index, spot in enumerate(spots)}
    rewritten = splice(html, [replace_value(spot, url) for url, spot in values.items()])
    assert [spot.url for spot in scan(rewritten).links] == list(values)
    for url, spot in values.items():
        assert html[spot.start : spot.end] == spot.raw
        assert rewritten.count(url) == 1
        rewritten = rewritten.replace(url, spot.raw)
    assert rewritten == html


@given(SOUP)
def test_only_the_values_of_pictures_change_and_nothing_else(html: str) -> None:
    spots = scan(html).pictures
    values = {f"https://t.example/i/{index}/": spot for index, spot in enumerate(spots)}
    rewritten = splice(html, [replace_value(spot, url) for url, spot in values.items()])
    for url, spot in values.items():
        assert html[spot.start : spot.end] == spot.raw
        rewritten = rewritten.replace(url, spot.raw)
    assert rewritten == html


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<a href="u">', '<a href="t?a&amp;b=\'&quot;">'),
        ("<a href='u'>", "<a href='t?a&amp;b=&#39;\"'>"),
        ("<a href=u>", '<a href="t?a&amp;b=\'&quot;">'),
    ],
)
def test_a_new_value_is_escaped_for_the_quotes_found(html: str, expected: str) -> None:
    (spot,) = scan(html).links
    spliced = splice(html, [replace_value(spot, "t?a&b='\"")])
    assert spliced == expected
    assert only(spliced) == "t?a&b='\""


def test_a_bare_value_stays_bare_where_it_can() -> None:
    html = "<A HREF=u class=b>"
    assert (
        splice(html, [replace_value(scan(html).links[0], "https://t/c/x")])
        == "<A HREF=https://t/c/x class=b>"
    )


def test_edits_that_overlap_are_refused() -> None:
    with pytest.raises(ValueError, match="overlaps"):
        splice("abcdef", [Edit(0, 3, ""), Edit(2, 4, "")])
    with pytest.raises(ValueError, match="outside"):
        splice("abc", [Edit(2, 4, "")])
    assert splice("ab", [Edit(1, 1, "z"), Edit(1, 1, "y"), Edit(1, 2, "x")]) == "azyx"


def test_the_pixel_is_one_closed_tag() -> None:
    assert splice("<p></body>", [insert_pixel(3, 'https://t/o/x.gif?a&"')]) == (
        '<p><img src="https://t/o/x.gif?a&amp;&quot;" width="1" height="1" alt=""'
        ' style="display:block;width:1px;height:1px;border:0"></body>'
    )


def test_the_canary_is_a_link_to_a_parser_and_nothing_to_a_person() -> None:
    spliced = splice("<p></body>", [insert_canary(3, "https://t/c/x?a&b")])
    (spot,) = scan(spliced).links
    assert (spot.url, spot.text) == ("https://t/c/x?a&b", "")
    for hidden in ('tabindex="-1"', 'aria-hidden="true"', "display:none", "mso-hide:all"):
        assert hidden in spliced
    assert scan(spliced).pixel_position == len(spliced) - len("</body>")


@pytest.mark.parametrize(("url", "value"), [("a--", '"a--"'), ("a>b", "a&gt;b"), ("a", "a")])
def test_a_new_value_never_ends_a_comment(url: str, value: str) -> None:
    html = "<!--[if mso]><a href=u><![endif]--><a href=v>"
    spliced = splice(html, [replace_value(scan(html).links[0], url)])
    assert spliced == f"<!--[if mso]><a href={value}><![endif]--><a href=v>"
    assert [spot.url for spot in scan(spliced).links] == [url, "v"]
