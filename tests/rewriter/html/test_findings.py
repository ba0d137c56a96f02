"""The words of links, own pictures and kept places."""

import pytest
from hypothesis import given

from services.rewriter.html import (
    Edit,
    scan,
    splice,
)
from tests.rewriter.html.given import SOUP


@given(SOUP)
def test_what_stands_at_a_kept_place_is_never_swallowed(html: str) -> None:
    before = scan(html)
    probes = [Edit(place.position, place.position, "<area href=probe>") for place in before.places]
    after = scan(splice(html, probes))
    assert [spot.url for spot in after.links].count("probe") == len(before.places)
    assert [place.value for place in after.places] == [place.value for place in before.places]


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
        ("<p>no<area href=u alt>no", ""),
        ("<p>no<a href=u>one<img alt>two", "one two"),
        ("<a href=u></a>no", ""),
        ("<a href=u>" + "long " * 1_000_000, ("long " * 40)[:199] + "…"),
    ],
)
def test_the_text_is_what_a_reader_sees_of_the_link(html: str, text: str) -> None:
    assert scan(html).links[0].text == text


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


BUTTON = (
    '<!--[if mso]><v:roundrect xmlns:v="urn:schemas-microsoft-com:vml" href="https://x.example/?a=1&amp;b=2">'
    "<center>Buy</center></v:roundrect><![endif]-->\r\n"
    '<!--[if !mso]><!--><a href="https://x.example/?a=1&amp;b=2">Buy</a><!--<![endif]-->'
)


def test_a_bulletproof_button_is_two_links_with_one_address() -> None:
    spots = scan(BUTTON).links
    assert [spot.text for spot in spots] == ["Buy", "Buy"]
    assert {spot.url for spot in spots} == {"https://x.example/?a=1&b=2"}
    assert spots[0].start < spots[1].start


def test_the_words_of_a_shape_may_stand_outside_of_its_comment() -> None:
    html = (
        "<!--[if mso]><v:rect href=u><![endif]-->a<a href=v>b<!--[if mso]>c<![endif]--></a>d"
        "<!--[if mso]></v:rect><![endif]-->e"
    )
    assert [(spot.raw, spot.text) for spot in scan(html).links] == [("u", "abcd"), ("v", "b")]
