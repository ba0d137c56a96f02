"""The demonstration: real mails go in, their recipients are played, and every figure is read back.

Read: mails, recipients, stream, receiver, tables; the mails themselves lie in `mails/`.
"""

from __future__ import annotations

import asyncio
import email
import email.policy
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import aiohttp

from deploy.local.demo import recipients, tables
from deploy.local.demo.mails import (
    ANSWERS,
    NAMES,
    RAW_NAME,
    REFUSING_ADDRESS,
    answer,
    left_as_they_were,
    load,
    load_raw,
)
from deploy.local.demo.receiver import Received, Receiver, listening
from deploy.local.demo.recipients import Copy
from deploy.local.demo.stream import Heard, listen
from deploy.local.stack import Stack

_SECONDS = 20.0
_SHOWN = 20
_Rows = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Desk:
    """The seller's and the mail system's way to the doors."""

    session: aiohttp.ClientSession
    stack: Stack

    async def ask(self, service: str, path: str, **call: Any) -> Any:
        """Call a door as the seller, or as `role`; raises with the problem's words when refused."""
        body, _ = await self.fetch(service, path, **call)
        return json.loads(body or b"null")

    async def fetch(self, service: str, path: str, **call: Any) -> tuple[bytes, Mapping[str, str]]:
        """Do the same, and give the answer's bytes and headers."""
        role = call.pop("role", "seller")
        bearer = {"Authorization": f"Bearer {self.stack.token(roles=[role])}"}
        headers = bearer | call.pop("headers", {})
        request = self.session.request(
            call.pop("method", "GET"), self.stack.url(service) + path, headers=headers, **call
        )
        async with request as answered:
            body = await answered.read()
            if answered.status >= 400:
                detail = json.loads(body or b"{}").get("detail")
                raise RuntimeError(f"{service}{path}: {answered.status}: {detail}")
            return body, answered.headers


@dataclass(frozen=True, slots=True)
class Sent:
    """A mail that went through the rewriter, and its first followed copy."""

    name: str
    message: str
    header: str
    copy: Copy | None


