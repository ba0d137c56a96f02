"""Asks the directory: one call for a mail, whatever others are asking already shared, none longer than its deadline.

TLS is verified, redirects are not followed, there are no cookies and no proxies, and no more of an answer is read than
an answer can have. Neither addresses nor the token are logged, counted or kept beyond the cache.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Final, NamedTuple

import aiohttp

from schemas.identity import Tenant, normal_address
from services.rewriter.config import DirectoryConfig
from services.rewriter.directory import answers
from services.rewriter.directory.answers import BadAnswer, Known
from services.rewriter.directory.patience import Patience
from services.rewriter.directory.remembered import Remembered
from services.rewriter.mail import zones
from services.rewriter.metrics import DirectoryCall, Metrics
from services.runtime.clock import Clock
from services.runtime.log import get_logger

log = get_logger(__name__)

_CONNECTIONS: Final = 16
_HTTP_OK: Final = 200
_HEADERS: Final = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "Content-Type": "application/json",
    "User-Agent": "Inkling-Rewriter/1",
}


class Away(StrEnum):
    """What becomes of mail to people whom the directory would have to name, while it does not answer."""

    OTHER = "other"
    """They are not followed, and the mail goes on."""
    UNAVAILABLE = "unavailable"
    """The mail is refused with 503, or passes untouched where the caller asked for that."""


class Failed(Exception):
    """A call that brought nothing; says in which way."""

    def __init__(self, outcome: DirectoryCall, detail: str) -> None:
        super().__init__(detail)
        self.outcome = outcome


class Flight(NamedTuple):
    """A call under way, and the addresses it asks for; it lands with what it brought, or with nothing."""

    landed: "asyncio.Future[dict[str, Known]]"
    addresses: frozenset[str]


class Directory:
    """Who is what, of the addresses that calls say nothing about."""

    def __init__(
        self,
        config: DirectoryConfig,
        session: aiohttp.ClientSession,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        if config.url is None:
            raise ValueError("there is no directory to ask")
        self._url = config.url
        self._seconds = config.seconds
        self._session = session
        self._clock = clock
        self._metrics = metrics
        self._remembered = Remembered(config.cache_entries, config.cache_seconds)
        self._patience = Patience()
        self._flights: dict[Tenant, list[Flight]] = {}
        self._headers = dict(_HEADERS)
        if config.token is not None:
            self._headers["Authorization"] = f"Bearer {config.token}"
        self.away = Away(config.away)

    async def look_up(self, tenant: Tenant, addresses: Sequence[str]) -> dict[str, Known]:
        """Return what is known of the addresses, in their normal form, within the deadline.

        Who is missing in what is returned could not be asked for.
        """
        wanted = frozenset(map(normal_address, addresses))
        found = self._recall(tenant, wanted)
        try:
            async with asyncio.timeout(self._seconds):
                await self._find(tenant, wanted - found.keys(), found)
        except TimeoutError:
            log.info("directory_not_waited_for")
        self._metrics.looked_up(len(wanted), len(wanted) - len(found))
        return found

    async def _find(self, tenant: Tenant, missing: frozenset[str], found: dict[str, Known]) -> None:
        """Ask for those whom nobody asks for yet, then wait for what others asked; add what comes."""
        under_way = [one for one in self._flights.get(tenant, ()) if one.addresses & missing]
        unasked = missing.difference(*(one.addresses for one in under_way))
        if unasked and self._patience.may_ask(self._clock.monotonic()):
            found |= await self._ask(tenant, unasked)
        for flight in under_way:
            brought = await asyncio.shield(flight.landed)
            found |= {one: brought[one] for one in missing & brought.keys()}

    def _recall(self, tenant: Tenant, wanted: Iterable[str]) -> dict[str, Known]:
        now = self._clock.monotonic()
        told = {address: self._remembered.get(tenant, address, now) for address in wanted}
        return {address: known for address, known in told.items() if known is not None}

    async def _ask(self, tenant: Tenant, addresses: frozenset[str]) -> dict[str, Known]:
        """Make one call, remember what it brings, and share it with whoever waits; nothing if it fails."""
        flight = Flight(asyncio.get_running_loop().create_future(), addresses)
        self._flights.setdefault(tenant, []).append(flight)
        begun, brought = self._clock.monotonic(), dict[str, Known]()
        try:
            brought = await self._call(tenant, addresses)
            self._answered(tenant, brought, begun)
        except Failed as failed:
            self._failed(failed.outcome, begun, str(failed))
        except asyncio.CancelledError:
            # Our own deadline, as a rule; a caller who went away is rare, and no harm where it counts as one.
            self._failed(DirectoryCall.TIMEOUT, begun, "not in time")
            raise
        finally:
            self._flights[tenant].remove(flight)
            if not self._flights[tenant]:
                del self._flights[tenant]
            flight.landed.set_result(brought)
        return brought

    def _answered(self, tenant: Tenant, brought: Mapping[str, Known], begun: float) -> None:
        now = self._clock.monotonic()
        self._patience.answered()
        self._metrics.directory_called(DirectoryCall.ANSWERED, now - begun)
        for address, known in brought.items():
            self._remembered.keep(tenant, address, known, now)

    def _failed(self, outcome: DirectoryCall, begun: float, detail: str) -> None:
        now = self._clock.monotonic()
        before = self._patience.exhausted
        self._patience.failed(now)
        self._metrics.directory_called(outcome, now - begun)
        log.warning("directory_call_failed", outcome=outcome.value, detail=detail)
        if self._patience.exhausted and not before:
            log.error("directory_left_alone", outcome=outcome.value)

    async def _call(self, tenant: Tenant, addresses: frozenset[str]) -> dict[str, Known]:
        body = answers.question(tenant, sorted(addresses))
        try:
            async with self._session.post(
                self._url, data=body, headers=self._headers, allow_redirects=False
            ) as answer:
                if answer.status != _HTTP_OK:
                    raise Failed(DirectoryCall.REFUSED, f"status {answer.status}")
                if answer.content_type != "application/json":
                    raise Failed(DirectoryCall.BAD_ANSWER, "not application/json")
                raw = await _bounded(answer)
        except (aiohttp.ClientError, OSError, ValueError, RuntimeError) as error:
            # uvloop says with a RuntimeError what others say with an OSError.
            raise Failed(DirectoryCall.UNREACHABLE, type(error).__name__) from error
        try:
            return answers.read(raw, tenant, addresses, zones())
        except BadAnswer as error:
            raise Failed(DirectoryCall.BAD_ANSWER, str(error)) from error


async def _bounded(answer: aiohttp.ClientResponse) -> bytes:
    raw = bytearray()
    while part := await answer.content.readany():
        raw += part
        if len(raw) > answers.MAX_ANSWER_BYTES:
            raise Failed(DirectoryCall.TOO_LARGE, f"more than {answers.MAX_ANSWER_BYTES} bytes")
    return bytes(raw)


@asynccontextmanager
async def open_directory(
    config: DirectoryConfig, clock: Clock, metrics: Metrics
) -> AsyncIterator[Directory | None]:
    """Yield the directory, or None where none is configured."""
    if config.url is None:
        yield None
        return
    connector = aiohttp.TCPConnector(limit=_CONNECTIONS)
    jar = aiohttp.DummyCookieJar()
    # `look_up` has the deadline, over everything that a mail waits for.
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(
        connector=connector, cookie_jar=jar, timeout=timeout, auto_decompress=False
    ) as session:
        yield Directory(config, session, clock, metrics)
