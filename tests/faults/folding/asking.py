"""What the projector says at its public doors, laid out as the ledger has it, and the facts it has stated."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson

from deploy.local.stack import Stack
from schemas import topics
from services.runtime.kafka import Consumer, Record
from services.runtime.leases import Lane
from tests.faults.folding.story import OWNER, Figure, Named, Place

SECONDS = 30.0
_PARTS = ("opens", "clicks", "attachment_views", "replies")
_PAGE = 500


class NotAnsweredError(Exception):
    """The query API did not answer, or not with 200."""


class Asking:
    """Asks one query API, as the owner of the mails."""

    def __init__(self, stack: Stack, session: aiohttp.ClientSession, url: str) -> None:
        self._stack = stack
        self._session = session
        self.url = url

    async def messages(self, tenants: Iterable[str]) -> dict[str, Any]:
        """Return every message of these tenants, by its id."""
        found = {}
        for tenant in tenants:
            for row in await self._all(tenant, "/v1/messages"):
                found[row["id"]] = row | {"tenant": tenant}
        return found

    async def message(self, tenant: str, message: str) -> Any:
        """Return one message with its recipients, which one request reads from several tables."""
        return await self._get(tenant, f"/v1/messages/{message}")

    async def figures(self, tenants: Sequence[str]) -> dict[Place, Figure]:
        """Return every figure above nought: of messages, their links and files, and templates."""
        figures: dict[Place, Figure] = {}
        for tenant in tenants:
            for row in await self._all(tenant, "/v1/messages"):
                _note(figures, tenant, row["id"], row, _PARTS)
                if row["clicks"]["count"]:
                    for each in await self._listed(tenant, row["id"], "links"):
                        of = f"{row['id']} link {each['index']}"
                        _note(figures, tenant, of, each, ("clicks",))
                if row["attachment_views"]["count"]:
                    for each in await self._listed(tenant, row["id"], "attachments"):
                        of = f"{row['id']} file {each['index']}"
                        _note(figures, tenant, of, each, ("attachment_views",))
            for row in await self._all(tenant, "/v1/templates"):
                _note(figures, tenant, row["id"], row, _PARTS)
        return figures

    async def status(self, tenant: str, path: str = "/v1/messages?limit=1") -> int:
        """Return with which status a list is answered now."""
        async with self._session.get(self.url + path, headers=self._headers(tenant)) as answer:
            await answer.read()
            return answer.status

    async def _listed(self, tenant: str, message: str, what: str) -> list[Any]:
        answer = await self._get(tenant, f"/v1/messages/{message}/{what}")
        return list(answer["data"])

    async def _all(self, tenant: str, path: str) -> list[Any]:
        rows: list[Any] = []
        cursor = ""
        while True:
            page = await self._get(tenant, f"{path}?limit={_PAGE}{cursor}")
            rows += page["data"]
            if page["next"] is None:
                return rows
            cursor = f"&cursor={page['next']}"

    async def _get(self, tenant: str, path: str) -> Any:
        try:
            async with self._session.get(self.url + path, headers=self._headers(tenant)) as answer:
                body = await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise NotAnsweredError(repr(error)) from error
        if answer.status != 200:
            raise NotAnsweredError(f"{path}: {answer.status} {body.decode(errors='replace')[:200]}")
        return orjson.loads(body)

    def _headers(self, tenant: str) -> dict[str, str]:
        token = self._stack.token(tenant=tenant, subject=OWNER, roles=["seller"])
        return {"Authorization": f"Bearer {token}"}


def _note(
    figures: dict[Place, Figure], tenant: str, of: str, row: Any, parts: Sequence[str]
) -> None:
    for part in parts:
        for human, told in ((False, row[part]), (True, row[part]["human"])):
            if told["count"]:
                figure = Figure(told["count"], told["first_at"], told["last_at"])
                figures[Place(tenant, of, part, human)] = figure


@asynccontextmanager
async def asking(stack: Stack, url: str) -> AsyncIterator[Asking]:
    """Have somebody who asks at that address."""
    timeout = aiohttp.ClientTimeout(total=SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        yield Asking(stack, session, url)


class Stated:
    """The facts that lie in their topic, and under which ids."""

    def __init__(self, servers: str) -> None:
        self._servers = servers
        self._positions: dict[Lane, int] = {}
        self.ids: dict[Named, list[str]] = {}
        """The id of each copy of each fact."""

    async def read_on(self) -> None:
        """Read up to the end there is now."""
        consumer = Consumer(self._servers, "tests-facts")
        try:
            await consumer.start(SECONDS)
            count = await consumer.partitions(topics.FACTS.name, SECONDS)
            lanes = [Lane(topics.FACTS.name, number) for number in range(count)]
            begins = await consumer.beginning_offsets(lanes, SECONDS)
            self._positions = begins | self._positions
            ends = await consumer.end_offsets(lanes, SECONDS)
            async with asyncio.timeout(SECONDS):
                while left := self._left(ends):
                    consumer.assign(left)
                    polled = await consumer.poll(1.0, _PAGE)
                    for lane, records in polled.records.items():
                        for record in records:
                            self._take(record)
                        self._positions[lane] = records[-1].offset + 1
        finally:
            await consumer.close(SECONDS)

    def _left(self, ends: dict[Lane, int]) -> dict[Lane, int]:
        return {
            lane: offset for lane, offset in self._positions.items() if offset < ends.get(lane, 0)
        }

    def _take(self, record: Record) -> None:
        headers = {name: value.decode() for name, value in record.headers}
        data = orjson.loads(record.value or b"{}")
        name = Named(headers["ce_tenant"], data["message_id"], data.get("ref"), headers["ce_type"])
        self.ids.setdefault(name, []).append(headers["ce_id"])