async def play(stack: Stack) -> None:
    """Play the whole story on a running stack; raises what a door refused."""
    timeout = aiohttp.ClientTimeout(total=_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as session, listening() as receiver:
        desk = Desk(session, stack)
        earlier = await desk.ask("projector", "/v1/messages?followed=all&limit=500")
        if earlier["data"]:
            print(f"{len(earlier['data'])} mails of earlier runs are still there.")
        endpoint = await _receive_webhooks(desk, receiver)
        sent = await _hand_in(desk)
        await _until(desk, lambda rows: {each.message for each in sent} <= rows.keys())
        took = await _offer_is_opened(desk, sent, receiver)
        await _others_read(desk, sent)
        await _answers_come(desk, sent)
        await _until(desk, lambda rows: _settled(rows, sent))
        await desk.ask("alerts", f"/v1/webhooks/{endpoint}", method="DELETE", role="admin")
        await _show(desk, took, len(earlier["data"]))


async def _receive_webhooks(desk: Desk, receiver: Receiver) -> str:
    """Have webhooks sent to the receiver; returns the endpoint's id."""
    draft = {"url": receiver.url, "types": ["message.first_opened"], "names": True}
    made = await desk.ask("alerts", "/v1/webhooks", method="POST", role="admin", json=draft)
    receiver.secret = made["secret"]
    return str(made["id"])


async def _hand_in(desk: Desk) -> list[Sent]:
    await desk.ask(
        "rewriter",
        f"/v1/preferences/{quote(REFUSING_ADDRESS)}",
        method="PUT",
        json={"follow": "do_not_allow"},
    )
    sent = []
    print("Ana's mails go in through the rewriter (deploy/local/demo/mails/):")
    for mail in map(load, NAMES):
        given = await desk.ask("rewriter", "/v1/mail", method="POST", json=mail.body, role="sender")
        print(f"  {mail.body['subject']:<24} {_handed_in(given)}")
        followed = [each for each in given["renditions"] if each["followed"]]
        copy = Copy.of(followed[0]["html"], desk.stack.url("tracker")) if followed else None
        header = given["renditions"][0]["headers"]["Message-ID"]
        sent.append(Sent(mail.name, given["message_id"], header, copy))
    return [*sent, await _hand_in_raw(desk)]


async def _hand_in_raw(desk: Desk) -> Sent:
    """Hand a mail in as it is, and take it back as it is to be sent."""
    raw = load_raw(RAW_NAME)
    form = {"Content-Type": "message/rfc822", "Accept": "message/rfc822"}
    call = {"method": "POST", "role": "sender", "data": raw, "headers": form}
    given, told = await desk.fetch("rewriter", "/v1/mail", **call)
    mail = email.message_from_bytes(given, policy=email.policy.default)
    kept, lines = left_as_they_were(raw, given)
    print(
        f"  {mail['Subject']:<24} followed, MIME in and out: {kept} of {lines} lines as they were"
    )
    copy = Copy.of_mail(mail, desk.stack.url("tracker"))
    return Sent(RAW_NAME, told["Inkling-Message-Id"], mail["Message-ID"], copy)


def _handed_in(given: Mapping[str, Any]) -> str:
    if not given["followed"]:
        return f"not followed: {given['reason']['code']}"
    parts = [_so_many_followed(given["links"], "links")]
    if given["attachments"]:
        parts.append(_so_many_followed(given["attachments"], "files"))
    copies = len(given["renditions"])
    parts.append(f"{copies} copies" if copies > 1 else "one copy")
    return f"followed, {', '.join(parts)}"


def _so_many_followed(parts: Sequence[Mapping[str, Any]], named: str) -> str:
    return f"{sum(part['followed'] for part in parts)} of {len(parts)} {named}"


def _copies(sent: Sequence[Sent]) -> dict[str, Copy]:
    return {each.name: each.copy for each in sent if each.copy is not None}


async def _offer_is_opened(
    desk: Desk, sent: Sequence[Sent], receiver: Receiver
) -> tuple[float, float]:
    """Play the first open; the milliseconds to its alert on the stream and to its webhook."""
    message = next(each.message for each in sent if each.name == "offer")
    token = desk.stack.token(roles=["seller"])
    heard = listen(desk.session, desk.stack.url("alerts") + "/v1/alerts/stream", token)
    await anext(heard)
    opened_at = time.monotonic()
    await _copies(sent)["offer"].open(desk.session, recipients.GMAIL)
    async with asyncio.timeout(_SECONDS):
        alert = await _first_open(heard, message)
        webhook = await _webhook(receiver, message)
    await heard.aclose()
    print("\nThe alert as it arrived on the live stream:")
    print(f"  {json.dumps(alert.alert, ensure_ascii=False)}")
    print(f"The webhook {webhook.id}, its signature verified:")
    print(f"  {json.dumps(webhook.body, ensure_ascii=False)}")
    return (alert.at - opened_at) * 1000, (webhook.at - opened_at) * 1000


async def _first_open(heard: AsyncIterator[Heard | None], message: str) -> Heard:
    async for each in heard:
        if each is not None and each.alert["message_id"] == message:
            return each
    raise RuntimeError("the stream ended")


async def _webhook(receiver: Receiver, message: str) -> Received:
    while (received := await receiver.next()).body["data"]["message_id"] != message:
        pass
    return received


async def _others_read(desk: Desk, sent: Sequence[Sent]) -> None:
    session, copies = desk.session, _copies(sent)
    await copies["offer"].open(session, recipients.THUNDERBIRD)
    led = await copies["offer"].click(session, 0, recipients.FIREFOX)
    print(f"\nLi follows the first link and arrives at\n  {led}")
    for named in await copies["offer"].download(session, recipients.FIREFOX):
        print(f"and downloads, in two ranges,\n  {named}")
    await copies["newsletter-1"].open(session, recipients.YAHOO)
    await copies["newsletter-1"].click(session, 1, recipients.FIREFOX)
    await copies["newsletter-2"].open(session, recipients.APPLE_PRIVACY)
    for number in range(3):
        await copies["newsletter-3"].click(session, number, recipients.SCANNER, "HEAD")
    await copies["minutes"].open(session, recipients.THUNDERBIRD)
    await copies[RAW_NAME].open(session, recipients.THUNDERBIRD)
    await copies[RAW_NAME].click(session, 0, recipients.FIREFOX)
    await copies[RAW_NAME].download(session, recipients.FIREFOX)


async def _answers_come(desk: Desk, sent: Sequence[Sent]) -> None:
    print("\nTwo mails come back:")
    for each in sent:
        if file := ANSWERS.get(each.name):
            judged = await desk.ask(
                "rewriter",
                "/v1/replies",
                method="POST",
                role="sender",
                data=answer(file, each.header, secrets.token_hex(8)),
                headers={"Content-Type": "message/rfc822"},
            )
            until = f", back on {judged['returns_at'][:10]}" if judged["returns_at"] else ""
            print(f"  {file:<10} {judged['outcome']} ({judged['rule']}){until}")


async def _until(desk: Desk, holds: Callable[[_Rows], bool]) -> None:
    """Ask for the seller's mails until they are as expected."""
    async with asyncio.timeout(_SECONDS):
        while True:
            found = await desk.ask("projector", "/v1/messages?followed=all&limit=500")
            if holds({row["id"]: row for row in found["data"]}):
                return
            await asyncio.sleep(0.02)


# What the recipients above do: opens, clicks, files viewed, replies. Only to know when to stop waiting.
_DONE = {
    "offer": (2, 1, 1, 0),
    "newsletter-1": (1, 1, 0, 1),
    "newsletter-2": (1, 0, 0, 1),
    "newsletter-3": (0, 3, 0, 0),
    "minutes": (1, 0, 0, 0),
    RAW_NAME: (1, 1, 1, 0),
}


def _settled(rows: _Rows, sent: Sequence[Sent]) -> bool:
    columns = ("opens", "clicks", "attachment_views", "replies")
    return all(
        rows[each.message][column]["count"] >= done
        for each in sent
        for column, done in zip(columns, _DONE.get(each.name, (0, 0, 0, 0)), strict=True)
    )


async def _show(desk: Desk, took: tuple[float, float], earlier: int) -> None:
    followed = await desk.ask("projector", f"/v1/messages?limit={_SHOWN}")
    every = await desk.ask("projector", f"/v1/messages?followed=all&limit={_SHOWN}")
    templates = await desk.ask("projector", "/v1/templates")
    newest = ", the newest" if earlier else ""
    print(f"\nFollowed emails{newest}; of each count, people's in brackets:\n")
    print(tables.messages(followed["data"]))
    print("\nTemplates:\n")
    print(tables.templates(templates["data"]))
    print("\nWhat was not followed, and why:\n")
    print(tables.refusals(every["data"]))
    stream, webhook = took
    print(f"\nFrom the pixel's request to the alert on the live stream: {stream:.0f} ms,")
    print(f"to the webhook: {webhook:.0f} ms\n")
