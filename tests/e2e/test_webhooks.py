"""Webhooks through public doors alone: from a reader's open and click to a receiver that verifies what came."""

from typing import Any

from standardwebhooks import Webhook

from tests.support import mails
from tests.support.doors import Doors, eventually
from tests.support.receiver import Receiver, receiving

HOOKS = "/v1/webhooks"


async def _hook(doors: Doors, receiver: Receiver, path: str, **fields: Any) -> Any:
    body = {"url": receiver.url(path), **fields}
    answer = await doors.call("alerts", HOOKS, method="POST", role="manager", json=body)
    assert answer.status == 201, answer
    return answer.json


async def test_an_open_and_a_click_arrive_signed_at_who_asked_for_them(
    doors: Doors, strangers: Doors
) -> None:
    async with receiving() as receiver:
        every = await _hook(doors, receiver, "ok/every", names=True)
        clicks = await _hook(doors, receiver, "ok/clicks", types=["message.first_clicked"])
        await _hook(strangers, receiver, "ok/strangers")
        mailed = await doors.mail(mails.mail(to=[mails.recipient(1)]))
        await doors.hit(mailed.pixel)
        await doors.hit(mailed.links[0])

        async def seen() -> list[int]:
            return [len(receiver.at(f"ok/{name}")) for name in ("every", "clicks", "strangers")]

        await eventually(seen, lambda counts: counts == [2, 1, 0])
        said = {}
        for hook, name in ((every, "every"), (clicks, "clicks")):
            for call in receiver.at(f"ok/{name}"):
                verified = Webhook(hook["secret"]).verify(call.body, dict(call.headers))
                said[name, verified["type"]] = verified["data"]
        opened, clicked = (said["every", f"message.first_{what}"] for what in ("opened", "clicked"))
        assert opened["message_id"] == clicked["message_id"] == mailed.message_id
        assert opened["subject"]
        assert opened["recipient"]["address"]
        assert said["clicks", "message.first_clicked"]["link_index"] == 0
        assert "address" not in said["clicks", "message.first_clicked"]["recipient"]

        async def log() -> list[Any]:
            return await doors.all("alerts", f"{HOOKS}/{every['id']}/deliveries", "manager")

        rows = await eventually(log, lambda found: {row["state"] for row in found} == {"delivered"})
        assert {row["id"] for row in rows} == {call.id for call in receiver.at("ok/every")}


async def test_sellers_have_no_webhooks_and_other_tenants_see_none(
    doors: Doors, strangers: Doors
) -> None:
    async with receiving() as receiver:
        hook = await _hook(doors, receiver, "ok")
    for role in ("seller", "sender"):
        assert (await doors.call("alerts", HOOKS, role=role)).status == 403
    assert (await strangers.get("alerts", HOOKS, "admin"))["data"] == []
    one = f"{HOOKS}/{hook['id']}"
    assert (await strangers.call("alerts", one, role="admin")).status == 404


async def test_the_inside_is_no_endpoint_even_on_a_local_stack(doors: Doors) -> None:
    for url in (
        "https://10.0.0.1/",
        "http://169.254.169.254/latest",
        "https://[fd00::1]/",
        "https://2130706433/",
    ):
        answer = await doors.call("alerts", HOOKS, method="POST", role="manager", json={"url": url})
        assert (answer.status, answer.json["field"]) == (422, "/url")
