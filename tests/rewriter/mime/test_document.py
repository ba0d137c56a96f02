"""What a mail holds, as a caller sees it."""

from base64 import b64encode

import pytest

from services.rewriter import mime
from services.rewriter.mime.document import Code, Trouble, Untouchable

CONTENT = bytes(range(256)) * 2_000
RAW = (
    b"From: a@b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
    b"Content-Type: text/html; charset=iso-8859-1\r\n\r\nGr\xfc\xdfe\r\n--b\r\n"
    b"Content-Type: image/png\r\nContent-ID:  <pic@x> \r\nContent-Transfer-Encoding: base64\r\n\r\n"
    + b64encode(CONTENT)
    + b"\r\n--b--\r\n"
)


def test_a_text_and_a_file() -> None:
    document = mime.read(RAW)
    [body], [file] = document.bodies, document.files
    assert (body.index, body.text, body.charset) == (0, "Grüße", "cp1252")
    assert (file.name, file.content_type, file.content_id) == ("", "image/png", "pic@x")
    assert file.size == len(CONTENT)
    assert RAW[slice(*file.span)] == b64encode(CONTENT)


def test_a_text_says_whether_its_lines_break_words() -> None:
    kinds = (b"text/plain; Format=Flowed; delsp=YES", b"text/plain; format=flowed", b"text/plain")
    read = [mime.read(b"From: a@b\nContent-Type: " + one + b"\n\nx").texts[0] for one in kinds]
    assert [one.breaks_words for one in read] == [True, False, False]


def test_a_file_is_given_in_pieces_or_at_once() -> None:
    [file] = mime.read(RAW).files
    pieces = list(file.chunks())
    assert len(pieces) > 3
    assert b"".join(pieces) == file.content() == CONTENT


def test_what_is_printed_of_a_mail_tells_nothing_of_its_words() -> None:
    assert "Gr" not in repr(mime.read(RAW))


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (Trouble.PGP_SIGNED, Code.SIGNED),
        (Trouble.SMIME_ENCRYPTED, Code.ENCRYPTED),
        (Trouble.NO_PARTS, Code.MALFORMED),
    ],
)
def test_a_trouble_is_of_one_of_three_kinds(trouble: Trouble, code: Code) -> None:
    assert Untouchable(trouble).code is code
    assert Untouchable(trouble).detail == trouble.detail
