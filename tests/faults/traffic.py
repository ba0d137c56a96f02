"""Readers of mails in numbers: kept-alive connections that note what each hit was told, and retry nothing."""

import asyncio
import itertools
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

from schemas.identity import MessageId, RecipientRef, Tenant
from schemas.token import Claim, KeyRing, Purpose, mint
from tests.faults.accounts import Accounts, Hit, Outcome
from tests.support.doors import Mailed

ANSWER_SECONDS = 10.0
_AGAIN_SECONDS = 0.05
_SYNC_SECONDS = 0.5
_REF = (RecipientRef("00112233445566ff"),)
_TARGET = "https://shop.example/offer?a=1"
_LINKS = 3


def fresh_mails(ring: KeyRing, tenants: Callable[[], str], seed: int) -> Iterator[Hit]:
    """Make hits of which each has a mail of its own; every third is a click."""
    chance = random.Random(seed)  # noqa: S311 a load, not a secret
    for number in itertools.count():
        tenant = tenants()
        message = MessageId(_a_uuid7(chance))
        claim = Claim(tenant=Tenant(tenant), message_id=message, refs=_REF)
        if number % 3:
            path = f"/o/{mint(ring, Purpose.OPEN, claim)}.gif"
            yield Hit(number, tenant, str(message), None, path)
            continue
        link = chance.randrange(_LINKS)
        claim = Claim(tenant=Tenant(tenant), message_id=message, refs=_REF, index=link, url=_TARGET)
        path = f"/c/{mint(ring, Purpose.CLICK, claim)}"
        yield Hit(number, tenant, str(message), link, path)


def _a_uuid7(chance: random.Random) -> UUID:
    drawn = bytearray(chance.randbytes(16))
    drawn[6] = 0x70 | drawn[6] & 0x0F
    drawn[8] = 0x80 | drawn[8] & 0x3F
    return UUID(bytes=bytes(drawn))


def known_mails(mailed: Sequence[Mailed], tenant: str, seed: int) -> Iterator[Hit]:
    """Make hits of mails that went through the rewriter, any number of each."""
    chance = random.Random(seed)  # noqa: S311 a load, not a secret
    for number in itertools.count():
        one = chance.choice(mailed)
        link = chance.choice([None, None, *range(min(2, len(one.links)))])
        url = one.pixel if link is None else one.links[link]
        yield Hit(number, tenant, one.message_id, link, "/" + url.split("/", 3)[3])


class Traffic:
    """Hits that go out at a rate, whatever becomes of them, from so many connections."""

    def __init__(
        self,
        port: int,
        hits: Iterator[Hit],
        accounts: Accounts,
        *,
        rate: float,
        connections: int = 32,
        leave_early: bool = False,
    ) -> None:
        """`leave_early`: the clients close as soon as they have asked."""
        self.outcomes: Counter[Outcome] = Counter()
        self.failures: Counter[str] = Counter()
        """What went wrong where there was no answer."""
        self.by_tenant: Counter[tuple[str, Outcome]] = Counter()
        self.statuses: Counter[int] = Counter()
        self.latencies: list[tuple[float, float]] = []
        """When a hit was sent, and how long its answer took, in seconds of the monotonic clock."""
        self.issued = 0
        self.tokens: list[str] = []
        """Some of those that were asked with."""
        self.port = port
        self.rate = rate
        self._connections = connections
        self._hits = hits
        self._accounts = accounts
        self._leave_early = leave_early
        self._over = False
        self._due = 0.0

    @property
    def acknowledged(self) -> int:
        return self.outcomes[Outcome.ACKNOWLEDGED]

    def slowest(self, since: float = 0.0, until: float = float("inf"), part: float = 0.99) -> float:
        """Return the seconds within which that part of the hits sent in a time was answered."""
        took = sorted(took for sent, took in self.latencies if since <= sent < until)
        return took[int(len(took) * part)] if took else 0.0

    async def run(self) -> None:
        """Issue hits until `stop`, then wait for the answers that are due."""
        self._due = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            syncing = tasks.create_task(self._sync())
            async with asyncio.TaskGroup() as readers:
                for _ in range(self._connections):
                    readers.create_task(self._read())
            syncing.cancel()
        self._accounts.sync()

    def stop(self) -> None:
        """Issue no more."""
        self._over = True

    async def _sync(self) -> None:
        while True:
            await asyncio.sleep(_SYNC_SECONDS)
            await asyncio.to_thread(self._accounts.sync)

    async def _read(self) -> None:
        client = _Client(self.port)
        try:
            while True:
                # At least now: what nobody was free to ask for in time is not made up for.
                self._due = max(self._due + 1 / self.rate, time.monotonic() - 0.1)
                early = self._due - time.monotonic()
                if early > 0:
                    await asyncio.sleep(early)
                if self._over:
                    return
                await self._hit(client, next(self._hits))
        finally:
            client.close()

    async def _hit(self, client: "_Client", hit: Hit) -> None:
        sent = time.monotonic()
        self.issued += 1
        if self.issued % 50 == 1:
            self.tokens.append(hit.path[3:].removesuffix(".gif"))
        self._accounts.issue(hit)
        outcome = Outcome.UNKNOWN
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await client.ask(hit.path, self._accounts.mark(hit.number))
                if self._leave_early:
                    client.close()
                    return
                status, recorded = await client.answer()
            outcome = Outcome.ACKNOWLEDGED if recorded else Outcome.REFUSED
            self.statuses[status] += 1
            self.latencies.append((sent, time.monotonic() - sent))
        except (OSError, EOFError, TimeoutError) as error:
            self.failures[f"{type(error).__name__} {client.stage}"] += 1
            client.close()
        finally:
            self.outcomes[outcome] += 1
            self.by_tenant[hit.tenant, outcome] += 1
            self._accounts.conclude(hit, outcome)
        if outcome is Outcome.UNKNOWN:
            # A reader that is turned away does not hammer.
            await asyncio.sleep(_AGAIN_SECONDS)


class _Client:
    """One connection, opened anew after it was closed."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._pair: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.stage = "connecting"

    async def ask(self, path: str, user_agent: str) -> None:
        if self._pair is not None and self._pair[0].at_eof():
            self.close()
        if self._pair is None:
            self.stage = "connecting"
            self._pair = await asyncio.open_connection("127.0.0.1", self._port)
            self.stage = "first"
        self._pair[1].write(
            f"GET {path} HTTP/1.1\r\nHost: t.example\r\nUser-Agent: {user_agent}\r\n"
            "Accept-Language: en-GB\r\n\r\n".encode()
        )
        await self._pair[1].drain()

    async def answer(self) -> tuple[int, bool]:
        """Return the status, and whether the hit is recorded."""
        assert self._pair is not None
        head = (await self._pair[0].readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(head.partition("content-length: ")[2].partition("\r\n")[0] or 0)
        await self._pair[0].readexactly(length)
        self.stage = "kept"
        if "\r\nconnection: close" in head:
            self.close()
        return int(head.split()[1]), "\r\ninkling-recorded: yes" in head

    def close(self) -> None:
        if self._pair is not None:
            self._pair[1].close()
            self._pair = None


@asynccontextmanager
async def flowing(traffic: Traffic) -> AsyncIterator[Traffic]:
    """Have the hits go out while the block runs; all of them have their answers afterwards."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(traffic.run())
        try:
            yield traffic
        finally:
            traffic.stop()


async def lasting(seconds: float) -> None:
    """Let a fault last: its length is what it is, not something that is waited for."""
    await asyncio.sleep(seconds)
