from services.rewriter.replies import parse

MIXED = b"""From: a@b.example
Subject: =?utf-8?q?x?=
 y
Content-Type: multipart/mixed; boundary="b=1"; charset*=utf-8''x

before
--b=1
Content-Type: multipart/alternative;
 boundary=inner

--inner
Content-Type: text/html

<p>seen</p>
--inner

plain
--inner--
--b=1
Content-Type: application/pdf
Content-Transfer-Encoding: base64

QUJD
--b=1--
after
"""


def test_a_mail_is_cut_into_headers_and_the_parts_that_hold_no_other() -> None:
    mail = parse.read(MIXED)
    assert mail is not None
    assert (mail.subject, mail.media) == ("x y", "multipart/mixed")
    assert [one.media for one in mail.parts] == ["text/html", "text/plain", "application/pdf"]
    assert [one.raw() for one in mail.parts] == [b"<p>seen</p>", b"plain", b"ABC"]
    assert mail.text() == "plain"
    found = mail.part("application/pdf", "text/html")
    assert found is not None
    assert found.text().split() == ["seen"]


def test_a_mailboxs_own_line_and_blank_lines_before_a_mail_are_passed_over() -> None:
    for raw in (
        b"From a@b Wed Jul 15\nTo: x@y\n\nhi",
        b"\n\r\nTo: x@y\n\nhi",
        b"To: x@y\r\n\r\nhi",
    ):
        mail = parse.read(raw)
        assert mail is not None
        assert (mail.headers.first("to"), mail.text()) == ("x@y", "hi")


def test_lines_that_are_no_fields_are_passed_over() -> None:
    headers = parse.read_headers("no field\nÄ: b\nTo : a\nTO:b\nX-Nul: a\0b\n".encode())
    assert headers.all("to") == ["a", "b"]
    assert headers.first("x-nul") == "a\ufffdb"
    assert "no field" not in headers
    assert headers.first("cc") is None


def test_eight_bit_headers_are_read() -> None:
    assert parse.read_headers("Subject: Réponse".encode()).first("subject") == "Réponse"
    assert parse.read_headers("Subject: Réponse".encode("latin-1")).first("subject") == "Réponse"


def test_bounds_hold() -> None:
    many = b"".join(b"X-%d: y\n" % one for one in range(2 * parse.MAX_FIELDS))
    assert len(parse.read_headers(many).fields) == parse.MAX_FIELDS
    long = parse.read_headers(b"Subject: " + b"x" * 100_000).first("subject")
    assert long is not None
    assert len(long) < parse.MAX_FIELD_CHARACTERS
    parts = b"To: a\nContent-Type: multipart/mixed; boundary=a\n\n" + b"--a\n\nx\n" * 1_000
    mail = parse.read(parts)
    assert mail is not None
    assert len(mail.parts) == parse.MAX_PARTS
    deep = b"To: a\nContent-Type: multipart/mixed; boundary=b0\n\n" + b"".join(
        b"--b%d\nContent-Type: multipart/mixed; boundary=b%d\n\n" % (one, one + 1)
        for one in range(100)
    )
    mail = parse.read(deep)
    assert mail is not None
    assert [one.media for one in mail.parts] == ["multipart/mixed"]
    mail = parse.read(b"To: a\n\n" + b"x" * 2 * parse.READ_BYTES)
    assert mail is not None
    assert len(mail.text()) == parse.MAX_TEXT_CHARACTERS


def test_an_unfinished_or_unmarked_multipart_is_still_read() -> None:
    head = b"To: a\nContent-Type: multipart/mixed"
    open_ended = parse.read(head + b"; boundary=a\n\n--a\n\nlast")
    assert open_ended is not None
    assert open_ended.text() == "last"
    without = parse.read(head + b"\n\n--a\n\nlast")
    assert without is not None
    assert without.text() == ""
