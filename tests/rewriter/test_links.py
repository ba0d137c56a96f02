"""Which links are followed, which are left alone and why, and that following gives the exact original."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.rewriter import links
from services.rewriter.html import Edit, LinkSpot, replace_value, scan, splice
from services.rewriter.links import (
    MAX_LINKS,
    MAX_TRACKING_LINK_CHARACTERS,
    Link,
    LinkReason,
    decide,
    edits,
)

TRACKER = "https://t.example/track"
FOLLOWED = [
    *["http://x", "https://x.example/", "HTTPS://X.example/", "http://x.example:8080/a?b=c&d=e#f"],
    *["https://x.example:443", "https://x.example:/", "http://localhost/", "http://a_b.example."],
    *[
        "http://192.0.2.1/",
        "http://[2001:db8::1]:80/",
        "https://bücher.example/",
        "https://उदाहरण.example/",
    ],
    *[
        "http://x/a b",
        "http://x/%20%7B%7D?q=%C3%A9t%C3%A9%20",
        "http://x/?a=100%&b=%",
        "http://x/?a=%",
    ],
    *["http://x/?id={0A1B2C3D-0000-4000-8000-123456789ABC}", "http://x/?f[a]=1&f[%24gt]=2"],
    *['http://x/?q={"a":1}', "http://x/?q={%22a%22:1}", "http://x/?q=a\\b@c", "http://x/a@b:c"],
    *[
        "http://x/?u=https://t.example/track/c/abc",
        "https://t.example/other",
        "https://t.example/track",
    ],
    *[
        "https://t.example.evil/track/c/x",
        "http://x#mailto:y",
        "http://xn--bcher-kva.example",
    ],
]
LEFT = {
    LinkReason.ANCHOR: ["#", "#top", "#{{x}}"],
    LinkReason.NOT_HTTP: [
        *["mailto:a@x.example", "MAILTO:a?subject={{x}}", "tel:+1", "sms:+1", "data:text/html,{x}"],
        *["javascript:void(0)", "cid:logo", "ftp://x/", "file:///x", "localhost:80/x", "xhttp://x"],
    ],
    LinkReason.NOT_ABSOLUTE: [
        "",
        "x",
        "/x",
        "./x",
        "?x",
        "//x.example/y",
        "www.x.example",
        ":x",
        "1:x",
    ],
    LinkReason.TEMPLATED: [
        *[
            "{{url}}",
            "{{{url}}}",
            "https://x/{{ id }}",
            "https://{{host}}/",
            "{url}",
            "http://x/{first_name}",
        ],
        *[
            "%URL%",
            "%%url%%",
            "http://x/?e=%EMAIL%&y",
            "http://x/?e=%DEADLINE%",
            "http://x/%recipient.id%",
        ],
        *[
            "*|UNSUB|*",
            "http://x/*|ID|*",
            "[[url]]",
            "http://x/?q=[[q]]",
            "${url}",
            "http://x/${id}",
        ],
        *[
            "<%= url %>",
            "http://x/<%= id %>",
            "http://x/{% x %}",
            "[% url %]",
            "http://x/{%debug%}",
        ],
    ],
    LinkReason.UNSAFE_URL: [
        *[
            "http:x",
            "http:/x",
            "http://",
            "https:///x",
            "http://?x",
            "http://#x",
            "http:\\\\x",
            "http://x\\y",
        ],
        *[
            "http://u@x/",
            "http://u:p@x/",
            "http://x@y",
            "http://x:99999/",
            "http://x:8a/",
            "http://a b/",
        ],
        *[
            "http://a..b/",
            "http://.a/",
            "http://[::g]/",
            "http://[::1",
            "http://::1/",
            "http://x%41/",
            "http://x,y/",
        ],
        *[
            "http://x/a\x01b",
            "http://x/\x7f",
            "http://x/\x85",
            "http://x/\ud800",
            "http://x\u3002y/",
            "http://x\u200b/",
        ],
        *[
            "http://" + "a" * 64 + "/",
            "http://" + "a." * 127 + "/",
            "http://x\ufffd/",
            "http://x/\ufffd",
        ],
    ],
    LinkReason.ALREADY_FOLLOWED: [
        *[
            f"{TRACKER}/c/abc",
            f"{TRACKER}/a/abc",
            f"{TRACKER}/i/abc",
            "HTTPS://T.EXAMPLE/track/c/x",
        ],
        *["http://127.0.0.1:7400/c/x"],
    ],
    LinkReason.URL_TOO_LONG: ["http://x/" + "a" * 1_400, "http://x/" + "a" * 100_000],
}
OURS = (TRACKER + "/", "http://127.0.0.1:7400")


def make(index: int, url: str) -> str:
    """A tracking link that carries what a token would, in its length too."""
    return f"{TRACKER}/c/{urlsafe_b64encode(bytes(80) + index.to_bytes(2) + url.encode()).decode()}"


def landing(link: str) -> str:
    """Where the tracker would redirect."""
    return urlsafe_b64decode(link.removeprefix(f"{TRACKER}/c/"))[82:].decode()


def decided(html: str) -> tuple[Link, ...]:
    return decide(scan(html).links, own_urls=OURS, make=make)


def edited(links: Sequence[Link]) -> list[Edit]:
    return edits(links, {link.index: make(link.index, link.url) for link in links if link.followed})


def anchor(url: str) -> str:
    return '<a href="{}">text</a>'.format(url.replace("&", "&amp;").replace('"', "&quot;"))


@given(
    st.lists(st.sampled_from(['"', "'", ""]), max_size=4),
    st.lists(
        st.sampled_from(["https://t.example/c/a_-", "https://t.example/?x&y", "h>", 'h"']),
        min_size=4,
    ),
)
def test_an_edit_of_a_link_puts_in_what_any_value_would_be_replaced_by(
    quotes: list[str], urls: list[str]
) -> None:
    spots = [
        LinkSpot(9 * at, 9 * at + 5, quote, "", "", "", None) for at, quote in enumerate(quotes)
    ]
    followed = [Link(index, spot, None, None) for index, spot in enumerate(spots)]
    expected = [replace_value(spot, url) for spot, url in zip(spots, urls, strict=False)]
    assert edits(followed, dict(enumerate(urls))) == expected


@pytest.mark.parametrize("url", FOLLOWED)
def test_a_web_link_is_followed_to_the_exact_original(url: str) -> None:
    html = anchor(url)
    (link,) = decided(html)
    assert (link.reason, link.url, link.text, link.position) == (None, url, "text", 9)
    (after,) = scan(splice(html, edited([link]))).links
    assert landing(after.url) == url


@pytest.mark.parametrize(
    ("reason", "url"), [(why, url) for why, urls in LEFT.items() for url in urls]
)
def test_every_other_link_is_left_alone_with_a_reason(reason: LinkReason, url: str) -> None:
    (link,) = decided(anchor(url))
    assert (link.reason, link.followed) == (reason, False)
    assert edited([link]) == []


def test_a_marked_link_is_left_alone() -> None:
    marked = decided(
        "<a href=http://x data-inkling-follow=NO><a href=http://x data-inkling-follow=yes>"
        "<a href=http://x data-inkling=' no '>"
    )
    assert [link.reason for link in marked] == [LinkReason.OPTED_OUT, None, LinkReason.OPTED_OUT]


def test_the_tenant_chooses_domains_and_whether_links_out_of_a_list_are_followed() -> None:
    html = (
        "<a href=https://a.bücher.example/>x</a><a href=https://x.example/>Unsubscribe</a>"
        "<a href=https://x.example/1>1</a><a href=https://xn--bcher-kva.example:80/>x</a>"
    )
    found = scan(html).links

    def reasons(**rules: Any) -> list[LinkReason | None]:
        return [link.reason for link in decide(found, own_urls=OURS, make=make, **rules)]

    out, excluded = LinkReason.UNSUBSCRIBE, LinkReason.EXCLUDED_DOMAIN
    assert reasons() == [None, out, None, None]
    assert reasons(follow_unsubscribe=True) == [None] * 4
    assert reasons(unsubscribe_urls=["https://x.example/1"]) == [None, out, out, None]
    assert reasons(excluded_domains=["xn--bcher-kva.example"]) == [excluded, out, None, excluded]
    assert reasons(excluded_domains=["x.example"]) == [None, excluded, excluded, None]


def test_the_host_is_named_in_lower_case() -> None:
    hosts = [
        decided(anchor(url))[0].host
        for url in ("http://X.Example:80/", "http://[::A]/", "tel:1", "http://u@x")
    ]
    assert hosts == ["x.example", "[::a]", None, None]


def test_links_are_numbered_in_document_order_whether_followed_or_not() -> None:
    html = (
        "<a href=#a>1</a><a href=http://x>2<area href=http://y></a><a>no</a><a href=http://x>4</a>"
    )
    links = decided(html)
    assert [(link.index, link.url, link.followed) for link in links] == [
        *[(0, "#a", False), (1, "http://x", True), (2, "http://y", True), (3, "http://x", True)]
    ]
    assert [html[link.position :].startswith(link.url) for link in links] == [True] * 4


def test_a_tracking_link_may_be_as_long_as_the_limit() -> None:
    def exactly(characters: int) -> LinkReason | None:
        return decide(
            scan("<a href=http://x>").links, own_urls=(), make=lambda _index, _url: "x" * characters
        )[0].reason

    assert exactly(MAX_TRACKING_LINK_CHARACTERS) is None
    assert exactly(MAX_TRACKING_LINK_CHARACTERS + 1) is LinkReason.URL_TOO_LONG


def test_links_past_the_limit_are_left_alone() -> None:
    links = decided(
        "<a href=http://x><a href=tel:1>" * (MAX_LINKS // 2) + "<a href=http://x><a href=tel:1>"
    )
    assert [link.reason for link in links[-4:]] == [
        *[None, LinkReason.NOT_HTTP, LinkReason.TOO_MANY_LINKS, LinkReason.NOT_HTTP]
    ]


@given(
    st.text(max_size=60),
    st.sampled_from(["http://x.example/", "https://x.example?", "http://x#", "http://", ""]),
)
def test_whatever_is_followed_lands_where_the_link_led(rest: str, start: str) -> None:
    html = f"<p>{anchor(start + rest)}</p>"
    (link,) = decided(html)
    (after,) = scan(splice(html, edited([link]))).links
    assert (landing(after.url) if link.followed else after.url) == link.url


@given(
    st.lists(
        st.sampled_from(
            [
                *[
                    "<a href=",
                    '<a href="',
                    "<area href='",
                    '"',
                    "'",
                    ">",
                    " ",
                    "</a>",
                    "<!--",
                    "-->",
                    "text",
                    "\r\n",
                ],
                *[
                    "http://x/?a=1&amp;b",
                    "https://y/",
                    "mailto:x",
                    "{{z}}",
                    "&copy=",
                    "#",
                    "\\",
                    "<style>",
                    "</style>",
                ],
            ]
        ),
        max_size=30,
    ).map("".join)
)
def test_rewriting_twice_changes_nothing(html: str) -> None:
    first = decided(html)
    once = splice(html, edited(first))
    second = decided(once)
    assert splice(once, edited(second)) == once
    again = [LinkReason.ALREADY_FOLLOWED if link.followed else link.reason for link in first]
    assert [link.reason for link in second] == again


def test_every_reason_has_a_sentence() -> None:
    assert all(reason.detail.endswith(".") and len(reason.detail) <= 90 for reason in LinkReason)


ADDRESSES = st.sampled_from(
    [
        *("https://shop.example/a?b=1", "https://shop.example/a", "https://X.example/", "#top", ""),
        *(
            "mailto:a@x.example",
            "http://x/{{id}}",
            "https://a.bank.example/",
            "http://bank.example",
        ),
        *(
            f"{TRACKER}/c/abc",
            f"{TRACKER}/other",
            "https://t.example/",
            "http://127.0.0.1:7400/c/x",
        ),
        *(
            "https://news.example/unsubscribe?u=1",
            "https://news.example/%75nsubscribe",
            "http://é/",
        ),
        *("http://x/" + "a" * 900, "http://x/" + "a" * 1_400, "http://x/" + "a" * 3_000),
    ]
)
SPOTS = st.builds(
    lambda url, text, mark: LinkSpot(0, 1, "", url, url, text, mark),
    ADDRESSES,
    st.sampled_from(["the offer", "Unsubscribe", "Abmelden", "отписаться", ""]),
    st.sampled_from([None, None, None, "no", "yes"]),
)


@given(
    st.lists(SPOTS, max_size=8),
    st.booleans(),
    st.sampled_from([(), ("bank.example",), ("shop.example", "xn--9ca")]),
    st.sampled_from([(), ("https://shop.example/a",)]),
    st.integers(0, 900),
)
def test_decided_of_together_links_are_what_they_are_one_by_one(
    spots: list[LinkSpot],
    follow_unsubscribe: bool,
    excluded: tuple[str, ...],
    named: tuple[str, ...],
    longer: int,
) -> None:
    given: dict[str, Any] = {
        "own_urls": OURS,
        "make": lambda index, url: "x" * longer + make(index, url),
        "excluded_domains": excluded,
        "follow_unsubscribe": follow_unsubscribe,
        "unsubscribe_urls": named,
    }
    rules = links.rules_for(spots, **given)
    alone = tuple(links.judge(index, spot, rules) for index, spot in enumerate(spots))
    assert decide(spots, **given) == alone
