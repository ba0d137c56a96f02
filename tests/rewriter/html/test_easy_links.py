"""Reading a link at once, and passing over tags that say nothing, gives what reading tag by tag gives."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.rewriter.html import LinkSpot, scan
from services.rewriter.html.easy_links import easy_link, words

# Has the scanner look at every tag, and so take neither of the short ways.
WATCHED = "<!--cid:-->"
FRAGMENTS = [
    *[
        '<a href="x">',
        '<a href="u?x=1&amp;y=2" class="c">',
        '<a class="k" href="u" href="v">',
        "</a>",
    ],
    *[
        '<a data-inkling-follow="no" href="u">',
        '<A HREF="q">',
        "<a href='s'>",
        "<a href=u>",
        "</a >",
    ],
    *[
        '<a\n href="n"\n>',
        '<a  id="1">',
        '<a href="x"/>',
        '<a href="x"b="y">',
        '<a title=">" href="k">',
    ],
    *[
        "<a href>",
        '<a href="">',
        '<a href="\0">',
        '<abbr title="x">',
        '<a hrefx="1" href="2">',
        "<a",
    ],
    *["<b>", "</b>", '<span style="x">', "</span>", '<em class="a" id="b">', "<i>", "<b/>", "<br>"],
    *["words ", " &amp; &lt;", "x" * 1500, "<", ">", '"', "'", "=", "<3", "<!doctype html>"],
    *["<!-- c -->", "<script>", "</script>", "<svg>", "</svg>", "<title>", "</title>", "</body>"],
    *['<img alt="pic" src="p">', '<area href="r" alt="al">', '<td a="x"="y">', '<td ="x">'],
    *['<td ="="x">', "<td a=\"x\"b='y>'>", '<td a=">">', '<td a = "x">', '<p =">', '<td "=>'],
    *[
        '</td x="y">',
        '<td a="',
        "<p b='",
        '<td a="x>"',
        '</ x="y">',
        '<p\0="a">',
        '<b <a href="x">y</a>',
    ],
]


def shifted(links: tuple[LinkSpot, ...], by: int) -> list[LinkSpot]:
    return [link._replace(start=link.start + by, end=link.end + by) for link in links]


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=12).map("".join))
def test_the_short_ways_find_what_reading_tag_by_tag_finds(text: str) -> None:
    short, long = scan(text), scan(WATCHED + text)
    assert shifted(short.links, len(WATCHED)) == list(long.links)
    assert short.pixel_position + len(WATCHED) == long.pixel_position


def match(text: str) -> re.Match[str]:
    found = easy_link(text, 0, len(text))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "url", "seen"),
    [
        (
            '<a href="https://x.example/?a=1&amp;b">the offer</a>',
            "https://x.example/?a=1&amp;b",
            "the offer",
        ),
        ('<a class="c" href="u" style="d"\n>an <b>old</b> one</a>', "u", "an old one"),
        ('<a href="u" href="v"><span style="x">words</span></a>', "u", "words"),
    ],
)
def test_what_nearly_every_link_is_is_read_at_once(text: str, url: str, seen: str) -> None:
    found = match(text + "<p>")
    assert (found[1], words(found), found.end()) == (url, seen, len(text))


@pytest.mark.parametrize(
    "text",
    [
        '<a href="u"><img alt="pic" src="p"></a>',
        '<a href="u" data-inkling-follow="no">x</a>',
        '<a href="u">never closed',
        "<a href='u'>x</a>",
        '<A HREF="u">x</A>',
        '<area href="u">',
    ],
)
def test_any_other_link_is_not(text: str) -> None:
    assert easy_link(text, 0, len(text)) is None
