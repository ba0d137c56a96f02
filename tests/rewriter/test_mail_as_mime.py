"""Mail handed in as it is (`message/rfc822`), through the HTTP door: what leaves, in each form of answer."""

import base64
import email
import email.policy
import re
from email.message import EmailMessage, Message
from html import unescape
from typing import Any

import orjson
import pytest

from schemas import topics
from schemas.events import MessagePrepared
from schemas.personal import MessagePersonal
from schemas.token import Purpose
from schemas.token import read as read_token
from tests.rewriter.given import (
    CONFIG,
    TARGET,
    URL,
    Answer,
    Rewriter,
    a_body,
    a_recipient,
    a_rewriter,
)

HEAD = (
    b"Received: from x by y;\r\n\tTue, 1 Jan 2026 00:00:00 +0000\r\n"
    b"From: =?utf-8?q?Ana_M=C3=BCller?= <ana@demo.example>\r\n"
    b'To: "Wang, Li" <li@customer.example>\r\n'
    b"Subject: Your offer\r\n"
    b"Message-ID: <own@demo.example>\r\n"
    b"Date: Tue, 24 Nov 2026 10:00:00 +0100\r\n"
    b"List-Unsubscribe: <https://demo.example/u?x=1>,\r\n <mailto:u@demo.example>\r\n"
)
OPTIONS = (
    b"Inkling-Owner: ana\r\n"
    b"Inkling-Recipients: li@customer.example; id=c-17; kind=contact; time-zone=Asia/Singapore\r\n"
)
BODY = (
    b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b1"\r\n\r\npreamble\r\n'
    b"--b1\r\nContent-Type: multipart/alternative; boundary=b2\r\n\r\n"
    b"--b2\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nSee https://shop.example/plain.\r\n"
    b"--b2\r\nContent-Type: text/html; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    b'<html><body><p>Sch=F6n, <a href=3D"https://shop.example/offer?a=3D1&amp;b=\r\n'
    b'=3D%20x#top">the off=\r\ner</a></p></body></html>\r\n'
    b"--b2--\r\n"
    b"--b1\r\nContent-Type: application/pdf; name=offer.pdf\r\nContent-Disposition: attachment; filename=offer.pdf\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\nJVBERi0xLjQK\r\n"
    b"--b1--\r\nepilogue\r\n"
)
MAIL = HEAD + OPTIONS + BODY
JSON = {"Accept": "application/json"}


