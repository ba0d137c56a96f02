"""The scanner against tables, an independent parser, and floods; the splicer against its law."""

import gc
import sys
from collections.abc import Callable
from functools import partial
from html.parser import HTMLParser
from types import FrameType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.rewriter.html import (
    TEXT_LIMIT,
    Edit,
    Scan,
    insert_pixel,
    replace_value,
    scan,
    splice,
)

FRAGMENTS = [
    *["<a ", "<A\n", "<area ", "</a>", "</A >", "<ab href=u>", "<p title='>'>", "<b>", "</b>"],
    *["<img alt=y>", '<a href="u">', "<a href='v'>", "<a href=w>", "href", "HREF", "=", " = "],
    *['"', "'", ">", "/", "/>", " ", "\t", "\r\n", "\0", "\ud800", "é", "x", "-", "--", "!"],
    *["{{ x }}", "data-inkling-follow=no", "http://x/", "&amp;", "&copy=1", "&notit;", "&#x41;"],
    *["&#0;", "&", "</body>", "</html>", "<!--", "-->", "--!>", "<!-->", "<!--->", "<!", "<?"],
    *["</", "<", "<!--[if mso]>", "<![endif]-->", "<![CDATA[", "]]>", "<svg>", "</svg>", "<svg/>"],
    *["<script>", "</script>", "<script ", "<plaintext>", "<style>", "</style>", "<textarea>"],
    *[
        "</textarea>",
        "<title>",
        "</title>",
        "<noembed>",
        "<img src=cid:p>",
        "<td background='cid:q'>",
    ],
    *[
        "<p data-inkling-attachments=1>",
        "<DIV Data-Inkling-Attachments>",
        " data-inkling-attachments",
    ],
    *["src=", "cid:", "<img "],
]
SOUP = st.lists(st.sampled_from(FRAGMENTS), max_size=40).map("".join)

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


@given(SOUP)
def test_what_stands_at_a_kept_place_is_never_swallowed(html: str) -> None:
    before = scan(html)
    probes = [Edit(place.position, place.position, "<area href=probe>") for place in before.places]
    after = scan(splice(html, probes))
    assert [spot.url for spot in after.links].count("probe") == len(before.places)
    assert [place.value for place in after.places] == [place.value for place in before.places]


@given(SOUP)
def test_what_stands_at_the_pixel_position_is_never_swallowed(html: str) -> None:
    before = scan(html)
    probe = Edit(before.pixel_position, before.pixel_position, "<area href=probe>")
    urls = [spot.url for spot in before.links]
    number = sum(spot.start < before.pixel_position for spot in before.links)
    assert [spot.url for spot in scan(splice(html, [probe])).links] == [
        *urls[:number],
        "probe",
        *urls[number:],
    ]


@given(SOUP, st.text(max_size=5))
def test_no_text_raises_and_offsets_are_in_order(html: str, more: str) -> None:
    found = scan(html + more)
    places = [place for spot in found.links for place in (spot.start, spot.end)]
    assert places == sorted(places)
    assert 0 <= found.pixel_position <= len(html + more)
    assert all(len(spot.text) <= TEXT_LIMIT for spot in found.links)


LINKS = [
    *['<a href="u">', "<A HREF='u'>", "<a href=u>", "<a/href=u>", "<a title='a>b' href=u>"],
    *["<<a href=u>", "<a\r\nclass=b\r\nhref = u\r\n>", "<a title=it's href=u>"],
    *["<a it's\"href=v href=u>", "<a {{#if x}} href=u>", "<a =href=v href=u>"],
    *['<a title="x"href=u>', "<a href=u href=v>", "<area shape=rect href=u>", "<!--> <a href=u>"],
    *["<!---> <a href=u>", "<noscript><a href=u></noscript>", "<![if !mso]><a href=u><![endif]>"],
    *["<!--[if !mso]><!--><a href=u><!--<![endif]-->"],
    *["<svg><title><a href=u></svg><title><a href=v></title>"],
]
NO_LINKS = [
    *["<a>", "<a><b href=u>", "<a href>", "<a href=>", "<a href href=u>"],
    *["<a data-href=u xlink:href=v>", "<a:b href=x>", "<ab href=u>", "<link href=u>"],
    *["<base href=u>", "< a href=u>", "<a href=u", '<a href="u>', "</a href=u>", "<a<b href=u>"],
    *["<a\0 href=u>", "<!-- > -- > <a href=u>", "<style></\u017ftyle><a href=u></style>"],
    *["<plaintext><a href=u></plaintext>", "<!--[if mso]><a href=u><![endif]-->"],
]
HIDDEN = [
    *["<!-- {} -->", "<!--!> {} --!>", "<!x {}", "<? {}", "</ {}"],
    *["<svg><![CDATA[ > {} ]]></svg>", "<![CDATA[ {}", "<script>{}</script >"],
    *["<script><!--<script></script>{}--></script>", "<script><!-- {} </script>"],
    *["<script><!--><script>{}</script>", "<STYLE>a<b {} </styles></style/>"],
    *["<textarea>{}</textarea\t>", "<title>{}</title>", "<xmp>{}</xmp>", "<iframe>{}</iframe>"],
    *["<noframes>{}</noframes>", "<noembed>{}</noembed>"],
]


