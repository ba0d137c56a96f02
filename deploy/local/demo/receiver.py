"""A receiver of webhooks on this machine: it verifies each as Standard Webhooks says, and keeps what is genuine."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError


@dataclass(frozen=True, slots=True)
class Received:
    """A verified webhook and when it arrived, by this process's clock."""

    id: str
    body: dict[str, Any]
    at: float


class Receiver:
    """What came in at one address; `secret` is set once the endpoint was made."""

    def __init__(self) -> None:
        self.url = ""
        self.secret = ""
        self._received: asyncio.Queue[Received] = asyncio.Queue(maxsize=1000)

    async def next(self) -> Received:
        """Wait for the next webhook."""
        return await self._received.get()

    async def take(self, request: web.Request) -> web.Response:
        """Answer 204 to a genuine webhook and 401 to any other."""
        body = await request.read()
        try:
            Webhook(self.secret).verify(body, dict(request.headers))
        except WebhookVerificationError:
            return web.Response(status=401)
        identifier = request.headers["webhook-id"]
        self._received.put_nowait(Received(identifier, json.loads(body), time.monotonic()))
        return web.Response(status=204)


@asynccontextmanager
async def listening() -> AsyncIterator[Receiver]:
    """Run a receiver on a free port of this machine."""
    receiver = Receiver()
    application = web.Application()
    application.router.add_post("/hook", receiver.take)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
        yield receiver
    finally:
        await runner.cleanup()
