from dataclasses import replace

from services.rewriter import copies, instrument, mime, submission
from services.rewriter.follow import FollowReason
from services.rewriter.instrument import Prepared
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


def test_a_mail_without_an_id_gets_ours_in_every_copy_unless_it_passes_as_it_is() -> None:
    both = APPLE.replace(b"To: li", b"To: bo@x.example, li")
    ids = {mime.read(raw).header.first("Message-ID") for raw in written(of(both))}
    assert ids == {of(both).message_id_header}
    (passed,) = written(instrument.unavailable(of(both)))
    assert b"Message-ID" not in passed
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
