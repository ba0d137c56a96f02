"""Cloudflare's lol_html, a parser by other people, on what is a link.

It differs in two things, both named here: it reads no comments, so links of conditional ones are ours alone; and VML
shapes are elements like others to it, so they are asked for by name.
"""

from html import unescape
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.rewriter.html import scan

lolhtml = pytest.importorskip("lolhtml")

FRAGMENTS = st.sampled_from(
    [
        *['<a href="u">', "<A HREF='v'>x</a>", "<a\r\nhref = w >", "<area alt=x href=y />", "</a>"],
        *[
            "<a title='>' href=z>",
            '<a href="p" href="q">',
            "<a title=it's href=r>",
            "<a {{#if}} href=s>",
        ],
        *[
            '<a title="x"href=t>',
            "<a/href=o>",
            "<p title='<a href=no>'>",
            "<b>",
            "</b>",
            "a < b",
            "&amp;",
        ],
        *[
            "<!-- <a href=no> -->",
            "<!-->",
            "<!doctype html>",
            "<![if !mso]>",
            "<![endif]>",
            "<? <a href=no>",
        ],
        *["<style><a href=no></style>", "<script><!--<script></script><a href=no>--></script>"],
        *[
            "<title><a href=no></title>",
            "<textarea><a href=no></textarea>",
            "<svg><style>",
            "</svg>",
        ],
        *[
            "<v:rect href=m />",
            "<v:roundrect href='n'>",
            "</v:roundrect>",
            "<table>",
            "<td>",
            "\0",
            "é",
        ],
    ]
)


class _Asked:
    def __init__(self) -> None:
        self.values: list[str] = []

    def element(self, element: Any) -> None:
        self.values.append(element.get_attribute("href"))


def theirs(html: str) -> list[str]:
    asked, written = _Asked(), bytearray()
    rewriter = lolhtml.HTMLRewriter(written.extend)
    rewriter.on(r"a[href], area[href], v\:rect[href], v\:roundrect[href]", asked)
    rewriter.write(html.encode())
    rewriter.end()
    return [unescape(value) for value in asked.values]


@given(st.lists(FRAGMENTS, max_size=15).map("".join))
def test_both_find_the_same_links(html: str) -> None:
    assert [spot.url for spot in scan(html).links] == theirs(html)


def test_only_we_read_conditional_comments() -> None:
    html = "<!--[if mso]><v:rect href=u></v:rect><![endif]--><a href=v>"
    assert theirs(html) == ["v"]
    assert [spot.url for spot in scan(html).links] == ["u", "v"]
