"""Answers come back through the rewriter's door and count as what they are."""

from typing import Any
from uuid import uuid4

import pytest

from tests.support import mails
from tests.support.doors import Answer, Doors, Mailed, eventually

RFC822 = {"Content-Type": "message/rfc822"}


def _reply(to: str, sender: str = "p17@customer.example", **headers: str) -> bytes:
    lines = {
        "From": f"Somebody <{sender}>",
        "To": "Ana <ana@demo.example>",
        "Subject": "Re: Your offer",
        "Message-ID": f"<{uuid4().hex}@customer.example>",
        "In-Reply-To": to,
        **headers,
    }
    return (
        "".join(f"{name}: {value}\r\n" for name, value in lines.items()).encode() + b"\r\nYes.\r\n"
    )


async def _give(doors: Doors, raw: bytes) -> Answer:
    return await doors.call(
        "rewriter", "/v1/replies", method="POST", role="sender", data=raw, headers=RFC822
    )


async def _known(doors: Doors, mailed: Mailed) -> Any:
    path = f"/v1/messages/{mailed.message_id}"
    found = await eventually(
        lambda: doors.call("projector", path), lambda answer: answer.status == 200
    )
    return found.json


async def test_a_reply_given_twice_counts_once_and_moves_the_columns(doors: Doors) -> None:
    mailed = await doors.mail(mails.mail(template={"id": "intro"}))
    await _known(doors, mailed)
    header = mailed.answer["renditions"][0]["headers"]["Message-ID"]
    raw = _reply(header)
    first, second = await _give(doors, raw), await _give(doors, raw)
    assert first.json == second.json
    assert (first.json["outcome"], first.json["message_id"]) == ("reply", mailed.message_id)
    away = await _give(doors, _reply(header, **{"Auto-Submitted": "auto-replied"}))
    assert away.json["outcome"] == "automatic"
    path = f"/v1/messages/{mailed.message_id}"
    found = await eventually(
        lambda: doors.get("projector", path), lambda seen: seen["replies"]["count"] == 2
    )
    assert found["replies"]["human"]["count"] == 1
    assert found["status"]["code"] == "replied"
    template = await doors.get("projector", "/v1/templates/intro")
    assert template["reply_rate"] == {"value": 1.0, "numerator": 1, "denominator": 1}


async def test_the_senders_own_answer_is_not_counted(doors: Doors) -> None:
    mailed = await doors.mail(mails.mail())
    await _known(doors, mailed)
    header = mailed.answer["renditions"][0]["headers"]["Message-ID"]
    await _give(doors, _reply(header, sender="ana@demo.example"))
    await _give(doors, _reply(header))
    path = f"/v1/messages/{mailed.message_id}"
    found = await eventually(
        lambda: doors.get("projector", path), lambda seen: seen["replies"]["count"] > 0
    )
    assert found["replies"]["count"] == 1


async def test_a_callers_own_message_id_finds_its_message_from_the_references(doors: Doors) -> None:
    own = f"<{uuid4().hex}@demo.example>"
    mailed = await doors.mail(mails.mail(headers={"Message-ID": own}))
    raw = _reply("<unknown@elsewhere.example>", References=f"{own} <unknown@elsewhere.example>")
    judged = (await _give(doors, raw)).json
    assert judged["outcome"] == "reply"
    await _known(doors, mailed)


@pytest.mark.parametrize(
    "raw", [b"", b"\0\xff" * 50, b"no mail at all", b"Subject: hi\r\n\r\nhello"]
)
async def test_garbage_gets_a_reason(doors: Doors, raw: bytes) -> None:
    answer = await _give(doors, raw)
    assert answer.status < 500, answer
    if answer.status < 300:
        assert answer.json["outcome"] in ("unmatched", "ignored")
        assert answer.json["reason"] is not None
    else:
        assert answer.json["detail"]


async def test_another_tenants_mail_is_not_answered(doors: Doors, strangers: Doors) -> None:
    mailed = await doors.mail(mails.mail())
    await _known(doors, mailed)
    header = mailed.answer["renditions"][0]["headers"]["Message-ID"]
    judged = (await _give(strangers, _reply(header))).json
    assert judged["message_id"] != mailed.message_id
    await _give(doors, _reply(header))
    path = f"/v1/messages/{mailed.message_id}"
    found = await eventually(
        lambda: doors.get("projector", path), lambda seen: seen["replies"]["count"] > 0
    )
    assert found["replies"]["count"] == 1
