"""A listener on the alerts' live stream (Server-Sent Events)."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import aiohttp


@dataclass(frozen=True, slots=True)
class Heard:
    """An alert and when it arrived, by this process's clock."""

    alert: dict[str, Any]
    at: float


async def listen(
    session: aiohttp.ClientSession, url: str, token: str
) -> AsyncGenerator[Heard | None, None]:
    """Yield None once the stream is open, then each alert as it arrives."""
    headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
    timeout = aiohttp.ClientTimeout(total=None, sock_read=60)
    async with session.get(url, headers=headers, timeout=timeout) as answer:
        answer.raise_for_status()
        yield None
        async for line in answer.content:
            if line.startswith(b"data:"):
                yield Heard(json.loads(line[5:]), time.monotonic())
