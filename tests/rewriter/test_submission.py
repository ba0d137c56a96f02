import pytest

from services.rewriter import mime, submission
from services.rewriter.faults import BadFields
from services.rewriter.mail import Mail
from services.rewriter.mime import Untouchable
from services.rewriter.mime.document import Trouble

HEAD = b"From: Ana <ana@demo.example>\nTo: Li <li@x.example>\nSubject: =?utf-8?q?=C3=84?=\nInkling-Owner: ana\n"


def mail(raw: bytes) -> Mail:
    return submission.read(mime.read(raw)).mail()


def faults(raw: bytes) -> list[str]:
    with pytest.raises(BadFields) as refused:
        mail(raw)
    return [one.field for one in refused.value.faults]


def test_a_mail_is_what_its_headers_say() -> None:
    found = mail(HEAD + b"Message-ID: <a b@x>\n\nx")
    assert (found.sender.address, found.sender.name, found.subject) == (
        "ana@demo.example",
        "Ana",
        "Ä",
    )
    assert [(one.address, one.name, one.field) for one in found.recipients] == [
        ("li@x.example", "Li", "to")
    ]
    assert found.message_id_header == "<a b@x>"
    assert (found.texts, found.bodies, found.html, found.text) == (("x",), (), None, None)
    assert mail(HEAD + b"Message-ID: \n\nx").message_id_header is None
    assert mail(HEAD + b"Message-ID:\nMessage-ID: <b@x>\n\nx").message_id_header == "<b@x>"


def test_files_are_parts_named_and_chosen_by_name_or_index() -> None:
    parts = b"".join(
        b"--b\nContent-Type: a/b\nContent-Disposition: attachment; filename=%s\nContent-ID: <c>\n\n%s\n"
        % one
        for one in [(b"one.pdf", b"1"), (b"two.pdf", b"22"), (b'""', b"333")]
    )
    raw = (
        HEAD
        + b"Inkling-Follow-Attachments: one.pdf, 2\nContent-Type: multipart/mixed; boundary=b\n\n"
        + parts
        + b"--b--\n"
    )
    files = mail(raw).attachments
    assert [(one.name, one.size, one.wanted) for one in files] == [
        ("one.pdf", 1, True),
        ("two.pdf", 2, False),
        ("file-2", 3, True),
    ]
    assert [one.content_id for one in files] == ["c", None, None]
    assert [b"".join(one.chunks()) for one in files] == [b"1", b"22", b"333"]
    assert files[1].head() == b"22"


@pytest.mark.parametrize(
    "sender",
    [
        b"",
        b"From: root\n",
        b"From: <>\nSender: \n",
        b"From: Ana ana@demo.example\n",
        b'From: "a b"@demo.example\n',
        b"From: " + b"a" * 400 + b"@demo.example\n",
    ],
)
def test_a_mail_of_nobody_passes_as_it_is(sender: bytes) -> None:
    body = b"Content-Type: text/html\n\n<a href=https://x.example>x</a>"
    found = mail(b"To: li@x.example\nInkling-Owner: ana\n" + sender + body)
    assert found.sender.address == "unknown@invalid"
    assert found.document is not None
    assert found.document.untouchable == Untouchable(Trouble.NO_SENDER)
    assert found.document.bodies == ()


def test_every_fault_is_told_by_its_header() -> None:
    assert faults(b'To: nobody\nCc: "\nInkling-X: 1\nInkling-Owner: ana\n\nx') == [
        "Inkling-X",
        "To",
        "Cc",
        "To",
    ]
    assert faults(HEAD + b"Inkling-Recipients: li@x.example; time-zone=X/Y\n\n") == [
        "Inkling-Recipients"
    ]
    assert faults(HEAD + b"Inkling-Recipients: who@x.example\n\n") == ["Inkling-Recipients"]


@pytest.mark.parametrize(
    ("pointer", "header"),
    [("/to/0/address", "To"), ("/bcc", "Bcc"), ("/from/name", "From"), ("/to/1/kind", "Inkling-Recipients"),
     ("/labels/x", "Inkling-Label"), ("/template/id", "Inkling-Template"), ("/owner", "Inkling-Owner"),
     ("/host_pictures", "Inkling-Host-Pictures"), ("", "From")],
)  # fmt: skip
def test_a_pointer_into_the_body_leads_to_a_header(pointer: str, header: str) -> None:
    assert submission.read(mime.read(HEAD + b"\n")).header_of(pointer) == header


def test_somebody_hidden_has_to_be_said_to_be() -> None:
    found = mail(HEAD + b"Inkling-Recipients: x@x.example; field=bcc, LI@x.example; id=7\n\nx")
    assert [(one.address, one.field, one.id) for one in found.recipients] == [
        ("li@x.example", "to", "7"), ("x@x.example", "bcc", None),
    ]  # fmt: skip


def test_a_hidden_recipient_behind_a_line_that_is_no_field_is_not_let_through() -> None:
    assert faults(HEAD + b"junk\nBCC: x@x.example\n\nx") == ["Bcc"]
    assert mail(HEAD + b"junk\nX: 1\n\nBcc: x@x.example").document is not None


def test_more_recipients_than_may_be_are_refused() -> None:
    many = b", ".join(b"p%d@x.example" % n for n in range(501))
    assert set(faults(HEAD.replace(b"Li <li@x.example>", many) + b"\n")) == {"To"}
