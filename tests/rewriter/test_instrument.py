import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import identity, token
from schemas.settings import FollowPolicy
from schemas.token import Mode, Purpose
from services.rewriter import instrument
from services.rewriter.copies import Rendition, renditions
from services.rewriter.follow import FollowReason
from services.rewriter.instrument import Prepared, TooLarge
from services.rewriter.links import LinkReason
from tests.rewriter.given import (
    CONFIG,
    HTML,
    KEYS,
    MESSAGE,
    TARGET,
    TENANT,
    TERMS,
    URL,
    a_mail,
    a_recipient,
    prepared,
)

RING = CONFIG.token_keys


class Markup(HTMLParser):
    """What a mail program would request."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.pixels: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "a":
            self.links.append(values.get("href") or "")
        if tag == "img":
            self.pixels.append(values.get("src") or "")


def copies(of: Prepared) -> list[Rendition]:
    return list(renditions(of))


def claims(html: str | None) -> tuple[token.Claim, list[token.Claim]]:
    """Read the tokens of a copy: the pixel's, and the links' in order."""
    markup = Markup(html or "")
    (pixel,) = markup.pixels
    opened = pixel.removeprefix(f"{URL}/o/").removesuffix(".gif")
    clicked = [one.removeprefix(f"{URL}/c/") for one in markup.links if one.startswith(URL)]
    return (
        token.read(RING, Purpose.OPEN, opened),
        [token.read(RING, Purpose.CLICK, one) for one in clicked],
    )


def test_each_followed_recipient_gets_a_copy_with_tokens_of_its_own() -> None:
    found = copies(
        prepared(to=[a_recipient(1, id="c-1"), a_recipient(2)], cc=[a_recipient(3, kind="lead")])
    )
    refs = [
        identity.recipient_ref(KEYS.recipients, TENANT, f"p{n}@customer.example") for n in (1, 2, 3)
    ]
    assert [(one.recipient, one.to, one.followed) for one in found] == [
        ("c-1", ("p1@customer.example",), True),
        (refs[1], ("p2@customer.example",), True),
        (refs[2], ("p3@customer.example",), True),
    ]
    for one, ref in zip(found, refs, strict=True):
        opened, clicked = claims(one.html)
        assert (opened.refs, opened.message_id, opened.mode) == ((ref,), MESSAGE, Mode.FULL)
        assert [(claim.refs, claim.index, claim.url) for claim in clicked] == [
            ((ref,), 0, TARGET),
            ((ref,), 1, "https://shop.example/terms"),
        ]


def test_everybody_else_shares_one_copy_as_it_was() -> None:
    found = copies(
        prepared(
            to=[
                a_recipient(1),
                a_recipient(2, kind="other"),
                a_recipient(4, follow="do_not_allow"),
            ],
            bcc=[a_recipient(3)],
        )
    )
    assert [one.followed for one in found] == [True, False]
    assert found[1] == Rendition(
        recipient=None,
        to=("p2@customer.example", "p4@customer.example", "p3@customer.example"),
        followed=False,
        html=HTML,
        text="Dear Li",
        attachments=(),
    )


def test_a_shared_copy_is_one_for_all_with_all_refs_in_its_tokens() -> None:
    made = prepared(to=[a_recipient(n) for n in range(8)], renditions="message")
    (only,) = copies(made)
    assert (only.recipient, len(only.to), only.followed) == (None, 8, True)
    opened, clicked = claims(only.html)
    assert opened.refs == clicked[0].refs == made.refs


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"follow": False}, FollowReason.NOT_REQUESTED),
        ({"html": None}, FollowReason.NO_HTML),
        ({"html": ""}, FollowReason.NO_HTML),
        ({"to": [a_recipient(1, kind="other")]}, FollowReason.NO_FOLLOWABLE_RECIPIENT),
        ({"to": [a_recipient(1, follow="do_not_allow")]}, FollowReason.RECIPIENT_REFUSES),
        ({"to": [a_recipient(n) for n in range(9)], "renditions": "message"}, FollowReason.TOO_MANY_FOR_SHARED_COPY),
    ],
)  # fmt: skip
def test_what_is_not_followed_leaves_as_it_was_with_a_reason_everywhere(
    more: dict[str, object], reason: FollowReason
) -> None:
    made = prepared(**more)
    (only,) = copies(made)
    assert made.decision.reason is reason
    assert (only.recipient, only.followed, only.html) == (None, False, made.mail.html)
    assert len(only.to) == len(made.mail.recipients)
    assert {made.link_reason(link) for link in made.links} <= {reason, LinkReason.NOT_HTTP}


def test_terms_of_the_tenant_hold() -> None:
    assert prepared(replace(TERMS, engagement=False)).decision.reason is FollowReason.ENGAGEMENT_OFF
    strict = replace(TERMS, policy=FollowPolicy.STRICT)
    both = [a_recipient(1), a_recipient(2, kind="other")]
    assert prepared(strict, to=both).decision.reason is FollowReason.OTHER_RECIPIENT


def test_a_refusal_in_the_settings_counts_like_one_in_the_mail() -> None:
    mail = a_mail(to=[a_recipient(1), a_recipient(2)])
    refusing = identity.recipient_ref(KEYS.recipients, TENANT, "P2@customer.example")
    made = instrument.prepare(mail, MESSAGE, TERMS, KEYS, lambda ref: ref == refusing)
    assert [line.reason for line in made.decision.recipients] == [
        None,
        FollowReason.RECIPIENT_REFUSES,
    ]


def test_a_preview_has_tokens_that_are_never_recorded() -> None:
    (only,) = copies(prepared(replace(TERMS, mode=Mode.PREVIEW)))
    opened, clicked = claims(only.html)
    assert not opened.recorded
    assert not any(claim.recorded for claim in clicked)


def test_unavailable_takes_everything_back() -> None:
    file = {"name": "a", "content": "", "followed": True}
    made = prepared(attachments=[file], host_pictures=True)
    taken_back = instrument.unavailable(made)
    (only,) = copies(taken_back)
    assert (only.followed, only.html, only.text) == (False, HTML, "Dear Li")
    assert only.attachments == made.mail.attachments
    assert (taken_back.offered, taken_back.pictures.hosted) == ((), ())
    assert taken_back.pictures.reasons == (FollowReason.UNAVAILABLE,)
    assert taken_back.decision.reason is FollowReason.UNAVAILABLE
    assert taken_back.link_reason(taken_back.links[0]) is FollowReason.UNAVAILABLE
    assert taken_back.attachment_reasons == (FollowReason.UNAVAILABLE,)


def test_the_message_id_is_the_callers_or_ours() -> None:
    own = prepared(headers={"message-ID": "<own@demo.example>"})
    assert own.message_id_header == "<own@demo.example>"
    assert re.fullmatch(r"<[a-z2-7]{44}@t\.example>", prepared().message_id_header)


def test_copies_that_would_be_too_large_together_are_refused_before_they_are_made() -> None:
    body = {"html": "x" * 4_000_000 + HTML, "to": [a_recipient(n) for n in range(18)]}
    with pytest.raises(TooLarge) as refused:
        prepared(**body)
    assert refused.value.field == "/to"
    assert len(copies(prepared(**{**body, "to": body["to"][:10]}))) == 10
    assert len(copies(prepared(**body, follow=False))) == 1


@pytest.mark.parametrize(
    "html", [HTML, "é" * 900 + HTML * 3, "x" * 300, '<a href="http://x/">x</a>' * 50]
)
@pytest.mark.parametrize("text_links", [False, True])
def test_copies_of_which_it_is_said_at_a_glance_that_they_fit_do_fit(
    html: str, text_links: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    terms = replace(TERMS, text_links=text_links)
    people = [*map(a_recipient, range(3)), a_recipient(3, "other")]
    made = prepared(terms, html=html, text="See http://x.example/\u20ac", to=people)
    size = sum(len(f"{one.html}{one.text}".encode()) for one in renditions(made))
    fitting = []
    for limit in range(0, 600_000, 500):
        monkeypatch.setattr(instrument, "MAX_COPIES_BYTES", limit)
        if instrument._surely_fits(made):
            fitting.append(limit)
    assert fitting
    assert size <= min(fitting)


PDF = {"name": "offer.pdf", "content": "QUJD", "followed": True}
GIF = {"name": "logo.gif", "content": "R0lGODlh", "content_id": "logo@demo"}
WITH_PICTURE = '<p><img src="cid:logo@demo"></p><div data-inkling-attachments></div></body>'


def test_followed_and_unfollowed_files_mix_and_each_recipient_has_links_of_their_own() -> None:
    plain = {**PDF, "followed": False, "name": "terms.pdf"}
    made = prepared(
        to=[a_recipient(1), a_recipient(2), a_recipient(3, kind="other")],
        html=WITH_PICTURE,
        attachments=[plain, PDF, GIF],
        host_pictures=True,
    )
    *followed, untouched = copies(made)
    assert untouched.html == WITH_PICTURE
    assert [one.name for one in untouched.attachments] == ["terms.pdf", "offer.pdf", "logo.gif"]
    assert untouched.text == "Dear Li"
    for one, ref in zip(followed, made.refs, strict=False):
        assert [file.name for file in one.attachments] == ["terms.pdf"]
        (offered,) = re.findall(
            rf'data-inkling-attachments><ul.+?href="{URL}/a/([^"]+)', one.html or ""
        )
        (shown,) = re.findall(rf'<img src="{URL}/i/([^"]+)"', one.html or "")
        assert f"\n\noffer.pdf (3 B)\n{URL}/a/{offered}\n" in (one.text or "")
        for purpose, value, index in (
            (Purpose.ATTACHMENT, offered, 1),
            (Purpose.PICTURE, shown, 2),
        ):
            claim = token.read(RING, purpose, value)
            assert (claim.refs, claim.message_id, claim.index) == ((ref,), MESSAGE, index)
            assert claim.recorded


def test_a_picture_that_is_also_shown_elsewhere_stays_attached() -> None:
    html = WITH_PICTURE + "<td style='background:url(cid:logo@demo)'>"
    (only,) = copies(prepared(html=html, attachments=[GIF], host_pictures=True))
    assert [one.name for one in only.attachments] == ["logo.gif"]
    assert f'<img src="{URL}/i/' in (only.html or "")
    assert "url(cid:logo@demo)" in (only.html or "")


def test_the_links_of_a_preview_are_never_recorded() -> None:
    (only,) = copies(prepared(replace(TERMS, mode=Mode.PREVIEW), attachments=[PDF]))
    (offered,) = re.findall(rf'href="{URL}/a/([^"]+)', only.html or "")
    assert not token.read(RING, Purpose.ATTACHMENT, offered).recorded


def test_files_that_leave_the_copies_make_room_for_more_of_them() -> None:
    people = [a_recipient(n) for n in range(30)]
    large = {**PDF, "content": "QUJD" * 600_000}
    assert len(copies(prepared(to=people, attachments=[large]))) == 30
    with pytest.raises(TooLarge):
        prepared(to=people, attachments=[{**large, "followed": False}])


SEGMENTS = st.lists(
    st.one_of(
        st.text(max_size=20).map(lambda text: text.replace("<", "&lt;")),
        st.sampled_from(
            [
                "<img src='cid:logo@demo'>",
                "<i data-inkling-attachments>",
                "<b data-inkling-attachments=0>",
            ]
        ),
        st.sampled_from(
            ["<p>", "</p>", "<br/>", "<!-- a -->", "<img src=x>", "</body>", "<td x='>'>"]
        ),
        st.text("abcXYZ019/?&=%#;+:@!$'~äß🙂", max_size=30).map(
            lambda tail: f'<a href="https://h.example/{tail.replace("&", "&amp;")}">x</a>'
        ),
    ),
    max_size=12,
)


@given(SEGMENTS)
def test_following_a_rewritten_link_leads_to_exactly_where_it_led(segments: list[str]) -> None:
    html = "".join(segments) or "x"
    made = prepared(html=html, text=html, attachments=[PDF, PDF, GIF], host_pictures=True)
    (only,) = copies(made)
    followed = only.html or ""
    assert (only.text or "").startswith(html)
    found = [
        token.read(RING, Purpose.CLICK, unescape(one))
        for one in re.findall(rf'href="{URL}/c/([^"]+)"', followed)
    ]
    assert [(claim.index, claim.url) for claim in found] == [
        (link.index, link.url) for link in made.links if link.followed
    ]
    restored = re.sub(r'<img src="https://t\.example/o/[^>]+>', "", followed)
    offered = re.findall(rf'href="{URL}/a/([^"]+)"', restored)
    found = [token.read(RING, Purpose.ATTACHMENT, one) for one in offered]
    assert sorted(claim.index or 0 for claim in found) == [0, 1]
    restored = re.sub(r'<ul style="margin.+?</ul>', "", restored)
    restored = restored.replace(made.first.picture(2), "cid:logo@demo")
    for link in made.links:
        if link.followed:
            tracking = made.first.link(link.index, link.url)
            restored = restored.replace(tracking, link.spot.raw, 1)
    assert restored == html