async def hand_in(rewriter: Rewriter, raw: bytes, path: str = "/v1/mail", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    sent = {"Content-Type": "message/rfc822", **named}
    return await rewriter.call("POST", path, "sender", data=raw, headers=sent)


def parsed(raw: bytes) -> EmailMessage:
    return email.message_from_bytes(raw, policy=email.policy.default)


def tree(mail: Message) -> list[str]:
    return [part.get_content_type() for part in mail.walk()]


def links(html: str) -> list[str]:
    found = re.findall(rf'href="{URL}/c/([^"]+)"', html)
    return [read_token(CONFIG.token_keys, Purpose.CLICK, one).url or "" for one in found]


async def test_the_mail_that_leaves_is_the_mail_that_came_but_for_the_edits() -> None:
    async with a_rewriter() as rewriter:
        answer = await hand_in(rewriter, MAIL, Accept="message/rfc822")
        assert (answer.status, answer.headers["Content-Type"]) == (201, "message/rfc822")
        told = {name: answer.headers.get(name) for name in ("Inkling-Followed", "Inkling-Reason")}
        assert told == {"Inkling-Followed": "yes", "Inkling-Reason": None}
        assert answer.raw.startswith(HEAD + b"MIME-Version: 1.0")
        assert answer.raw.endswith(BODY[BODY.index(b"</p></body>") + 4 :].partition(b"--b2--")[2])
        assert b"Inkling" not in answer.raw
        before, after = parsed(MAIL), parsed(answer.raw)
        assert tree(before) == tree(after)
        html = after.get_body(("html",)).get_content()  # type: ignore[union-attr]
        assert html.startswith("<html><body><p>Schön, <a href=")
        assert links(html) == [TARGET]
        assert html.count("/o/") == 1
        (personal,) = rewriter.published(topics.PERSONAL)
        (happened,) = rewriter.published(topics.EVENTS)
        assert isinstance(personal.event, MessagePersonal)
        assert isinstance(happened.event, MessagePrepared)
        assert (personal.event.subject, personal.event.sender.name) == ("Your offer", "Ana Müller")
        (person,) = personal.event.recipients
        assert (person.address, person.name, person.id) == (
            "li@customer.example",
            "Wang, Li",
            "c-17",
        )
        assert happened.event.recipients[0].time_zone == "Asia/Singapore"
        assert happened.event.follow_requested
        assert str(happened.event.message_id) == answer.headers["Inkling-Message-Id"]


async def test_as_json_the_same_mail_and_all_that_was_decided() -> None:
    async with a_rewriter() as rewriter:
        whole = (await hand_in(rewriter, MAIL, Accept="message/rfc822")).raw
        answer = await hand_in(rewriter, MAIL)
        told = answer.json
        (copy,) = told["renditions"]
        assert (copy["recipient"], copy["to"], copy["mime_encoding"]) == (
            "c-17",
            ["li@customer.example"],
            "utf-8",
        )
        assert copy["mime"].encode() == whole
        assert [(one["index"], one["url"], one["text"]) for one in told["links"]] == [
            (0, TARGET, "the offer")
        ]
        assert [
            (one["name"], one["size"], one["reason"]["code"]) for one in told["attachments"]
        ] == [("offer.pdf", 9, "not_requested")]
        assert (told["follow_requested"], told["followed"], told["warnings"]) == (True, True, [])


async def test_a_followed_file_is_stored_taken_out_and_offered() -> None:
    raw = HEAD + OPTIONS + b"Inkling-Follow-Attachments: offer.pdf\r\n" + BODY
    async with a_rewriter() as rewriter:
        answer = await hand_in(rewriter, raw, Accept="message/rfc822")
        mail = parsed(answer.raw)
        assert "application/pdf" not in tree(mail)
        html = mail.get_body(("html",)).get_content()  # type: ignore[union-attr]
        text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
        assert f'href="{URL}/a/' in html
        assert "offer.pdf (9 B)" in text
        assert [
            one.read_bytes()
            for one in rewriter.folder.rglob("*")
            if one.is_file() and one.read_bytes()[:5] == b"%PDF-"
        ] == [b"%PDF-1.4\n"]


def several() -> bytes:
    return (
        b"From: ana@demo.example\nTo: A <a@x.example>, Friends: b@x.example (Bo), c@x.example;\n"
        b"Cc: =?iso-8859-1?q?D=E9?= <d@x.example>\nBcc: hidden@x.example\nSubject: s\n"
        b'Inkling-Owner: ana\nInkling-Recipients: a@x.example; kind=lead, b@x.example;kind=contact;id="b;1"\n'
        b"Inkling-Recipients: e@x.example; field=bcc; kind=account\n"
        b"Content-Type: text/html\n\n<p>x</p>\n"
    )


async def test_several_copies_are_one_multipart_or_none() -> None:
    async with a_rewriter() as rewriter:
        refused = await hand_in(rewriter, several(), Accept="message/rfc822")
        assert (refused.status, refused.json["type"]) == (406, "urn:inkling:problem:not-acceptable")
        assert rewriter.published(topics.EVENTS) == []
        answer = await hand_in(rewriter, several(), Accept="multipart/mixed", Idempotency_Key="k")
        assert answer.status == 201
        head = f"Content-Type: {answer.headers['Content-Type']}\r\n\r\n".encode()
        *copies, outcome = parsed(head + answer.raw).iter_parts()
        assert [one.get_content_type() for one in copies] == ["message/rfc822"] * 3
        assert [
            (one["Inkling-To"], one["Inkling-Followed"], one["Inkling-Recipient"] or "")
            for one in copies
        ] == [
            ("a@x.example", "yes", rewriter_ref(outcome, 0)),
            ("b@x.example", "yes", "b;1"),
            ("c@x.example, d@x.example, hidden@x.example, e@x.example", "no", ""),
        ]
        told = orjson.loads(outcome.get_content())
        assert [(one["address"], one["field"]) for one in told["recipients"]][3:] == [
            ("d@x.example", "cc"),
            ("hidden@x.example", "bcc"),
            ("e@x.example", "bcc"),
        ]
        as_json = (await hand_in(rewriter, several(), Idempotency_Key="k")).json
        mails = [one["mime"].encode() for one in as_json["renditions"]]
        for raw in mails:
            assert raw in answer.raw
            assert not re.search(rb"hidden|e@x|Inkling|Bcc", raw)
            assert parsed(raw)["Message-ID"] == parsed(mails[0])["Message-ID"]
        plain = several().replace(b"Bcc: hidden@x.example\n", b"")
        plain = re.sub(rb"Inkling-[^\n]*\n", b"", plain)
        own = re.search(rb"Message-ID: ?(\r?\n )?<[^\n]*\n", mails[2])
        assert own
        assert mails[2].replace(own[0], b"") == plain


def rewriter_ref(outcome: Any, number: int) -> str:
    return str(orjson.loads(outcome.get_content())["recipients"][number]["ref"])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ((b"Inkling-Owner: ana\r\n", b""), "Inkling-Owner"),
        ((b"Inkling-Owner: ana", b"Inkling-Owner: ana\r\nInkling-Owner: bo"), "Inkling-Owner"),
        ((b"Inkling-Owner", b"Inkling-Colour: red\r\nInkling-Owner"), "Inkling-Colour"),
        ((b"Inkling-Owner", b"Inkling-Send-At: 2026-12-01T08:00:00Z\r\nInkling-Owner"), "Inkling-Send-At"),
        ((b"Inkling-Owner", b"Inkling-Follow: perhaps\r\nInkling-Owner"), "Inkling-Follow"),
        ((b"Inkling-Owner", b"Inkling-Renditions: two\r\nInkling-Owner"), "Inkling-Renditions"),
        ((b"Inkling-Owner", b"Inkling-Label: novalue\r\nInkling-Owner"), "Inkling-Label"),
        ((b"Inkling-Owner", b"Inkling-Template: ;version=2\r\nInkling-Owner"), "Inkling-Template"),
        ((b"Inkling-Owner", b"Inkling-If-Unavailable: wait\r\nInkling-Owner"), "Inkling-If-Unavailable"),
        ((b"Inkling-Owner", b"Inkling-Host-Pictures: 1\r\nInkling-Owner"), "Inkling-Host-Pictures"),
        ((b"Inkling-Owner", b"Inkling-Follow-Attachments: other.pdf\r\nInkling-Owner"), "Inkling-Follow-Attachments"),
        ((b"Inkling-Owner", b"Inkling-Follow-Attachments: 1\r\nInkling-Owner"), "Inkling-Follow-Attachments"),
        ((b"kind=contact", b"kind=friend"), "Inkling-Recipients"),
        ((b"Asia/Singapore", b"Mars/Olympus"), "Inkling-Recipients"),
        ((b"li@customer.example; id", b"lo@customer.example; id"), "Inkling-Recipients"),
        ((b"\"Wang, Li\" <li@customer.example>", b"\"Wang, Li <li@customer.example>"), "To"),
        ((b"\"Wang, Li\" <li@customer.example>", b"Wang, Li <li@customer.example>"), "To"),
    ],
)  # fmt: skip
async def test_a_header_at_fault_is_named_and_nothing_is_half_done(
    change: tuple[bytes, bytes], field: str
) -> None:
    async with a_rewriter() as rewriter:
        answer = await hand_in(rewriter, MAIL.replace(*change))
        assert (answer.status, answer.json["field"]) == (400, field), answer
        assert rewriter.published(topics.EVENTS) == []
        assert "li@customer" not in answer.raw.decode()


