"""Facts reach a receiver that verifies them, through public doors only."""

import asyncio

from deploy.local.demo.receiver import Receiver, listening
from tests.support import mails
from tests.support.doors import Doors, eventually


async def _endpoint(doors: Doors, receiver: Receiver, **draft: object) -> str:
    made = await doors.call(
        "alerts", "/v1/webhooks", method="POST", role="admin", json={"url": receiver.url, **draft}
    )
    assert made.status == 201, made
    receiver.secret = made.json["secret"]
    return str(made.json["id"])


async def test_every_fact_of_a_mails_life_arrives_signed_and_once(doors: Doors) -> None:
    async with listening() as receiver:
        endpoint = await _endpoint(doors, receiver)
        mailed = await doors.mail(mails.mail())
        await doors.hit(mailed.pixel)
        await doors.hit(mailed.pixel)
        await doors.hit(mailed.links[0])
        async with asyncio.timeout(20):
            received = [await receiver.next() for _ in range(2)]
        assert sorted(each.body["type"] for each in received) == [
            "message.first_clicked",
            "message.first_opened",
        ]
        assert {each.body["data"]["message_id"] for each in received} == {mailed.message_id}
        assert "customer.example" not in str([each.body for each in received]), (
            "names only where asked for"
        )
        path = f"/v1/webhooks/{endpoint}/deliveries"
        log = await eventually(
            lambda: doors.get("alerts", path, role="admin"),
            lambda found: {each["state"] for each in found["data"]} == {"delivered"},
        )
        assert len(log["data"]) == 2


async def test_a_rotated_secret_keeps_the_old_one_signing_beside_it(doors: Doors) -> None:
    async with listening() as receiver:
        endpoint = await _endpoint(doors, receiver, types=["message.first_opened"])
        rotated = await doors.call(
            "alerts", f"/v1/webhooks/{endpoint}:rotate", method="POST", role="admin", json={}
        )
        assert rotated.status == 200, rotated
        old, new = receiver.secret, rotated.json["secret"]
        assert old != new
        for secret in (old, new):
            receiver.secret = secret
            mailed = await doors.mail(mails.mail())
            await doors.hit(mailed.pixel)
            async with asyncio.timeout(20):
                assert (await receiver.next()).body["data"]["message_id"] == mailed.message_id


async def test_webhooks_are_for_admins_and_never_for_addresses_inside(
    doors: Doors, strangers: Doors
) -> None:
    async with listening() as receiver:
        endpoint = await _endpoint(doors, receiver)
        assert (await doors.call("alerts", "/v1/webhooks", role="seller")).status == 403
        assert (
            await strangers.call("alerts", f"/v1/webhooks/{endpoint}", role="admin")
        ).status == 404
    for url in (
        "http://10.0.0.1/",
        "https://169.254.169.254/latest",
        "https://[::ffff:10.0.0.1]/",
        "ftp://x.example/",
    ):
        refused = await doors.call(
            "alerts", "/v1/webhooks", method="POST", role="admin", json={"url": url}
        )
        assert refused.status == 422, (url, refused)
        assert refused.json["field"] == "/url"
