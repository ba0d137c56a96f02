import email
import email.policy
from email.message import EmailMessage

import pytest

from services.rewriter import answer, compose, copies
from tests.rewriter.given import a_recipient, prepared

FILE = {"name": "a.pdf", "content_type": "application/pdf", "content": "QUJD"}
PICTURE = {"name": "p.gif", "content_type": "image/gif", "content": "R0lGODlh", "content_id": "p@x"}


def built(**changes: object) -> tuple[EmailMessage, bytes]:
    made = prepared(**changes)
    (copy,) = copies.renditions(made)
    raw = compose.build(made, copy, answer.headers(made, copy))
    assert raw == compose.build(made, copy, answer.headers(made, copy))
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    assert not mail.defects
    return mail, raw


@pytest.mark.parametrize(
    ("changes", "tree"),
    [
        ({"text": None}, ["text/html"]),
        ({"html": None}, ["text/plain"]),
        ({"html": None, "text": None}, ["text/plain"]),
        ({}, ["multipart/alternative", "text/plain", "text/html"]),
        ({"attachments": [FILE], "text": None}, ["multipart/mixed", "text/html", "application/pdf"]),
        ({"attachments": [PICTURE], "text": None}, ["multipart/related", "text/html", "image/gif"]),
        ({"attachments": [PICTURE], "html": None}, ["multipart/mixed", "text/plain", "image/gif"]),
    ],
)  # fmt: skip
def test_a_mail_has_the_parts_it_needs(changes: dict[str, object], tree: list[str]) -> None:
    assert [part.get_content_type() for part in built(**changes)[0].walk()] == tree


def test_every_character_and_byte_comes_through() -> None:
    text = "Ünï\r\nline\nlone\rend" + "x" * 2_000
    mail, raw = built(
        text=text,
        subject="Größe " + "lang " * 40,
        attachments=[{**FILE, "name": "Größe, 1.pdf"}],
        **{"from": {"address": "ana@demo.example", "name": "Ana Müller, Dr."}},
        headers={"X-Odd": "a  b", "Reply-To": "r@x.example"},
        to=[a_recipient(1, kind="other")],
    )
    part = mail.get_body(("plain",))
    assert part is not None
    assert part.get_payload(decode=True) == text.encode()
    assert mail["Subject"] == ("Größe " + "lang " * 40).strip()
    assert mail["From"].addresses[0].display_name == "Ana Müller, Dr."
    assert mail["Reply-To"] == "r@x.example"
    (file,) = mail.iter_attachments()
    assert (file.get_filename(), file.get_content()) == ("Größe, 1.pdf", b"ABC")
    assert max(map(len, raw.split(b"\r\n"))) <= 998