@pytest.mark.parametrize("html", LINKS)
def test_a_link_is_found_however_it_is_written(html: str) -> None:
    assert [spot.raw for spot in scan(html).links] == ["u"]


@pytest.mark.parametrize("html", NO_LINKS)
def test_what_no_browser_takes_for_a_link_is_none(html: str) -> None:
    assert scan(html).links == ()


@pytest.mark.parametrize("html", HIDDEN)
def test_what_a_browser_does_not_read_as_markup_is_passed_over(html: str) -> None:
    assert [spot.raw for spot in scan(html.format("<a href=u>") + "<a href=v>").links] == ["v"]


def test_a_value_is_kept_as_it_was_found() -> None:
    spots = scan("<a href=u/><a href=''><a href='{{ u }}'><a href=%%u%%>").links
    assert [(spot.raw, spot.quote) for spot in spots] == [
        ("u/", ""),
        ("", "'"),
        ("{{ u }}", "'"),
        ("%%u%%", ""),
    ]


def test_a_target_is_read_as_the_browser_reads_it() -> None:
    assert only('<a href=" \0\x01 http://x/\r\n\ta&Tab;&#10;b c\t ">') == "\ufffd\x01 http://x/ab c"
    assert (
        only('<a href="\x01\n http://x/?q=%26&amp;r=a%2520b#f ">') == "http://x/?q=%26&r=a%2520b#f"
    )


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


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<a href=u>Our <b>of</b>fer</a> not this", "Our offer"),
        ("<a href=u>\r\n  one<br>two&nbsp;&amp;\t<p>three</p></a>", "one two & three"),
        ("<a href=u><img src=p alt='The &quot;logo&quot;'>shop</a>", 'The "logo" shop'),
        ("<a href=u><!-- no --><style>no</style>yes</a>", "yes"),
        ("<a href=u>one<a>two", "one"),
        ("<a href=u>open", "open"),
        ("<area href=u alt='a map'>no", "a map"),
        ("<a href=u></a>no", ""),
        ("<a href=u>" + "long " * 1_000_000, ("long " * 40)[:199] + "…"),
    ],
)
def test_the_text_is_what_a_reader_sees_of_the_link(html: str, text: str) -> None:
    assert scan(html).links[0].text == text


@pytest.mark.parametrize(
    ("html", "mark"),
    [
        ("<a href=u data-inkling-follow=no>", "no"),
        ("<a DATA-INKLING-FOLLOW=' N&#79; ' href=u>", " NO "),
        ("<a href=u data-inkling-follow>", ""),
        ("<a href=u>", None),
    ],
)
def test_the_mark_beside_a_link_is_reported(html: str, mark: str | None) -> None:
    assert scan(html).links[0].mark == mark


@pytest.mark.parametrize(
    ("html", "url"),
    [
        ("<img src=cid:a>", "cid:a"),
        ("<IMG alt='x>y' SRC='CID:a@b'>", "CID:a@b"),
        ('<a href=u><img src=" cid:a&amp;b "></a>', "cid:a&b"),
        ('<table background="cid:a%20b">', "cid:a%20b"),
        ("<img src=cid:a src=cid:b>", "cid:a"),
        ("<!--[if !mso]><!--><img src=cid:a><!--<![endif]-->", "cid:a"),
        ("<img src src=cid:a>", None),
        ("<p src=cid:a>", None),
        ("<img alt=cid:a src=u>", None),
        ("<img src=xcid:a>", None),
        ("<!-- <img src=cid:a> -->", None),
        ("<p style='background:url(cid:a)'>", None),
        ("<a href=cid:a>", None),
    ],
)
def test_the_mails_own_pictures_are_found(html: str, url: str | None) -> None:
    assert [spot.url for spot in scan(html).pictures] == ([] if url is None else [url])