async def test_a_mail_of_nobody_passes_as_it_is() -> None:
    raw = MAIL.replace(b"ana@demo.example>", b"ana>")
    async with a_rewriter() as rewriter:
        answer = await hand_in(rewriter, raw)
        assert (answer.status, answer.json["reason"]["code"]) == (201, "malformed")
        (copy,) = answer.json["renditions"]
        assert copy["mime"].encode() == re.sub(rb"(?m)^Inkling-[^\n]*\n", b"", raw)


async def test_every_option_of_the_json_form_has_its_header() -> None:
    more = (
        b'Inkling-Template: intro-3; name="Intro, second"; version=2\r\nInkling-Regarding: opportunity-9\r\n'
        b"Inkling-Label: step=1\r\nInkling-Label: =?utf-8?q?gr=C3=B6=C3=9Fe?= = a=b\r\nInkling-Follow: NO\r\n"
        b"Inkling-Renditions: message\r\nInkling-Host-Pictures: yes\r\nInkling-If-Unavailable: pass\r\n"
    )
    async with a_rewriter() as rewriter:
        answer = await hand_in(rewriter, HEAD + OPTIONS + more + BODY)
        assert (answer.status, answer.json["reason"]["code"]) == (201, "not_requested")
        assert answer.json["renditions"][0]["mime"].encode() == HEAD + BODY
        (happened,) = rewriter.published(topics.EVENTS)
        event = happened.event
        assert isinstance(event, MessagePrepared)
        assert (
            event.template and (event.template.id, event.template.name, event.template.version)
        ) == (
            "intro-3",
            "Intro, second",
            "2",
        )
        assert (event.regarding, event.labels) == ("opportunity-9", {"step": "1", "größe": "a=b"})
        assert (event.follow_requested, event.renditions) == (False, "message")


