import base64

import pytest

from services.rewriter import mime
from services.rewriter.mime.exactness import is_exact

DATA = b"%PDF-1.4 " + bytes(range(256)) * 600
CODED = base64.encodebytes(DATA)


@pytest.mark.parametrize(
    ("encoding", "coded"),
    [
        *[("base64", CODED), ("base64", CODED.replace(b"\n", b"\r\n")), ("base64", b"")],
        *[("base64", base64.b64encode(DATA[:size])) for size in (1, 2, 3)],
        # Padding that somebody left out.
        *[("base64", base64.b64encode(DATA[:size]).rstrip(b"=")) for size in (1, 2)],
        ("base64", b"QQ=\r\n=\r\n"),
        ("base64", b"A" * (64 * 1024 - 1) + b"\r\nA" * 3 + b"=" + b"\n" * 70_000 + b"="),
        *[("quoted-printable", b"a=20=\r\nb"), ("", b"x"), ("7bit", b"x"), ("8bit", b"\xff")],
        ("binary", b"\0"),
    ],
)
def test_what_every_program_reads_alike(encoding: str, coded: bytes) -> None:
    assert is_exact(b"--" + coded + b"--", 2, 2 + len(coded), encoding)


@pytest.mark.parametrize(
    ("encoding", "coded"),
    [
        # Encoders that pad each piece, which some programs join and some end at.
        ("base64", b"\r\n".join(base64.b64encode(DATA[at : at + 50]) for at in range(0, 500, 50))),
        ("base64", b"QQ==" + b"\n" * 70_000 + b"QQ=="),
        *[("base64", CODED.replace(b"\n", b"!\n", 1)), ("base64", CODED + b"-- \nscanned\n")],
        *[("base64", b"QUJD_-__"), ("base64", b"QUJDQ"), ("base64", b"QUI"[:1]), ("base64", b"=")],
        *[("base64", b"QUI=="), ("base64", b"QUJD===")],
        ("x-uuencode", b"begin 644 a\n#86)C\n`\nend\n"),
        ("8-bit", b"x"),
    ],
)
def test_what_each_program_may_read_in_its_own_way(encoding: str, coded: bytes) -> None:
    assert not is_exact(coded, 0, len(coded), encoding)


def test_a_file_of_a_mail_says_it() -> None:
    parts = b"".join(
        b"\r\n--b\r\nContent-Type: image/png\r\nContent-Disposition: attachment\r\n"
        b"Content-Transfer-Encoding: " + encoding + b"\r\n\r\nQUJD"
        for encoding in (b"BASE64", b"uuencode")
    )
    head = b"From: a@x.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    files = mime.read(head + parts + b"\r\n--b--\r\n").files
    assert [one.exact for one in files] == [True, False]
