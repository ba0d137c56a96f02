"""What nearly every link is, cut out at once, says what reading it tag by tag says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.rewriter.html import TEXT_LIMIT, scan
from services.rewriter.html.easy_links import PIECES, targets, texts, words
from services.rewriter.html.spots import RAW_TEXT_LIMIT, link_text
from services.rewriter.html.stretches import cut
from services.rewriter.references import link_target

EASY = [
    (
        '<a href="https://x.example/?a=1&amp;b">the offer</a>',
        "https://x.example/?a=1&amp;b",
        "the offer",
    ),
    ('<a class="c" href="u" style="d"\n>an <b>old</b> one</a>', "u", "an old one"),
    ('<a title=\'a "b"\' href="u" href="v"><span style="x">words</span></a>', "u", "words"),
    ('<a href="u"><img alt="The &amp; logo" src="p" />shop</a>', "u", " The &amp; logo shop"),
    ('<a href="u"><img title=" alt=" alt="b">c<br/>d</a>', "u", " b c d"),
    ('<a href="u"><img src="p"></a>', "u", ""),
    ('<a title="<a>" href=""></a>', "", ""),
    ('<a target=_blank href="u" rel=x\n>y</a>', "u", "y"),
    ("<a id='' href='v \"w\"'>it's</a>", 'v "w"', "it's"),
]
OTHER = [
    *['<a href="u" data-inkling-follow="no">x</a>', '<a href="u" background="cid:x">y</a>'],
    *[
        '<a href="u">never closed',
        "<a href=u>x</a>",
        "<a rel=x/ href='u'>x</a>",
        '<area href="u">',
        "<a/href=u>",
        "<a>",
    ],
    *['<a href="u"><i title=">">x</i></a>', '<a href="u"><img alt=y></a>', '<a href="u"x>y</a>'],
    *['<a data-inkling="no" href="u">x</a>', '<a href="u"><!-- c -->x</a>', '<a\n name="n">x</a>'],
]


@pytest.mark.parametrize(("text", "url", "seen"), EASY)
def test_what_nearly_every_link_is_is_cut_out(text: str, url: str, seen: str) -> None:
    pieces, passed, whole = cut(f"<p>{text}<br>{text}</p>")
    assert (passed, whole) == ([], True)
    assert "".join(pieces) == f"<p>{text}<br>{text}</p>"
    assert pieces[::PIECES] == ["<p>", "</a><br>", "</a></p>"]
    assert pieces[2::PIECES] == [url, url]
    assert [*map(words, pieces[4::PIECES])] == [seen, seen]
    (spot,) = scan(text).links
    assert (spot.raw, spot.text) == (url, link_text(seen))


@pytest.mark.parametrize("text", OTHER)
def test_up_to_any_other_link(text: str) -> None:
    easy = '<a href="u">v</a>'
    pieces, passed, whole = cut(f"{easy}<p>{text}{easy}")
    assert pieces == ["", '<a href="', "u", '">', "v", "</a><p>"]
    assert (passed, whole) == ([], False)


@pytest.mark.parametrize("text", ["<abbr>x</abbr>", "</a>", "a < b>", "<!-- c --><br>", ""])
def test_what_is_no_link_stays(text: str) -> None:
    pieces, _, whole = cut(text)
    assert (pieces, whole) == ([text], True)


def test_what_begins_like_a_link_behind_a_quote_is_none() -> None:
    text = '</"u">v</a><p =">w</a>'
    assert cut(f"<p>{text}")[0] == ["<p>"]


PARTS = [
    "x",
    '"',
    " ",
    "  ",
    "\n",
    "\t",
    "&",
    "&amp;",
    "&lt;",
    "\0",
    "\x01",
    "\u00a0",
    "\x1c",
    "\x85",
    "\u2003",
    "\u3000",
    "é",
    "'",
]
WRITTEN = st.lists(st.sampled_from(PARTS), max_size=8).map("".join)


@given(st.lists(WRITTEN, min_size=1, max_size=5))
def test_addresses_are_read_together_as_each_by_itself(raws: list[str]) -> None:
    assert targets(raws) == list(map(link_target, raws))


MARKED = st.lists(
    st.sampled_from(
        [*PARTS, "<b>", "</b>", "<br>", '<img alt="y z">', "long " * 50, "&#65;" * 500]
    ),
    max_size=6,
).map("".join)


@given(st.lists(WRITTEN | MARKED, min_size=1, max_size=5))
def test_words_are_read_together_as_each_by_itself(written: list[str]) -> None:
    found = texts(written)
    assert found == [link_text(words(one)[:RAW_TEXT_LIMIT]) for one in written]
    assert max(map(len, found)) <= TEXT_LIMIT
