"""A stranger's way through the public doors of a running stack: nothing here looks inside."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any, TypeVar

import aiohttp

from deploy.local.stack import Stack

PERSON = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Thunderbird/140.5.0"
DEADLINE_SECONDS = 30.0
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a door answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class _Followed(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.pixels: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag in ("a", "area"):
            self.links.append(values.get("href") or "")
        if tag == "img" and values.get("width") == "1":
            self.pixels.append(values.get("src") or "")


@dataclass(frozen=True, slots=True)
class Mailed:
    """A mail that went through the rewriter: its id, what it answered, one followed copy's addresses."""

    message_id: str
    answer: Mapping[str, Any]
    pixel: str
    links: tuple[str, ...]


class Doors:
    """One tenant's, one person's calls; `roles` as the JWT carries them."""

    def __init__(
        self, stack: Stack, session: aiohttp.ClientSession, tenant: str, subject: str = "ana"
    ) -> None:
        self.stack = stack
        self.session = session
        self.tenant = tenant
        self.subject = subject

    def token(self, *roles: str) -> str:
        return self.stack.token(tenant=self.tenant, subject=self.subject, roles=list(roles))

    async def call(
        self, service: str, path: str, *, method: str = "GET", role: str = "seller", **more: Any
    ) -> Answer:
        headers = {"Authorization": f"Bearer {self.token(role)}", **more.pop("headers", {})}
        url = self.stack.url(service) + path
        async with self.session.request(method, url, headers=headers, **more) as answer:
            return Answer(answer.status, dict(answer.headers), await answer.read())

    async def get(self, service: str, path: str, role: str = "seller") -> Any:
        answer = await self.call(service, path, role=role)
        assert answer.status == 200, (path, answer)
        return answer.json

    async def mail(
        self, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> Mailed:
        answer = await self.call(
            "rewriter", "/v1/mail", method="POST", role="sender", json=body, headers=headers or {}
        )
        assert answer.status == 201, answer
        data = answer.json
        followed = next((each["html"] for each in data["renditions"] if each["followed"]), "")
        markup = _Followed()
        markup.feed(followed)
        return Mailed(data["message_id"], data, next(iter(markup.pixels), ""), tuple(markup.links))

    async def hit(self, url: str, user_agent: str = PERSON, method: str = "GET") -> Answer:
        headers = {"User-Agent": user_agent}
        async with self.session.request(
            method, url, headers=headers, allow_redirects=False
        ) as answer:
            return Answer(answer.status, dict(answer.headers), await answer.read())

    async def all(self, service: str, path: str, role: str = "seller") -> list[Any]:
        """Walk every page of a list."""
        rows: list[Any] = []
        cursor = ""
        while True:
            mark = "&" if "?" in path else "?"
            page = await self.get(service, f"{path}{mark}limit=500{cursor}", role)
            rows += page["data"]
            if page["next"] is None:
                return rows
            cursor = f"&cursor={page['next']}"

    @asynccontextmanager
    async def stream(
        self, role: str = "seller", last_event_id: str | None = None
    ) -> AsyncIterator["Stream"]:
        """Open the live stream of alerts."""
        headers = {"Authorization": f"Bearer {self.token(role)}"}
        if last_event_id is not None:
            headers["Last-Event-ID"] = last_event_id
        timeout = aiohttp.ClientTimeout(total=None, sock_read=DEADLINE_SECONDS)
        url = self.stack.url("alerts") + "/v1/alerts/stream"
        async with self.session.get(url, headers=headers, timeout=timeout) as answer:
            assert answer.status == 200, answer.status
            yield Stream(answer)


class Stream:
    """Server-Sent Events as they arrive: (id, data)."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._events = self._parse(answer)

    async def _parse(self, answer: aiohttp.ClientResponse) -> AsyncGenerator[tuple[str, Any], None]:
        identifier = ""
        async for line in answer.content:
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name == "id":
                identifier = value
            elif name == "data":
                yield identifier, json.loads(value)

    async def next(self) -> tuple[str, Any]:
        async with asyncio.timeout(DEADLINE_SECONDS):
            return await anext(self._events)


async def eventually(
    ask: Callable[[], Awaitable[T]], holds: Callable[[T], bool], seconds: float = DEADLINE_SECONDS
) -> T:
    """Ask until the answer is as it should be; fails with the last answer at the deadline."""
    answer = await ask()
    try:
        async with asyncio.timeout(seconds):
            while not holds(answer):
                await asyncio.sleep(0.05)
                answer = await ask()
    except TimeoutError:
        raise AssertionError(f"not so within {seconds} s: {answer}") from None
    return answer
