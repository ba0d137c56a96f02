import asyncio
import json
from datetime import UTC, datetime

import aiohttp
from standardwebhooks import Webhook

from deploy.local.demo.receiver import listening

SECRET = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"


async def test_a_genuine_webhook_is_kept_and_a_forged_one_is_not() -> None:
    body = json.dumps({"type": "message.first_opened"})
    now = datetime.now(UTC)
    async with listening() as receiver, aiohttp.ClientSession() as session:
        receiver.secret = SECRET
        headers = {
            "webhook-id": "w-1",
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(SECRET).sign("w-1", now, body),
        }
        async with session.post(receiver.url, data=body + " ", headers=headers) as forged:
            assert forged.status == 401
        async with session.post(receiver.url, data=body, headers=headers) as genuine:
            assert genuine.status == 204
        async with asyncio.timeout(5):
            received = await receiver.next()
        assert (received.id, received.body) == ("w-1", {"type": "message.first_opened"})
