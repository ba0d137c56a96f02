"""A tenant's busy day through the public doors: mail, hits, files, replies, reads, a live stream and a webhook."""

import asyncio
import base64
from collections.abc import Sequence
from email.message import EmailMessage
from itertools import count
from typing import Final
from uuid import uuid4

import aiohttp

from deploy.local.demo.receiver import Receiver, listening
from deploy.local.stack import Stack
from tests.faults.load import Load
from tests.support import mails
from tests.support.doors import Doors, Mailed

_MAILS: Final = 4
_HITS: Final = 150
# Apple's privacy proxy, and a scanner that follows a link.
_MACHINES: Final = ("Mozilla/5.0", "python-requests/2.32.0")
_FILE: Final = {
    "name": "offer.pdf",
    "content_type": "application/pdf",
    "content": base64.b64encode(b"%PDF-1.4 " * 2000).decode(),
    "followed": True,
}


async def live(stack: Stack, session: aiohttp.ClientSession) -> None:
    """Go on for ever; whatever a door refuses raises."""
    doors = Doors(stack, session, f"t-{uuid4().hex[:10]}")
    async with listening() as receiver, asyncio.TaskGroup() as group:
        await _subscribe(doors, receiver)
        group.create_task(_listen(doors))
        group.create_task(_take(receiver))
        for turn in count():
            await _hour(doors, turn)


async def _hour(doors: Doors, turn: int) -> None:
    sent = [await _mail(doors, turn * _MAILS + number) for number in range(_MAILS)]
    await Load(sent, _HITS, {}, turn).run()
    for mailed in sent:
        for link in mailed.links:
            if "/a/" in link:
                await doors.hit(link)
        for machine in _MACHINES:
            await doors.hit(mailed.pixel, machine)
            await doors.hit(mailed.links[0], machine)
    await _answer(doors, sent[0], turn)
    await _configure(doors, turn)
    await _look(doors, sent)


async def _mail(doors: Doors, number: int) -> Mailed:
    files = [_FILE] if number % 2 else []
    template = {"id": "intro", "name": "Intro"}
    to = [mails.recipient(number)]
    return await doors.mail(mails.mail(to=to, template=template, attachments=files))


async def _answer(doors: Doors, mailed: Mailed, turn: int) -> None:
    shown = mailed.answer["renditions"][0]
    mail = EmailMessage()
    mail["From"] = shown["to"][0]
    mail["To"] = "ana@demo.example"
    mail["Subject"] = "Re: Your offer"
    mail["Message-ID"] = f"<{turn}-{doors.tenant}@customer.example>"
    mail["In-Reply-To"] = shown["headers"]["Message-ID"]
    if turn % 2:
        mail["Auto-Submitted"] = "auto-replied"
    mail.set_content("Thank you.")
    headers = {"Content-Type": "message/rfc822"}
    answer = await doors.call(
        "rewriter",
        "/v1/replies",
        method="POST",
        role="sender",
        data=mail.as_bytes(),
        headers=headers,
    )
    assert answer.status == 200, answer


async def _configure(doors: Doors, turn: int) -> None:
    answer = await doors.call(
        "rewriter",
        f"/v1/preferences/nobody-{turn}@customer.example",
        method="PUT",
        json={"follow": "do_not_allow"},
    )
    assert answer.status in (200, 201), answer


async def _look(doors: Doors, sent: Sequence[Mailed]) -> None:
    await doors.get("projector", "/v1/messages")
    await doors.get("projector", "/v1/templates")
    await doors.get("alerts", "/v1/alerts")
    await doors.call("projector", f"/v1/messages/{sent[0].message_id}/timeline")


async def _subscribe(doors: Doors, receiver: Receiver) -> None:
    made = await doors.call(
        "alerts", "/v1/webhooks", method="POST", role="admin", json={"url": receiver.url}
    )
    assert made.status == 201, made
    receiver.secret = made.json["secret"]


async def _listen(doors: Doors) -> None:
    async with doors.stream() as stream:
        while True:
            await stream.next()


async def _take(receiver: Receiver) -> None:
    while True:
        await receiver.next()
