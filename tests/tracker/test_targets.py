"""A click leads to the original URL, exactly, and nowhere else."""

from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tracker import targets

REST = st.text(st.characters(blacklist_categories=("Cc", "Cs", "Zl", "Zp")))
VISIBLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E))


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "HTTP://EXAMPLE.COM:80/../a/./b//c",
        "https://user:secret@example.com/",
        "https://example.com/?q=a+b%20c%2Fd%zz%&x=1&x=2&=&&",
        "https://example.com/a;b=c,d!$'()*~^`{|}[]<>\"\\#frag#ment?",
        "https://[2001:db8::1]:8443/",
        "https://example.com/?to=https://other.example/",
    ],
)
def test_visible_ascii_is_sent_as_it_is(url: str) -> None:
    assert targets.location(url) == url


@pytest.mark.parametrize(
    ("url", "location"),
    [
        ("https://example.com/a b", "https://example.com/a%20b"),
        ("https://example.com/ü?q=ü%20#ü", "https://example.com/%C3%BC?q=%C3%BC%20#%C3%BC"),
        ("https://example.com/😀", "https://example.com/%F0%9F%98%80"),
        ("https://bücher.example/", "https://b%C3%BCcher.example/"),
        ("https://example.com/%zz é", "https://example.com/%zz%20%C3%A9"),
    ],
)
def test_everything_else_is_sent_as_percent_encoded_utf8(url: str, location: str) -> None:
    assert targets.location(url) == location


@given(VISIBLE)
def test_no_visible_ascii_url_is_changed(rest: str) -> None:
    url = f"https://e{rest}"
    assert targets.location(url) == url


@given(REST)
def test_what_is_sent_fits_a_header_and_decodes_to_the_original(rest: str) -> None:
    url = f"http://e{rest}"
    location = targets.location(url)
    assert location is not None
    assert all(0x21 <= ord(character) <= 0x7E for character in location)
    assert unquote_to_bytes(location) == unquote_to_bytes(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "javascript:alert(1)",
        "data:text/html,x",
        "ftp://example.com/",
        "mailto:a@example.com",
        "//example.com/",
        "/c/other",
        "https:example.com",
        "https:/example.com",
        "https:///example.com",
        "https://",
        "https://?q",
        "https://\\example.com",
        " https://example.com",
        "https://example.com/\r\nSet-Cookie: a=b",
        "https://example.com/\n",
        "https://example.com/\t",
        "https://example.com/\x00",
        "https://example.com/\x7f",
        "https://example.com/\x85",
        "https://example.com/\ud800",
        "https://example.com/\u2028",
    ],
)
def test_what_is_no_web_address_or_holds_controls_is_not_followed(url: str) -> None:
    assert targets.location(url) is None
