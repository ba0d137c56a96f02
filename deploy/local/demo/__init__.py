"""The demonstration: real mails go in, their recipients are played, and every figure is read back.

Read: mails, recipients, stream, tables; the mails themselves lie in `mails/`.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import aiohttp

from deploy.local.demo import recipients, tables
from deploy.local.demo.mails import NAMES, REFUSING_ADDRESS, load
from deploy.local.demo.recipients import Copy
from deploy.local.demo.stream import Heard, listen
from deploy.local.stack import Stack

_SECONDS = 20.0
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Desk:
    """The seller's and the mail system's way to the doors."""

    session: aiohttp.ClientSession
    stack: Stack

    async def ask(self, service: str, path: str, **call: Any) -> Any:
        """Call a door as the seller, or as `role`; raises with the problem's words when refused."""
        role = call.pop("role", "seller")
        headers = {"Authorization": f"Bearer {self.stack.token(roles=[role])}"}
        request = self.session.request(
            call.pop("method", "GET"), self.stack.url(service) + path, headers=headers, **call
        )
        async with request as answer:
            body = json.loads(await answer.read())
            if answer.status >= 400:
                raise RuntimeError(f"{service}{path}: {answer.status}: {body.get('detail')}")
            return body


async def play(stack: Stack) -> None:
    """Play the whole story on a running stack; raises what a door refused."""
    timeout = aiohttp.ClientTimeout(total=_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        desk = Desk(session, stack)
        earlier = await desk.ask("projector", "/v1/messages?followed=all&limit=500")
        if earlier["data"]:
            print(f"{len(earlier['data'])} mails of earlier runs are still there.")
        before = {row["id"]: row for row in earlier["data"]}
        copies = await _hand_in(desk)
        sent = set(copies)
        await _until(desk, lambda rows: sent <= rows.keys())
        took = await _recipients_read(desk, copies)
        await _until(desk, lambda rows: _settled(rows, copies))
        await _show(desk, took, len(before))


async def _hand_in(desk: Desk) -> dict[str, tuple[str, Copy | None]]:
    """Hand every mail in; by message id, its name and the first recipient's copy if it is followed."""
    await desk.ask(
        "rewriter",
        f"/v1/preferences/{quote(REFUSING_ADDRESS)}",
        method="PUT",
        json={"follow": "do_not_allow"},
    )
    copies: dict[str, tuple[str, Copy | None]] = {}
    print("Ana's mails go in through the rewriter (deploy/local/demo/mails/):")
    for mail in map(load, NAMES):
        answer = await desk.ask(
            "rewriter", "/v1/mail", method="POST", json=mail.body, role="sender"
        )
        print(f"  {mail.body['subject']:<24} {_handed_in(answer)}")
        followed = [each for each in answer["renditions"] if each["followed"]]
        copy = Copy.of(followed[0]["html"], desk.stack.url("tracker")) if followed else None
        copies[answer["message_id"]] = (mail.name, copy)
    return copies


def _handed_in(answer: Mapping[str, Any]) -> str:
    if not answer["followed"]:
        return f"not followed: {answer['reason']['code']}"
    links = sum(link["followed"] for link in answer["links"])
    copies = len(answer["renditions"])
    many = f"{copies} copies" if copies > 1 else "one copy"
    return f"followed, {links} of {len(answer['links'])} links, {many}"


async def _recipients_read(desk: Desk, copies: Mapping[str, tuple[str, Copy | None]]) -> float:
    """Play the recipients; the milliseconds from the first open to its alert on the stream."""
    by_name = {name: copy for name, copy in copies.values() if copy is not None}
    messages = {name: message for message, (name, _) in copies.items()}
    token = desk.stack.token(roles=["seller"])
    heard = listen(desk.session, desk.stack.url("alerts") + "/v1/alerts/stream", token)
    await anext(heard)
    opened_at = time.monotonic()
    await by_name["offer"].open(desk.session, recipients.GMAIL)
    async with asyncio.timeout(_SECONDS):
        alert = await _first_open(heard, messages["offer"])
    await heard.aclose()
    print("\nThe alert as it arrived on the live stream:")
    print(f"  {json.dumps(alert.alert, ensure_ascii=False)}")
    await _the_others(desk.session, by_name)
    return (alert.at - opened_at) * 1000


async def _first_open(heard: AsyncIterator[Heard | None], message: str) -> Heard:
    async for each in heard:
        if each is not None and each.alert["message_id"] == message:
            return each
    raise RuntimeError("the stream ended")


async def _the_others(session: aiohttp.ClientSession, by_name: Mapping[str, Copy]) -> None:
    await by_name["offer"].open(session, recipients.THUNDERBIRD)
    led = await by_name["offer"].click(session, 0, recipients.FIREFOX)
    print(f"\nLi follows the first link and arrives at\n  {led}")
    await by_name["newsletter-1"].open(session, recipients.YAHOO)
    await by_name["newsletter-1"].click(session, 1, recipients.FIREFOX)
    await by_name["newsletter-2"].open(session, recipients.APPLE_PRIVACY)
    for number in range(3):
        await by_name["newsletter-3"].click(session, number, recipients.SCANNER, "HEAD")
    await by_name["minutes"].open(session, recipients.THUNDERBIRD)


async def _until(desk: Desk, holds: Callable[[Mapping[str, Any]], bool]) -> None:
    """Ask for the seller's mails until they are as expected."""
    async with asyncio.timeout(_SECONDS):
        while True:
            found = await desk.ask("projector", "/v1/messages?followed=all&limit=500")
            if holds({row["id"]: row for row in found["data"]}):
                return
            await asyncio.sleep(0.02)


# What the recipients above do: opens and clicks by mail. Only to know when to stop waiting.
_DONE = {
    "offer": (2, 1),
    "newsletter-1": (1, 1),
    "newsletter-2": (1, 0),
    "newsletter-3": (0, 3),
    "minutes": (1, 0),
}


def _settled(rows: Mapping[str, Any], copies: Mapping[str, tuple[str, Copy | None]]) -> bool:
    for message, (name, _) in copies.items():
        opens, clicks = _DONE.get(name, (0, 0))
        row = rows[message]
        if row["opens"]["count"] < opens or row["clicks"]["count"] < clicks:
            return False
    return True


async def _show(desk: Desk, took: float, earlier: int) -> None:
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
    print(f"\nFrom the pixel's request to the alert on the live stream: {took:.0f} ms\n")
