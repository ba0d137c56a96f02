"""Recipients in their thousands: hits at the tracker's public door, noted in a ledger."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

import aiohttp

from tests.faults.ledger import Ledger, Part, Span
from tests.support.doors import PERSON, Mailed

CONNECTIONS = 32
_REFUSED_SECONDS = 0.05


class Load:
    """A number of hits, shared among connections; at chosen points somebody breaks something."""

    def __init__(
        self,
        mailed: Sequence[Mailed],
        hits: int,
        breaks: Mapping[int, Callable[[], Awaitable[None]]],
        seed: int,
    ) -> None:
        self.ledger = Ledger()
        self._mailed = mailed
        self._left = hits
        self._hits = hits
        self._breaks = dict(breaks)
        self._random = random.Random(seed)  # noqa: S311 a load, not a secret

    async def run(self) -> Ledger:
        """Issue every hit; returns when all are answered or lost and everything broken is mended."""
        timeout = aiohttp.ClientTimeout(total=10)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            asyncio.TaskGroup() as group,
        ):
            for _ in range(CONNECTIONS):
                group.create_task(self._reader(session, group))
        return self.ledger

    async def _reader(self, session: aiohttp.ClientSession, group: asyncio.TaskGroup) -> None:
        while self._left:
            self._left -= 1
            broken = self._breaks.pop(self._hits - self._left, None)
            if broken is not None:
                group.create_task(_do(broken))
            await self._hit(session)

    async def _hit(self, session: aiohttp.ClientSession) -> None:
        mailed = self._random.choice(self._mailed)
        link = self._random.choice([None, None, *range(len(mailed.links[:2]))])
        url = mailed.pixel if link is None else mailed.links[link]
        await request(session, self.ledger, Part(mailed.message_id, link), url)


async def request(session: aiohttp.ClientSession, ledger: Ledger, part: Part, url: str) -> None:
    """Make one hit and note it; a lost answer leaves open whether it was recorded."""
    begun = time.time()
    ledger.issue(part, begun)
    try:
        async with session.get(
            url, headers={"User-Agent": PERSON}, allow_redirects=False
        ) as answer:
            await answer.read()
    except (aiohttp.ClientError, TimeoutError):
        # The tracker is being restarted; a reader that is refused does not hammer it.
        await asyncio.sleep(_REFUSED_SECONDS)
        return
    if answer.headers["Inkling-Recorded"] == "yes":
        ledger.acknowledge(part, Span(begun, time.time()))


async def _do(broken: Callable[[], Awaitable[None]]) -> None:
    await broken()
