import base64
from dataclasses import replace

import pytest

from services.rewriter import html, mime, pictures
from services.rewriter.attachments import AttachmentReason, FileRules
from services.rewriter.follow import FollowReason
from services.rewriter.mail import Attachment
from services.rewriter.pictures import PictureReason, Pictures
from tests.rewriter.given import a_mail

PNG = b"\x89PNG\r\n\x1a\n....."
GIF = b"GIF89a"


def a_file(content_id: str | None, content: bytes = PNG, **more: object) -> dict[str, object]:
    encoded = base64.b64encode(content).decode()
    return {"name": "a.png", "content": encoded, "content_id": content_id, **more}


def decided(
    markup: str, *files: dict[str, object], rules: FileRules | None = None, **more: object
) -> Pictures:
    mail = a_mail(html=markup, attachments=files, **{"host_pictures": True, **more})
    return pictures.decide(mail, [html.scan(markup).pictures], rules or FileRules(), None)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF87a", "image/gif"),
        (GIF, "image/gif"),
        (b"RIFF\n\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\0\0\0\0WAVE", None),
        (b"<svg xmlns='http://www.w3.org/2000/svg'>", None),
        (b"<!DOCTYPE html>", None),
        (b"BM......", None),
        (b" GIF89a", None),
        (b"\x89PN", None),
        (b"", None),
    ],
)
def test_a_picture_is_told_by_its_first_bytes(content: bytes, found: str | None) -> None:
    assert pictures.media_type(a_mail(attachments=[a_file(None, content)]).attachments[0]) == found


def test_pictures_that_the_mail_shows_are_hosted_and_of_the_rest_it_is_said_why() -> None:
    files = [
        a_file("logo@demo"),
        a_file("a b/ü"),
        a_file("vector", b"<svg>", content_type="image/png"),
        a_file("unused"),
        a_file(None),
        a_file("large", GIF * 100),
        a_file("odd", name="odd.EXE"),
    ]
    files[1]["content_id"] = "<a+b/x>"
    markup = (
        "<img src='cid:logo@demo'><img src=CID:logo%40demo><td background=cid:a+b%2Fx><img src=cid:vector>"
        "<img src=cid:large><img src=cid:odd><img src=cid:unknown>"
    )
    found = decided(markup, *files, rules=FileRules(max_bytes=300, forbidden_types=(".exe",)))
    assert found.reasons == (
        None,
        None,
        PictureReason.NOT_A_PICTURE,
        PictureReason.NOT_SHOWN,
        PictureReason.NOT_SHOWN,
        AttachmentReason.FILE_TOO_LARGE,
        AttachmentReason.FILE_TYPE_FORBIDDEN,
    )
    assert found.hosted == (0, 1)
    assert [index for _, index in found.spots[0]] == [0, 0, 1]
    assert (found.shown, found.kept) == (frozenset({0, 1, 2, 5, 6}), frozenset())
    assert html.splice(markup, pictures.edits(found.spots[0], "https://t/i/{}".format)).startswith(
        "<img src='https://t/i/0'><img src=https://t/i/0><td background=https://t/i/1><img src=cid:vector>"
    )


@pytest.mark.parametrize(
    "beside",
    [
        "<td style='background:url(cid:logo@demo)'>",
        "<td style='background:url(&quot;CID:logo%40demo&quot;)'>",
        "<style>td{background:url( cid:logo@demo )}</style>",
        "<!--[if gte vml 1]><v:fill src='cid:logo@demo'/><![endif]-->",
        "<a href=cid:logo@demo>",
        "<td style='background:url(cid&#58;logo&#64;demo)'>",
    ],
)
def test_a_picture_that_no_edit_reaches_everywhere_stays_attached_as_well(beside: str) -> None:
    found = decided(f"<img src=cid:logo@demo>{beside}", a_file("logo@demo"))
    assert (found.hosted, found.kept) == ((0,), frozenset({0}))
    alone = decided(beside, a_file("logo@demo"))
    assert (alone.reasons, alone.shown) == ((PictureReason.NOT_SHOWN,), frozenset({0}))


def test_a_picture_that_programs_may_read_in_different_ways_stays_in_the_mail() -> None:
    coded = (base64.b64encode(PNG), b"iVBORw0KGgo=" + base64.b64encode(PNG))
    parts = b"".join(
        b"\r\n--b\r\nContent-Type: image/png\r\nContent-ID: <%d>\r\nContent-Transfer-Encoding: base64\r\n\r\n%s"
        % (number, one)
        for number, one in enumerate(coded)
    )
    raw = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + parts + b"\r\n--b--\r\n"
    markup = "<img src=cid:0><img src=cid:1>"
    files = tuple(
        Attachment(
            name="a",
            content_type="image/png",
            size=one.size,
            wanted=False,
            content_id=one.content_id,
            part=one,
        )
        for one in mime.read(raw).files
    )
    mail = replace(a_mail(html=markup, host_pictures=True), attachments=files)
    found = pictures.decide(mail, [html.scan(markup).pictures], FileRules(), None)
    assert found.reasons == (None, AttachmentReason.FILE_DAMAGED)
    assert [index for _, index in found.spots[0]] == [0]
    assert found.shown == frozenset({0, 1})


def test_without_the_wish_nothing_is_hosted_but_it_is_known_what_is_shown() -> None:
    found = decided("<img src=cid:logo@demo>", a_file("logo@demo"), host_pictures=False)
    assert found == Pictures(shown=frozenset({0}))


def test_what_speaks_against_the_mail_speaks_against_its_pictures() -> None:
    mail = a_mail(html="<img src=cid:a>", attachments=[a_file("a")], host_pictures=True)
    spots = [html.scan("<img src=cid:a>").pictures]
    found = pictures.decide(mail, spots, FileRules(), FollowReason.SIGNED)
    assert (found.reasons, found.hosted, found.spots) == ((FollowReason.SIGNED,), (), ())
    assert all(reason.detail.endswith(".") for reason in PictureReason)