async def test_where_kafka_is_away_the_mail_is_refused_or_passes_as_it_was() -> None:
    async with a_rewriter() as rewriter:
        rewriter.log.memory.trouble = "kafka: away"
        assert (await hand_in(rewriter, MAIL)).status == 503
        bare = re.sub(rb"Message-ID[^\n]*\n", b"", HEAD)
        raw = bare + OPTIONS + b"Inkling-If-Unavailable: pass\r\n" + BODY
        passed = await hand_in(rewriter, raw, Accept="message/rfc822")
        assert (passed.status, passed.headers["Inkling-Reason"]) == (201, "unavailable")
        assert passed.raw == bare + BODY


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'multipart/signed; micalg=pgp-sha256; protocol="application/pgp-signature"; boundary=s\r\n\r\n'
         b"--s\r\nContent-Type: text/html\r\n\r\n<a href=\"https://x.example\">x</a>\r\n--s\r\n"
         b"Content-Type: application/pgp-signature\r\n\r\nabc\r\n--s--\r\n", "signed"),
        (b"application/pkcs7-mime; smime-type=enveloped-data\r\n\r\nabc\r\n", "encrypted"),
        (b"multipart/mixed\r\n\r\n--s\r\nContent-Type: text/html\r\n\r\nx\r\n--s--\r\n", "malformed"),
    ],
)  # fmt: skip
async def test_what_cannot_be_touched_passes_byte_for_byte(content: bytes, reason: str) -> None:
    rest = b"MIME-Version: 1.0\r\nContent-Type: " + content
    async with a_rewriter() as rewriter:
        answer = await hand_in(rewriter, HEAD + OPTIONS + rest)
        told = answer.json
        assert (answer.status, told["followed"], told["reason"]["code"]) == (201, False, reason)
        assert told["renditions"][0]["mime"].encode() == HEAD + rest
        assert told["recipients"][0]["reason"]["code"] == reason
        assert rewriter.counted("mail_reasons_total", reason=reason) == 1


