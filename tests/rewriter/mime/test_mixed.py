"""Several mails in one body."""

import email

from services.rewriter.mime import Copy, mixed

ONE = b"Subject: one\r\n\r\nbody\r\n"
TWO = b"Subject: two\n\nGr\xfc\xdfe"


def test_others_read_each_mail_as_it_was() -> None:
    made = mixed([Copy(ONE, (("Inkling-Recipient", "c-17"),)), Copy(TWO), Copy(b"a: \0\n\n")])
    head = f"Content-Type: {made.content_type}\r\n\r\n".encode()
    whole = email.message_from_bytes(head + made.body)
    assert not whole.defects
    parts = [one for one in whole.walk() if one.get_content_type() == "message/rfc822"]
    assert [one["inkling-recipient"] for one in parts] == ["c-17", None, None]
    assert [one["content-transfer-encoding"] for one in parts] == ["7bit", "8bit", "binary"]
    line = f"--{made.boundary}".encode()
    inside = [
        piece.split(b"\r\n\r\n", 1)[1].removesuffix(b"\r\n")
        for piece in made.body.split(line)[1:-1]
    ]
    assert inside == [ONE, TWO, b"a: \0\n\n"]


def test_the_same_mails_give_the_same_bytes_and_others_another_boundary() -> None:
    assert mixed([Copy(ONE)]) == mixed([Copy(ONE)])
    assert mixed([Copy(ONE)]).boundary != mixed([Copy(TWO)]).boundary


def test_long_lines_are_binary() -> None:
    assert (
        b"Content-Transfer-Encoding: binary"
        in mixed([Copy(b"a: b\r\n\r\n" + b"x" * 999 + b"\r\n")]).body
    )
    assert (
        b"Content-Transfer-Encoding: 7bit"
        in mixed([Copy(b"a: b\r\n\r\n" + b"x" * 998 + b"\r\n")]).body
    )
