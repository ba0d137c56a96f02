"""The quick way says what reading construct by construct says, and ordinary mail goes it."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from benchmarks.support import newsletter
from services.rewriter.html import scan, scanner, stretches
from services.rewriter.html.easy_links import PIECES
from services.rewriter.html.stretches import Stretch, cut, head_end, read
from services.rewriter.html.syntax import FOREIGN, LINKS, RAW_TEXT
from tests.rewriter.html import test_corpus, test_scanner
from tests.rewriter.html.given import FRAGMENTS
from tests.rewriter.html.slow import slow

HEAD = '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>T</title>'
ORDINARY = [
    *['<table width="600" class="c">', "<tr>", "<td style='padding:8px'>", "</td>", "</tr>", "\n"],
    *['<a href="https://x.example/?a=1&amp;b=2">w</a>', '<a class="c" href="u">a <b>b</b> c</a>'],
    *[
        '<a href="u"><img src="p" alt="An image" /></a>',
        '<a href="u">&nbsp;&lt;</a>',
        "<p>",
        "</p>",
    ],
    *["<!--[if mso]><table><tr><td width='1'><![endif]-->", "<!-- c - d -- e -->", "<![endif]>"],
    *[
        "<!--[if !mso]><!-->",
        "<!--[if !mso]><!-- -->",
        "<!--<![endif]-->",
        "a < b<br>",
        "<style>a > b {}</style>",
        "it's",
        "<body>",
    ],
    *[
        "</body>",
        "</html>",
        "<img src='p' alt=\"q\">",
        "<abbr>",
        "<noscript>",
        "</noscript>",
        "<tbody>",
    ],
]
# What makes the quick way end, or should.
ODD = [
    *[
        '<a href="u"><img alt="a&amp;b" src="cid:x"></a>',
        '<a title=">" href="k">q</a>',
        "<p title='>'>",
    ],
    *[
        '<a title="<svg>" href="k">q</a>',
        '<a title="> <!-- " href="u">x</a>',
        '<p title="> <!-- ">',
    ],
    *[
        '<a title="> </body>" href="u">x</a>',
        "<p title=\"<a href='x'>\">",
        '="',
        "='",
        "= '",
        '"',
        "'",
    ],
    *[
        "<p ",
        "<",
        ">",
        '<p <a href="u">x</a>',
        '<? <a href="u">x</a>',
        '<!x <a href="u">x</a>',
        "<desc>",
    ],
    *[
        "<!--[if mso]><v:rect href='m'></v:rect><![endif]-->",
        '<!-- <a href="n">n</a> -->',
        "<title>",
    ],
    *[
        "<!--",
        "-->",
        "--!>",
        "<!-->",
        "<!--[if mso]>",
        "<!-- <img src=cid:y> -->",
        "cid:",
        "<plaintext>",
    ],
    *[
        "<A HREF='U'>U</A>",
        "<BODY>",
        "</BODY x='>'>",
        "<math>",
        "</math>",
        "<style",
        "</style",
        "=",
        "</",
    ],
    *[
        '<a data-inkling="no" href="u">m</a>',
        "<a href='v'>z</a>",
        "<a name=n>",
        '<a href="\t\x01 u ">',
        "\0",
    ],
]
SOUP = st.lists(
    st.sampled_from(ORDINARY) | st.sampled_from(ODD) | st.sampled_from(FRAGMENTS), max_size=25
).map("".join)
MAILS = [*(path.read_text("utf-8") for path in test_corpus.FILES), newsletter.html(1)]


@given(st.sampled_from(["", "<p>", "<body>", HEAD + "</head><body>"]), SOUP)
@example("<p>", "<svg><foreignObject></foreignObject><style><a href=u></style>")
@example(
    "<p>", '<!--[if mso]><v:rect href=u><![endif]--><a href="v">w</a><!--[if mso]></v:rect>-->'
)
def test_both_ways_say_the_same(opening: str, html: str) -> None:
    assert scan(opening + html) == slow(opening + html)


@given(st.lists(st.sampled_from(ORDINARY), max_size=25).map("".join), st.data())
def test_both_ways_say_the_same_of_a_mail_with_one_change(html: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(html)))
    change = data.draw(st.sampled_from([*"\"'<>=-!/ a", ""]))
    changed = "<p>" + html[:at] + change + html[at + 1 :]
    assert scan(changed) == slow(changed)


@given(st.sampled_from(MAILS), st.data())
def test_both_ways_say_the_same_of_mails_with_changes(html: str, data: st.DataObject) -> None:
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, len(html)))
        html = html[:at] + data.draw(st.sampled_from(ODD)) + html[at:]
    assert scan(html) == slow(html)


UNSOUND = st.lists(
    st.sampled_from(
        [*["=", '"', "'", " ", "\t", "<", ">", "x", "cid:", "CiD:", "-inkling-attachments"],
         *["-in\u212aling-Attachments", "-\u0131nkling-attachments", "-inkling", "\ud800", "\u00a0"]]
    ),
    max_size=8,
).map("".join)  # fmt: skip


@given(UNSOUND)
def test_whatever_the_scanner_would_look_at_is_unsound(text: str) -> None:
    lower = text.lower()
    looked_at = "cid:" in lower or "-inkling-attachments" in lower or "\ud800" in text
    odd = looked_at or stretches._ODD.search(text) is not None
    assert stretches._UNSOUND_SOMEWHERE.may_stand_in(text) is odd
    assert stretches._SAYS_SOMEWHERE.may_stand_in(text) is looked_at


@pytest.mark.parametrize(
    "html", [*test_scanner.LINKS, *test_scanner.NO_LINKS, *test_scanner.HIDDEN, *ORDINARY, *ODD]
)
def test_both_ways_say_the_same_of_each_known_shape(html: str) -> None:
    assert scan(f"<p>{html}<a href=v>") == slow(f"<p>{html}<a href=v>")


@pytest.mark.parametrize(
    "name", sorted(RAW_TEXT | FOREIGN | LINKS - {"a"} | {"body", "/body", "/html"})
)
@pytest.mark.parametrize("after", [" ", ">", "/", "\n"])
def test_a_stretch_ends_before_what_tells_something(name: str, after: str) -> None:
    if name in ("/body", "/html") and after == ">":
        return  # is noted in passing
    for written in (name, name.upper(), name.title()):
        html = f"<p>x</p><{written}{after}b='1'>"
        assert read(html, 0, len(html))[:2] == (8, [])


TAGS = """table tbody thead tr td th p div span center img br hr b i u s em strong small big sup sub font ul ol li
h1 h2 h3 pre code blockquote noscript nobr label button input form section header footer main map mark
meta link base head""".split()  # noqa: SIM905


@pytest.mark.parametrize("name", TAGS)
def test_no_stretch_ends_at_a_tag_that_tells_nothing(name: str) -> None:
    html = f"<p><{name}>x<{name} title=\"it's\">y</{name}><{name.title()} a='b'></{name.title()} >"
    assert read(html, 0, len(html)) == Stretch(len(html), [], -1, -1, True)


@pytest.mark.parametrize(
    "html",
    [
        "<!DOCTYPE html><html><head></head><body>|",
        f"\ufeff{HEAD}<style>p > a {{}}</style>\n<!--[if mso]><xml><o:x/></xml><![endif]--></head><body bgcolor='x'>|",
        "<html>\n<meta a='b'/><link c><base d='e'><!-- c --><BODY>|",
    ],
)
def test_an_ordinary_head_is_read_at_once(html: str) -> None:
    text = html.replace("|", "<p>")
    assert head_end(text, len(text)) == html.index("|") == slow(text).body_start


@pytest.mark.parametrize(
    "html",
    [
        *["<p><body>", "x<body>", "<html><head><title><body>", "<html></html><body>", "<body", ""],
        *["<meta a='>'><body>", "<body background='cid:x'>", "<body data-inkling-attachments>"],
        *["<!--[if mso]><a href=u></a><![endif]--><body>", "<noscript></noscript><body>"],
    ],
)
def test_any_other_head_is_not(html: str) -> None:
    assert head_end(html, len(html)) == -1


def test_what_tells_nothing_is_passed_and_named() -> None:
    easy = '<a href="u">v</a>'
    html = f"<!-- c -->a < b<p>{easy}<![endif]><style>p > a</style></BODY></html >{easy}<p>"
    pieces, passed, whole = cut(html)
    assert ("".join(pieces), len(pieces), whole) == (html, 2 * PIECES + 1, True)
    assert [(one.piece, one.markup) for one in passed] == [
        *[(0, "<!-- c -->"), (0, "< "), (5, "<![endif]>"), (5, "<style>p > a</style>")],
        *[(5, "</BODY>"), (5, "</html >")],
    ]
    assert [pieces[one.piece][one.start :].startswith(one.markup) for one in passed] == [True] * 6
    found = read(html, 0, len(html))
    assert (found.body_end, found.html_end) == (html.index("</BODY"), html.index("</html"))


def test_ordinary_mail_goes_the_quick_way(monkeypatch: pytest.MonkeyPatch) -> None:
    read_slowly: list[str] = []
    construct = scanner._Scanner._construct

    def counted(self: scanner._Scanner, at: int) -> scanner.Offset:
        read_slowly.append(self._html[at : at + 12])
        return construct(self, at)

    monkeypatch.setattr(scanner._Scanner, "_construct", counted)
    ordinary = "".join(ORDINARY).replace("<body>", "")
    for html in (newsletter.html(1), f"{HEAD}</head><body>{ordinary * 40}"):
        assert len(scan(html).links) >= 40
        assert len(re.findall("<", html)) > 400
    assert read_slowly == []


def test_much_that_is_odd_is_not_looked_at_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    quick = stretches.read

    def counted(html: str, begin: int, limit: int) -> Stretch:
        looked.append(limit - begin)
        return quick(html, begin, limit)

    monkeypatch.setattr(stretches, "read", counted)
    html = "<p>" + "<p title='>'>x</p><a href='u'>y</a>" * 1_000
    assert len(scan(html).links) == 1_000
    assert sum(looked[1:]) < 40 * len(html)