async def test_a_signature_of_the_domain_that_the_edits_break_is_told() -> None:
    async with a_rewriter() as rewriter:
        raw = b"DKIM-Signature: v=1; a=rsa-sha256; d=demo.example\r\n" + MAIL
        told = (await hand_in(rewriter, raw)).json
        assert [one["code"] for one in told["warnings"]] == ["breaks_dkim"]
        left = raw.replace(b"Inkling-Owner", b"Inkling-Follow: no\r\nInkling-Owner")
        assert (await hand_in(rewriter, left)).json["warnings"] == []
        shown = await hand_in(rewriter, raw, Accept="message/rfc822")
        assert shown.headers["Inkling-Warnings"] == "breaks_dkim"


async def test_bytes_that_are_no_text_are_told_in_base64() -> None:
    raw = b"From: a@x.example\nTo: b@x.example\nMessage-ID: <m@x>\nInkling-Owner: ana\n\nSch\xf6n\n"
    async with a_rewriter() as rewriter:
        (copy,) = (await hand_in(rewriter, raw)).json["renditions"]
        assert copy["mime_encoding"] == "base64"
        assert base64.b64decode(copy["mime"]) == raw.replace(b"Inkling-Owner: ana\n", b"")


async def test_a_preview_of_a_mail_stores_nothing() -> None:
    async with a_rewriter() as rewriter:
        raw = HEAD + OPTIONS + b"Inkling-Follow-Attachments: all\r\n" + BODY
        answer = await hand_in(rewriter, raw, "/v1/mail:preview", Accept="message/rfc822")
        assert (answer.status, answer.headers["Inkling-Followed"]) == (200, "yes")
        assert list(rewriter.folder.rglob("*")) == []
        assert rewriter.published(topics.EVENTS) == []


async def test_a_mail_in_fields_can_leave_as_mime() -> None:
    picture = {
        "name": "l.gif",
        "content_type": "image/gif",
        "content": "R0lGODlh",
        "content_id": "l@x",
    }
    file = {"name": "Größe.pdf", "content_type": "application/pdf", "content": "QUJD"}
    body = a_body(attachments=[picture, file], cc=[a_recipient(2, kind="lead", name="Zoë, Ltd")])
    async with a_rewriter() as rewriter:
        await rewriter.call(
            "POST", "/v1/mail", "sender", json=body, headers={"Accept": "message/rfc822"}
        )
        both = await rewriter.call(
            "POST",
            "/v1/mail",
            "sender",
            json=body,
            headers={"Accept": "multipart/mixed", "Idempotency-Key": "k"},
        )
        told = (await rewriter.post(body, Idempotency_Key="k")).json
        head = f"Content-Type: {both.headers['Content-Type']}\r\n\r\n".encode()
        *copies, _ = parsed(head + both.raw).iter_parts()
        for copy, shown in zip(copies, told["renditions"], strict=True):
            (mail,) = copy.iter_parts()
            assert tree(mail) == [
                "multipart/mixed",
                "multipart/alternative",
                "text/plain",
                "multipart/related",
                "text/html",
                "image/gif",
                "application/pdf",
            ]
            assert mail.get_body(("html",)).get_content() == shown["html"]  # type: ignore[union-attr]
            assert mail["Cc"].addresses[0].display_name == "Zoë, Ltd"
            assert mail["Message-ID"] == shown["headers"]["Message-ID"]
            assert [one.get_filename() for one in mail.iter_attachments()] == ["Größe.pdf"]


async def test_a_file_is_offered_in_whatever_charset_a_part_has() -> None:
    name = b"=?utf-8?b?5pel5pys?= Gr.pdf"
    raw = (
        (HEAD + OPTIONS + b"Inkling-Follow-Attachments: all\r\n" + BODY)
        .replace(b"filename=offer.pdf", b'filename="' + name + b'"')
        .replace(b"text/plain; charset=utf-8", b"text/plain; charset=us-ascii")
    )
    async with a_rewriter() as rewriter:
        answer = await hand_in(rewriter, raw, Accept="message/rfc822")
        assert answer.status == 201, answer
        after = parsed(answer.raw)
        html = after.get_body(("html",)).get_content()  # type: ignore[union-attr]
        assert "\u65e5\u672c Gr.pdf" in unescape(html)
        assert "Sch\u00f6n" in html
