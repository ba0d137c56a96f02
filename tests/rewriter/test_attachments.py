import pytest

from services.rewriter import attachments, mime
from services.rewriter.attachments import AttachmentReason, FileRules
from services.rewriter.follow import FollowReason
from services.rewriter.mail import Attachment
from tests.rewriter.given import a_mail

FILES = a_mail(
    attachments=[
        {"name": "a", "content": ""},
        {"name": "b", "content": "QUJD", "followed": True},
        {"name": "c", "content": "QUJD", "followed": True},
    ]
).attachments


def a_file(name: str, content_type: str = "application/octet-stream") -> Attachment:
    return Attachment(name=name, content_type=content_type, content="QUJD", size=3, wanted=True)


def test_what_was_asked_for_is_followed_and_of_the_rest_it_is_said_why() -> None:
    assert attachments.decide(FILES, FileRules(max_bytes=3), None, {2}) == (
        AttachmentReason.NOT_REQUESTED,
        None,
        AttachmentReason.SHOWN_IN_MAIL,
    )
    assert attachments.decide(FILES, FileRules(max_bytes=2), FollowReason.ENGAGEMENT_OFF) == (
        AttachmentReason.NOT_REQUESTED,
        FollowReason.ENGAGEMENT_OFF,
        FollowReason.ENGAGEMENT_OFF,
    )
    assert all(reason.detail.endswith(".") for reason in AttachmentReason)


def test_a_file_of_a_mail_that_programs_may_read_in_different_ways_stays_attached() -> None:
    coded = (b"QUJD", b"QQ==QUJD")
    parts = b"".join(
        b"\r\n--b\r\nContent-Type: a/b\r\nContent-Transfer-Encoding: base64\r\n\r\n" + one
        for one in coded
    )
    raw = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + parts + b"\r\n--b--\r\n"
    files = [
        Attachment(name="a", content_type="a/b", size=one.size, wanted=True, part=one)
        for one in mime.read(raw).files
    ]
    reasons = attachments.decide(files, FileRules(), None)
    assert reasons == (None, AttachmentReason.FILE_DAMAGED)


def test_a_file_above_the_tenants_limit_is_too_large() -> None:
    assert FileRules(max_bytes=2).forbid(a_file("a")) is AttachmentReason.FILE_TOO_LARGE
    assert FileRules(max_bytes=3).forbid(a_file("a")) is None


@pytest.mark.parametrize(
    ("forbidden", "file", "matches"),
    [
        (".exe", a_file("a.exe"), True),
        (".EXE", a_file("A.Exe. . "), True),
        (".exe", a_file("a.exe\u00a0"), True),
        (".exe", a_file("a.exe.pdf"), False),
        (".exe", a_file("exe"), False),
        (".tar.gz", a_file("a.tar.gz"), True),
        (".gz", a_file("a.tar.gz"), True),
        ("application/zip", a_file("a", "Application/ZIP ; x=y"), True),
        ("application/zip", a_file("a", "application/zip-compressed"), False),
        ("image/*", a_file("a", "IMAGE/png"), True),
        ("image/*", a_file("a.png", "imagery/png"), False),
        ("IMAGE/*", a_file("a", "image/png"), True),
    ],
)
def test_a_forbidden_type_is_found_in_what_is_declared_and_in_the_name(
    forbidden: str, file: Attachment, matches: bool
) -> None:
    found = FileRules(forbidden_types=("x/y", forbidden)).forbid(file)
    assert found is (AttachmentReason.FILE_TYPE_FORBIDDEN if matches else None)
