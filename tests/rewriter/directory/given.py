"""A directory over HTTP that behaves as it is told, and one of ours that asks it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web
from aiohttp.test_utils import TestServer
from prometheus_client import CollectorRegistry

from services.rewriter.config import DirectoryConfig
from services.rewriter.directory.directory import Directory, open_directory
from services.rewriter.metrics import Metrics
from tests.support.clock import ManualClock

PEOPLE = {
    "p1@customer.example": {"kind": "contact", "id": "c-1", "time_zone": "Asia/Singapore"},
    "p2@customer.example": {"kind": "lead"},
    "p3@customer.example": {"kind": "account", "follow": "do_not_allow"},
}


@dataclass(slots=True, kw_only=True)
class Theirs:
    """The operator's directory: what it was asked, and how it answers from now on."""

    questions: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    answer: web.Response | None = None
    """Instead of what it knows."""
    tenant: str | None = None
    open: asyncio.Event = field(default_factory=asyncio.Event)
    """Cleared, it does not answer."""

    async def door(self, request: web.Request) -> web.StreamResponse:
        """Answer as the contract says, or as told."""
        asked = orjson.loads(await request.read())
        self.questions.append(asked)
        self.headers.append(dict(request.headers))
        await self.open.wait()
        if self.answer is not None:
            answer = self.answer
            return web.Response(
                status=answer.status, headers=answer.headers, body=answer.body, reason=answer.reason
            )
        named = [
            {"address": one.upper(), **PEOPLE[one]} for one in asked["addresses"] if one in PEOPLE
        ]
        body = {"tenant": self.tenant or asked["tenant"], "recipients": named}
        return web.json_response(body)


@dataclass(slots=True, kw_only=True)
class Asking:
    """Ours, and what it counted."""

    theirs: Theirs
    directory: Directory
    clock: ManualClock
    registry: CollectorRegistry

    def counted(self, name: str, **labels: str) -> float | None:
        """Return the value of one of the directory's metrics."""
        return self.registry.get_sample_value(f"inkling_rewriter_directory_{name}", labels)


@asynccontextmanager
async def a_directory(**changes: Any) -> AsyncIterator[Asking]:
    """Ask a directory while the context is open; `url` leads elsewhere than to it."""
    theirs, clock, registry = Theirs(), ManualClock(), CollectorRegistry()
    theirs.open.set()
    application = web.Application()
    application.router.add_post("/who", theirs.door)
    async with TestServer(application) as server:
        values: dict[str, Any] = {
            "url": str(server.make_url("/who")),
            "token": None,
            "seconds": 5.0,
            "cache_seconds": 60.0,
            "cache_entries": 100,
            "away": "other",
        }
        config = DirectoryConfig(**values | changes)
        try:
            async with open_directory(config, clock, Metrics(registry)) as directory:
                assert directory is not None
                yield Asking(theirs=theirs, directory=directory, clock=clock, registry=registry)
        finally:
            theirs.open.set()
