import re
from dataclasses import replace

from schemas.events import CANARY_LINK_INDEX
from schemas.settings import PixelPosition
from schemas.token import Purpose, read
from services.rewriter import copies, instrument, mime, records, submission
from services.rewriter.follow import FollowReason
from services.rewriter.instrument import Prepared
from services.rewriter.links import LinkReason
from services.rewriter.tracking import Terms
from tests.rewriter.given import KEYS, MESSAGE, TERMS, URL, a_recipient, prepared, refuses_nobody

APPLE = (
    b"From: a@x.example\r\nTo: li@x.example\r\nInkling-Owner: ana\r\n"
    b"Inkling-Recipients: li@x.example; kind=lead\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: text/html\r\n\r\n<a href=https://x.example/1>1</a>\r\n"
    b"--b\r\nContent-Type: text/plain\r\n\r\nhttps://x.example/2\r\n"
    b"--b\r\nContent-Type: text/html\r\n\r\n<p><a href=https://x.example/3>3</a></p>\r\n--b--\r\n"
)


def of(raw: bytes, terms: Terms = TERMS) -> Prepared:
    handed_in = submission.read(mime.read(raw)).mail()
    return instrument.prepare(handed_in, MESSAGE, terms, KEYS, refuses_nobody)


def written(made: Prepared) -> list[bytes]:
    document = made.mail.document
    assert document is not None
    return [mime.write(document, one.changes or mime.Changes()) for one in copies.renditions(made)]


def test_several_texts_share_one_running_number_and_one_pixel() -> None:
    made = of(APPLE)
    assert [(one.index, one.url) for one in made.links] == [
        (0, "https://x.example/1"),
        (1, "https://x.example/3"),
    ]
    (raw,) = written(made)
    assert raw.count(b"/o/") == 1
    assert raw.index(b"/o/") > raw.rindex(b"/c/")
    assert b"\r\nhttps://x.example/2\r\n" in raw


def test_links_of_plain_text_are_numbered_after_all_others_where_the_tenant_follows_them() -> None:
    made = of(APPLE, replace(TERMS, text_links=True))
    assert [(one.index, one.url) for one in made.links][2:] == [(2, "https://x.example/2")]
    (raw,) = written(made)
    assert f"\r\n{URL}/c/".encode() in raw
    in_fields = prepared(replace(TERMS, text_links=True), text="See https://x.example/2.")
    (copy,) = copies.renditions(in_fields)
    assert copy.text is not None
    assert copy.text.startswith(f"See {URL}/c/")
    assert copy.text.endswith(".")


def test_a_mail_without_an_id_gets_ours_in_every_copy_unless_nobody_follows_it() -> None:
    both = APPLE.replace(b"To: li", b"To: bo@x.example, li")
    ids = {mime.read(raw).header.first("Message-ID") for raw in written(of(both))}
    assert ids == {of(both).message_id_header}
    (passed,) = written(instrument.unavailable(of(both)))
    assert b"Message-ID" not in passed
    (unasked,) = written(of(b"Inkling-Follow: no\r\n" + both))
    assert unasked == re.sub(rb"(?m)^Inkling-.*\n", b"", both)
    signed = both.replace(b"multipart/mixed", b"multipart/signed")
    made = of(signed)
    assert made.decision.reason is FollowReason.SIGNED
    assert b"Message-ID" not in written(made)[0]


def test_answers_come_to_us_unless_the_mail_says_where_they_go() -> None:
    terms = replace(TERMS, reply_domain="r.example")
    named = APPLE.replace(b"From: a@x", b"From: =?utf-8?q?=C3=84?= <a@x").replace(
        b"a@x.example\r", b"a@x.example>\r"
    )
    (raw,) = written(of(named, terms))
    shown = mime.read(raw).header.first("Reply-To") or ""
    assert shown.startswith("Ä <reply+")
    (own,) = written(of(named.replace(b"To: li", b"Reply-To: q@x.example\r\nTo: li"), terms))
    assert mime.read(own).header.all("Reply-To") == ("q@x.example",)


def test_the_count_is_that_of_the_copies() -> None:
    for people in (
        [a_recipient(1)],
        [a_recipient(1), a_recipient(2, kind="other")],
        [a_recipient(2, kind="other")],
    ):
        for kind in ("recipient", "message"):
            made = prepared(to=people, renditions=kind)
            assert made.count == len(list(copies.renditions(made)))


def test_the_pixel_and_the_canary_stand_where_the_tenant_has_them() -> None:
    terms = replace(TERMS, canary=True, pixel_position=PixelPosition.START)
    made = of(APPLE, terms)
    (raw,) = written(made)
    assert raw.count(b"/o/") == 1
    assert raw.index(b"/o/") < raw.index(b">1</a>")
    canary = mime.read(raw).bodies[0].text.split(f'<a href="{URL}/c/')[1].split('"')[0]
    claim = read(KEYS.tokens, Purpose.CLICK, canary)
    assert (claim.index, claim.url) == (CANARY_LINK_INDEX, "https://x.example/1")
    assert [one.canary for one in records.happened(made).links] == [None, None, True]
    (at_the_end,) = written(of(APPLE, replace(TERMS, canary=True)))
    assert at_the_end.rindex(b"/c/") > at_the_end.index(b">3</a>")
    bare = of(APPLE.replace(b"href=", b"name="), terms)
    assert (bare.canary_url, bare.links) == (f"{URL}/", ())


def test_marks_for_us_leave_with_no_followed_copy() -> None:
    html = '<a href="https://x.example/" data-inkling="no">x</a>'
    followed, untouched = copies.renditions(
        prepared(html=html, to=[a_recipient(1), a_recipient(2, kind="other")])
    )
    assert (followed.html or "").startswith('<a href="https://x.example/">x</a>')
    assert untouched.html == html


def test_somebody_hidden_is_followed_by_a_copy_of_their_own_where_the_tenant_says_so() -> None:
    raw = APPLE.replace(b"kind=lead", b"kind=lead, z@x.example; kind=contact; field=bcc")
    assert of(raw).count == 2
    made = of(raw, replace(TERMS, follow_bcc=True))
    assert [one.to for one in copies.renditions(made)] == [("li@x.example",), ("z@x.example",)]
    assert not any(b"z@x.example" in one for one in written(made))


def test_the_tenants_choices_of_links_hold_in_every_text() -> None:
    named = APPLE.replace(b"To: li", b"List-Unsubscribe: <https://x.example/3>\r\nTo: li")
    found = [one.reason for one in of(named).links]
    assert found == [None, LinkReason.UNSUBSCRIBE]
    terms = replace(
        TERMS, follow_unsubscribe=True, excluded_domains=("x.example",), text_links=True
    )
    reasons = [one.reason for one in of(named, terms).links]
    assert reasons == [LinkReason.EXCLUDED_DOMAIN] * 3
    followed = replace(TERMS, follow_unsubscribe=True)
    assert [one.reason for one in of(named, followed).links] == [None, None]
