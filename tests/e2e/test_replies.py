"""Mail that comes back, from the door that takes it to the figures that the seller sees."""

from email.message import EmailMessage
from typing import Any

from tests.support import mails
from tests.support.doors import Answer, Doors, Mailed, eventually

LI = mails.recipient(17)["address"]


def _answering(mailed: Mailed, name: str, author: str = LI, **more: str) -> bytes:
    mail = EmailMessage()
    shown = mailed.answer["renditions"][0]["headers"]
    fields = {
        "From": author,
        "To": "ana@demo.example",
        "Subject": "Re: Your offer",
        "Message-ID": f"<{name}@customer.example>",
        "In-Reply-To": shown["Message-ID"],
        **{field.replace("_", "-"): value for field, value in more.items()},
    }
    for field, value in fields.items():
        mail[field] = value
    mail.set_content("I am away and will be back on 1 February.")
    return mail.as_bytes()


async def _hand_in(doors: Doors, raw: bytes) -> Any:
    answer: Answer = await doors.call(
        "rewriter",
        "/v1/replies",
        method="POST",
        role="sender",
        data=raw,
        headers={"Content-Type": "message/rfc822"},
    )
    assert answer.status == 200, answer
    return answer.json


async def _replies(doors: Doors, mailed: Mailed) -> Any:
    answer = await doors.call("projector", f"/v1/messages/{mailed.message_id}")
    return answer.json["replies"] if answer.status == 200 else {"count": 0}


async def test_replies_count_once_and_the_senders_own_not_at_all(doors: Doors) -> None:
    mailed = await doors.mail(mails.mail(template={"id": "intro", "name": "Intro"}))
    own = await _hand_in(doors, _answering(mailed, "own", "Ana <ana@demo.example>"))
    away = await _hand_in(doors, _answering(mailed, "away", Auto_Submitted="auto-replied"))
    reply = await _hand_in(doors, _answering(mailed, "reply"))
    assert await _hand_in(doors, _answering(mailed, "reply")) == reply
    assert {one["message_id"] for one in (own, away, reply)} == {mailed.message_id}
    assert (own["outcome"], away["outcome"], reply["outcome"]) == ("reply", "automatic", "reply")
    last = await _hand_in(doors, _answering(mailed, "last", "boss@customer.example"))
    assert last["outcome"] == "reply"

    found = await eventually(lambda: _replies(doors, mailed), lambda told: told["count"] >= 3)
    assert (found["count"], found["human"]["count"]) == (3, 2)
    path = f"/v1/messages/{mailed.message_id}"
    message = await doors.get("projector", path)
    assert message["status"]["code"] == "replied"
    (person,) = (await doors.get("projector", f"{path}/recipients"))["data"]
    assert (person["replies"]["count"], person["replies"]["human"]["count"]) == (2, 1)
    template = await doors.get("projector", "/v1/templates/intro")
    assert template["reply_rate"] == {"value": 1.0, "numerator": 1, "denominator": 1}


async def test_a_reply_to_a_mail_nobody_knows_waits_until_it_is_known(doors: Doors) -> None:
    headers = {"Message-ID": f"<early-{doors.tenant}@demo.example>"}
    later = Mailed("", {"renditions": [{"headers": headers}]}, "", ())
    early = await _hand_in(doors, _answering(later, "early"))
    assert (early["outcome"], early["matched_by"]) == ("reply", "in_reply_to")
    assert (await doors.call("projector", f"/v1/messages/{early['message_id']}")).status == 404

    mailed = await doors.mail(mails.mail(headers=headers))
    assert mailed.message_id == early["message_id"]
    found = await eventually(lambda: _replies(doors, mailed), lambda told: told["count"] > 0)
    assert found["human"]["count"] == 1


async def test_a_bounce_and_a_reply_address(doors: Doors) -> None:
    domain = {"reply_domain": "reply.demo.example"}
    answer = await doors.call("rewriter", "/v1/tenant", method="PUT", role="admin", json=domain)
    assert answer.status == 200, answer
    mailed = await doors.mail(mails.mail())
    address = mailed.answer["renditions"][0]["headers"]["Reply-To"].partition("<")[2].rstrip(">")
    report = (
        f"From: MAILER-DAEMON@mx.example\r\nTo: {address.upper()}\r\nMessage-ID: <b@mx.example>\r\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n"
        "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n"
        "Final-Recipient: rfc822; x@elsewhere.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b--\r\n"
    )
    told = await _hand_in(doors, report.encode())
    assert (told["outcome"], told["permanent"], told["matched_by"]) == (
        "bounce",
        True,
        "address_token",
    )
    assert told["ref"] == mailed.answer["recipients"][0]["ref"]
    message = await eventually(
        lambda: doors.call("projector", f"/v1/messages/{mailed.message_id}"),
        lambda found: found.status == 200 and found.json["status"]["code"] == "bounced",
    )
    assert message.json["replies"]["count"] == 0