@pytest.mark.parametrize(
    ("html", "value"),
    [
        ("<div data-inkling-attachments>|</div>", ""),
        ("<P\nDATA-INKLING-ATTACHMENTS = ' 2 ' >|", "2"),
        ("<td data-inkling-attachments='&#49;'>|<a href=u>", "1"),
        ("<br data-inkling-attachments/>|", ""),
        ("<div data-inkling-attachments", None),
        ("<div title=data-inkling-attachments>", None),
        ("<div data-inkling-attachments-2>", None),
        ("<a href=u data-inkling-attachments>", None),
        ("<a href=u><b data-inkling-attachments></b></a>", None),
        ("<textarea data-inkling-attachments></textarea>", None),
        ("<svg><g data-inkling-attachments /></svg>", None),
        ("<!-- <p data-inkling-attachments> -->", None),
        ("</p data-inkling-attachments>", None),
    ],
)
def test_the_places_kept_for_followed_files_are_found(html: str, value: str | None) -> None:
    found = [(place.position, place.value) for place in scan(html.replace("|", "")).places]
    assert found == ([] if value is None else [(html.index("|"), value)])


@pytest.mark.parametrize(
    "html",
    [
        "x|</body></html>",
        "</body>x|</BODY ></html>",
        "x|</body><!-- </body> --></html></html>",
        "<script></body></script>x|</html>\r\n",
        "<p title='</body>'>x|",
        "x|",
        "|",
        "x|<!-- never closed </body>",
        "x|<style> never closed </body>",
        "x|<a href='never closed </body>",
        "x|</body </html",
    ],
)
def test_the_pixel_stands_at_the_end_of_the_body(html: str) -> None:
    assert scan(html.replace("|", "")).pixel_position == html.index("|")


def test_the_pixel_is_one_closed_tag() -> None:
    assert splice("<p></body>", [insert_pixel(3, 'https://t/o/x.gif?a&"')]) == (
        '<p><img src="https://t/o/x.gif?a&amp;&quot;" width="1" height="1" alt=""'
        ' style="display:block;width:1px;height:1px;border:0"></body>'
    )


FLOODS = [
    *["<a href=", "<!--", "<", '<a href="', "<a ", "</", "<script><!--<script>", "<svg><![CDATA["],
    *["<style></styl", "<a href=u>", "<a href=u>&#1", "&amp", "<!-->", "<?", "<a =", " =a"],
    *[
        "<p '",
        "<img alt='",
        "{{",
        "\0",
        "<img src=cid:a>",
        "<p data-inkling-attachments>",
        "<p cid:",
    ],
]


def calls(work: Callable[[], object]) -> int:
    """How many functions, C ones included, were called."""
    count = 0

    def count_one(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    previous = sys.getprofile()
    gc.disable()  # what earlier tests left behind would be counted when it is collected
    sys.setprofile(count_one)
    try:
        work()
    finally:
        sys.setprofile(previous)
        gc.enable()
    return count


@pytest.mark.parametrize("flood", FLOODS)
@pytest.mark.parametrize("opening", ["", "<a ", '<a href="'])
def test_work_grows_no_faster_than_the_text(flood: str, opening: str) -> None:
    half, whole = opening + flood * 1_000, opening + flood * 2_000
    one, two = calls(partial(scan, half)), calls(partial(scan, whole))
    assert two <= 2 * one + 20
    # The steps inside the regular expressions are not counted above, but quadratic ones would not end at this size.
    scan(opening + flood * (2_000_000 // len(flood)) + ">")


def test_a_tag_with_thousands_of_attributes_is_read_and_one_with_more_is_not_followed() -> None:
    link = '<a {} href="https://x.example/">x</a>'
    assert len(scan(link.format("b " * 9_000)).links) == 1
    endless = link.format("b " * 20_000)
    assert scan(endless) == Scan(links=(), pixel_position=0)
