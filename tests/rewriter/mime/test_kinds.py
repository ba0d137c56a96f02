"""What a part is: what mail programs show, what they offer as files, and what forbids to touch a mail."""

import pytest

from services.rewriter import mime
from services.rewriter.mime import kinds, steps
from services.rewriter.mime.document import Trouble

HEAD = b"From: a@b\n"


def _mail(kind: str, *parts: str, more: str = "") -> mime.Document:
    inside = "".join(f"--b\n{one}\n\n<p>x</p>\n" for one in parts)
    return mime.read(
        HEAD + f"Content-Type: multipart/{kind}; boundary=b{more}\n\n{inside}--b--\n".encode()
    )


HTML = "Content-Type: text/html"
TEXT = "Content-Type: text/plain"


@pytest.mark.parametrize(
    ("kind", "parts", "bodies", "texts", "files"),
    [
        ("mixed", [HTML, HTML], 2, 0, 0),
        ("mixed", [HTML + "; name=a.html"], 1, 0, 0),
        ("mixed", [TEXT, HTML + "; name=a.html"], 0, 1, 1),
        ("mixed", [TEXT, HTML + "\nContent-Disposition: inline; filename=a.html"], 0, 1, 1),
        ("mixed", [HTML + "\nContent-Disposition: ATTACHMENT"], 0, 0, 1),
        ("mixed", [HTML + "\nContent-Disposition: something-else"], 0, 0, 1),
        ("mixed", [HTML + "\nContent-Disposition: inline"], 1, 0, 0),
        ("mixed", [HTML + "\nContent-Disposition:"], 1, 0, 0),
        ("alternative", [TEXT + "; name=a.txt", HTML + "; name=a.html"], 1, 1, 0),
        ("alternative", [TEXT, "Content-Type: text/x-amp-html", HTML], 1, 1, 0),
        ("alternative", [HTML, "Content-Type: text/calendar; method=REQUEST; name=a.ics"], 1, 0, 0),
        ("alternative", [HTML, "Content-Type: application/pdf"], 1, 0, 0),
        ("related", [HTML, "Content-Type: image/png\nContent-ID: <x>"], 1, 0, 1),
        ("related", [HTML, HTML + "\nContent-ID: <x>"], 1, 0, 1),
        ("related", ["Content-Type: image/png", HTML], 0, 0, 1),
        ("related", [TEXT, HTML], 0, 1, 0),
        ("mixed", [HTML, "Content-Type: text/calendar; method=REQUEST"], 1, 0, 0),
        ("mixed", [HTML, "Content-Type: text/calendar; name=a.ics"], 1, 0, 1),
        ("mixed", [HTML, "Content-Type: text/csv"], 1, 0, 0),
        ("mixed", [HTML, "Content-Type: message/rfc822\nContent-Disposition: attachment"], 1, 0, 0),
        ("mixed", [HTML, "Content-Type: application/octet-stream"], 1, 0, 1),
        ("mixed", ["Content-Type: text/html, charset=utf-8", HTML], 1, 0, 0),
        ("mixed", ["Content-Type: text", "Content-Type:", HTML], 1, 1, 0),
        ("mixed", ["Content-Type: pdf; name=a.pdf", HTML], 1, 0, 1),
        ("report", [TEXT, "Content-Type: message/delivery-status"], 0, 1, 0),
    ],
)
def test_what_the_parts_of_a_mail_are(
    kind: str, parts: list[str], bodies: int, texts: int, files: int
) -> None:
    document = _mail(kind, *parts)
    assert (len(document.bodies), len(document.texts), len(document.files)) == (
        bodies,
        texts,
        files,
    )


def test_the_root_of_a_related_may_be_named() -> None:
    parts = (HTML + "\nContent-ID: <one>", HTML + "\nContent-ID: <two>")
    document = _mail("related", *parts, more='; start="<two>"')
    assert document.bodies[0].part.header.raw("content-id") == ("<two>",)
    assert [one.content_id for one in document.files] == ["one"]


def test_nothing_inside_an_attached_multipart_is_shown() -> None:
    inner = (
        "Content-Type: multipart/mixed; boundary=c\nContent-Disposition: attachment\n\n--c\n" + HTML
    )
    document = _mail("mixed", HTML, inner + "\n\n<p>y</p>\n--c--")
    assert len(document.bodies) == 1


def test_a_file_is_called_as_its_disposition_says_else_as_its_type_does() -> None:
    one = 'Content-Type: image/png; name="a.png"\nContent-Disposition: attachment; filename="=?utf-8?q?=C3=A9?="'
    other = 'Content-Type: image/png; name="b.png"'
    assert [each.name for each in _mail("mixed", one, other).files] == ["é", "b.png"]


@pytest.mark.parametrize(
    ("head", "trouble"),
    [
        ("multipart/signed; boundary=b", Trouble.MULTIPART_SIGNED),
        ("multipart/encrypted; boundary=b", Trouble.MULTIPART_ENCRYPTED),
        ("application/pgp-encrypted", Trouble.PGP_ENCRYPTED),
        ("application/pkcs7-mime; smime-type=signed-data", Trouble.SMIME_SIGNED),
        ("application/pkcs7-mime; smime-type=enveloped-data", Trouble.SMIME_ENCRYPTED),
        ("application/x-pkcs7-mime; name=smime.p7m", Trouble.SMIME_ENCRYPTED),
        ("application/pkcs7-mime; smime-type=certs-only", None),
        ("application/pkcs7-signature", Trouble.SMIME_SIGNED),
        ("application/octet-stream; name=smime.p7s", Trouble.SMIME_SIGNED),
        ("application/octet-stream; name=contract.p7m", None),
    ],
)
def test_what_forbids_to_touch_a_mail(head: str, trouble: Trouble | None) -> None:
    document = mime.read(HEAD + f"Content-Type: {head}\n\n--b\n\n--b--\n".encode())
    assert (document.untouchable and document.untouchable.trouble) == trouble
    if trouble is not None:
        deep = _mail("mixed", HTML, f"Content-Type: {head.replace('=b', '=c')}")
        assert (deep.untouchable and deep.untouchable.trouble) == trouble


def test_a_signed_file_that_is_attached_forbids_nothing() -> None:
    named = "Content-Type: application/pkcs7-mime; name=contract.pdf.p7m\nContent-Disposition: attachment"
    assert [one.name for one in _mail("mixed", HTML, named).files] == ["contract.pdf.p7m"]


@pytest.mark.parametrize(
    ("text", "trouble"),
    [
        ("-----BEGIN PGP MESSAGE-----\n", Trouble.PGP_ENCRYPTED),
        ("Hi\n-----BEGIN PGP SIGNED MESSAGE-----\n", Trouble.PGP_SIGNED),
        ("<pre>-----BEGIN PGP MESSAGE-----", Trouble.PGP_ENCRYPTED),
        ("> quoted -----BEGIN PGP MESSAGE-----", None),
        ("-----BEGIN PGP PUBLIC KEY BLOCK-----", None),
    ],
)
def test_openpgp_in_a_text(text: str, trouble: Trouble | None) -> None:
    assert steps.run(kinds.forbids_text(text)) == trouble
    assert steps.run(kinds.forbids_text("x" * (kinds._STEP - 8) + "\n" + text)) == trouble
