"""Followed files through public doors: offered, downloaded, counted once, withdrawn."""

import base64
import re
from typing import Any
from uuid import UUID

from tests.support import mails
from tests.support.doors import PERSON, Doors, eventually

OFFER = b"%PDF-1.4 " + bytes(range(256)) * 40
FILES: list[dict[str, Any]] = [
    {
        "name": 'Angebot "50 %" \u202e\u65e5\u672c.pdf',
        "content_type": "application/pdf",
        "content": base64.b64encode(OFFER).decode(),
        "followed": True,
    },
    {
        "name": "terms.txt",
        "content_type": "text/plain",
        "content": base64.b64encode(b"terms").decode(),
    },
]


async def _sent(doors: Doors) -> tuple[str, str, Any]:
    """Hand in a mail with both files; its id, the address of the followed one, and the answer."""
    mailed = await doors.mail(mails.mail(attachments=FILES))
    (address,) = [link for link in mailed.links if "/a/" in link]
    return mailed.message_id, address, mailed.answer


async def test_one_file_is_followed_the_other_attached_and_its_readers_are_known(
    doors: Doors,
) -> None:
    message, address, answer = await _sent(doors)
    assert [(each["name"], each["followed"]) for each in answer["attachments"]] == [
        (FILES[0]["name"], True),
        ("terms.txt", False),
    ]
    (copy,) = answer["renditions"]
    assert [each["name"] for each in copy["attachments"]] == ["terms.txt"]
    assert re.search(re.escape(address), copy["text"]), "the text part offers it too"

    whole = await doors.hit(address)
    assert (whole.status, whole.body, whole.headers["Inkling-Recorded"]) == (200, OFFER, "yes")
    assert whole.headers["Content-Disposition"].startswith("attachment;")
    assert "sandbox" in whole.headers["Content-Security-Policy"]
    for begin in range(0, len(OFFER), 3000):
        headers = {"User-Agent": PERSON, "Range": f"bytes={begin}-{begin + 2999}"}
        async with doors.session.get(address, headers=headers) as part:
            assert (part.status, await part.read()) == (206, OFFER[begin : begin + 3000])

    path = f"/v1/messages/{message}"
    found = await eventually(
        lambda: doors.call("projector", path),
        lambda seen: seen.status == 200 and seen.json["attachment_views"]["count"] > 0,
    )
    assert found.json["status"]["code"] == "viewed"
    files = (await doors.get("projector", f"{path}/attachments"))["data"]
    assert [(each["index"], each["attachment_views"]["human"]["count"]) for each in files] == [
        (0, 1),
        (1, 0),
    ]
    people = (await doors.get("projector", f"{path}/recipients"))["data"]
    assert [each["attachment_views"]["count"] for each in people] == [1]


async def test_a_withdrawn_file_is_gone_for_everybody(doors: Doors) -> None:
    message, address, _ = await _sent(doors)
    assert (await doors.hit(address)).status == 200
    stranger = Doors(doors.stack, doors.session, doors.tenant, subject="eve")
    path = f"/v1/mail/{message}/attachments/0"
    refused = await stranger.call("rewriter", path, method="DELETE")
    assert refused.status == 404
    assert (await doors.hit(address)).status == 200
    withdrawn = await doors.call("rewriter", path, method="DELETE")
    assert withdrawn.status in (200, 204), withdrawn
    await eventually(lambda: doors.hit(address), lambda answer: answer.status == 410)
    unknown = f"/v1/mail/{UUID(int=1)}/attachments/0"
    assert (await doors.call("rewriter", unknown, method="DELETE")).status == 404


async def test_a_file_that_the_tenant_forbids_is_refused_by_name(doors: Doors) -> None:
    tenant = await doors.get("rewriter", "/v1/tenant", role="admin")
    changed = {name: value for name, value in tenant.items() if name not in ("since", "by")}
    changed |= {"forbidden_file_types": [".pdf"], "max_file_bytes": 100_000}
    put = await doors.call("rewriter", "/v1/tenant", method="PUT", role="admin", json=changed)
    assert put.status == 200, put
    large = {
        "name": "film.mp4",
        "content": base64.b64encode(b"\0" * 100_001).decode(),
        "followed": True,
    }
    mailed = await doors.mail(mails.mail(attachments=[FILES[0], large]))
    assert [(each["name"], each["reason"]["code"]) for each in mailed.answer["attachments"]] == [
        (FILES[0]["name"], "file_type_forbidden"),
        ("film.mp4", "file_too_large"),
    ]
    (copy,) = mailed.answer["renditions"]
    assert len(copy["attachments"]) == 2


async def test_a_picture_of_the_mail_can_be_hosted_and_is_no_open(doors: Doors) -> None:
    pixel = base64.b64encode(bytes.fromhex("89504e470d0a1a0a") + b"\0" * 60).decode()
    picture = {
        "name": "logo.png",
        "content_type": "image/png",
        "content": pixel,
        "content_id": "logo@x",
    }
    html = mails.HTML.replace("<p>", '<img src="cid:logo@x" alt="Logo"><p>')
    mailed = await doors.mail(mails.mail(html=html, attachments=[picture], host_pictures=True))
    (copy,) = mailed.answer["renditions"]
    (address,) = re.findall(r'src="([^"]*/i/[^"]*)"', copy["html"])
    shown = await doors.hit(address)
    assert (shown.status, shown.headers["Content-Type"]) == (200, "image/png")
    assert shown.headers["Inkling-Recorded"] == "no"
    await doors.hit(mailed.links[0])
    path = f"/v1/messages/{mailed.message_id}"
    found = await eventually(
        lambda: doors.call("projector", path),
        lambda seen: seen.status == 200 and seen.json["clicks"]["count"] == 1,
    )
    assert found.json["opens"]["count"] == 0
