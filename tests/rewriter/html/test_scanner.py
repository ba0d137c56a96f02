"""The scanner against tables: what is a link and what is none, and where a pixel belongs."""

import pytest
from hypothesis import given

from services.rewriter.html import (
    Edit,
    scan,
    splice,
)
from tests.rewriter.html.given import SOUP


def only(html: str) -> str:
    (spot,) = scan(html).links
    return spot.url


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
    *["<plaintext><a href=u></plaintext>", "<!--[if mso]><!-- <a href=u><![endif]-->"],
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
        "x|<style></style never closed",
        "<script></script>x|<style>p{}</style title='",
        "x|</body </html",
    ],
)
def test_the_pixel_stands_at_the_end_of_the_body(html: str) -> None:
    assert scan(html.replace("|", "")).pixel_position == html.index("|")


@pytest.mark.parametrize(
    "html",
    [
        "<!--[if mso]><a href=u>x</a><![endif]-->",
        "<!-- [IF gte mso 9]><v:rect href='u'/><![endif]-->",
        "<!--[if (gte mso 9)|(IE)]><V:SHAPE HREF=u></V:SHAPE><![endif]-->",
        "<v:oval href=u>x</v:oval>",
        "<!--[if mso]><!--[if gte mso 9]><a href=u><![endif]-->",
        "<!--[if mso]><style><a href=v><![endif]--><a href=u>",
        "<!--[if mso]><script>'<a href=v>'</script><a href=u><![endif]-->",
        "<!--[if mso]><!-- <a href=v> --><a href=u><![endif]-->",
        "<!--[if mso]><textarea><a href=v></textarea><title><a href=v></title><![endif]--><a href=u>",
        "<!--[if mso]><p title='<![endif]--><a href=u>'",
        "<style><!--[if mso]><a href=v><![endif]--></style><a href=u>",
        "<!--[if mso]><svg><![endif]--><style><a href=v></style><a href=u>",
        "<!--[if mso]><v:fill href=v /><v:imagedata href=v><![endif]--><a href=u>",
        "<!-- if mso]><a href=v><![endif]--><a href=u>",
        "<svg><p><style><a href=v></style><a href=u>",
        "<svg><foreignObject><style><a href=v></style></foreignObject></svg><a href=u>",
    ],
)
def test_links_in_conditional_comments_are_found_and_nothing_else_in_them(html: str) -> None:
    assert [spot.raw for spot in scan(html).links] == ["u"]


@pytest.mark.parametrize(
    "html",
    [
        "<!DOCTYPE html><html><head><title>x</title></head><body class='a>b'>|<p>x</body></html>",
        "<html><head><style>p{}</style><noscript><style></style></noscript></head>\r\n|<p>x",
        "<!-- c --><!--[if mso]><body><![endif]--> |x<b>y",
        "|<a href='u'>x</a>",
        "\ufeff|x",
        "<title>x</title><meta x><link y>|<img src=u>",
        "x<BODY>|y",
        "<script>'<body>'</script><!-- <body> --><body>|",
        "<head></head>|",
        "|<!-- never closed",
        "|",
    ],
)
def test_the_body_begins_after_its_tag_or_before_what_is_shown_first(html: str) -> None:
    assert scan(html.replace("|", "")).body_start == html.index("|")


@given(SOUP)
def test_what_stands_at_the_start_of_the_body_is_never_swallowed(html: str) -> None:
    at = scan(html).body_start
    urls = [spot.url for spot in scan(splice(html, [Edit(at, at, "<area href=probe>")])).links]
    assert urls.count("probe") == 1
