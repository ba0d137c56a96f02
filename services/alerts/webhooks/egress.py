"""The one way out: a POST to a tenant's endpoint, to no address that `address` does not permit.

Names are resolved once for an attempt, every address of the answer is looked at, and the connection is made to one of
them. That is asked again where the socket is opened, and of the peer before anything is sent. Redirects, proxies and
cookies there are none; one connection serves one attempt.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ClientRequest
from aiohttp.connector import AddrInfoType
from aiohttp.tracing import Trace

from services.alerts.webhooks import schedule
from services.alerts.webhooks.address import (
    BadTarget,
    is_loopback,
    parse_address,
    permitted,
    target,
)
from services.alerts.webhooks.kinds import Result

CONNECT_SECONDS: Final = 5.0
TOTAL_SECONDS: Final = 15.0
# What more of an answer there is interests nobody; so much is read that a receiver sees its answer taken.
ANSWER_BYTES: Final = 65_536
_ANSWER_SECONDS: Final = 1.0
# A lookup cannot be broken off, so slow names hold threads; each holds one, however often it is asked for.
_LOOKUP_THREADS: Final = 32
# What CloudEvents' HTTP binding calls its structured mode.
CONTENT_TYPE: Final = "application/cloudevents+json; charset=utf-8"
_HEADERS: Final = {
    "Accept": "*/*",
    "Content-Type": CONTENT_TYPE,
    "User-Agent": "Inkling-Webhooks/1",
}

Lookup = Callable[[str, int], Sequence[str]]
"""Returns the addresses of a name, for a port, as text; may block; raises ``OSError``."""


class ForbiddenAddress(OSError):
    """A connection would have gone where webhooks may not go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What an attempt came to; without a status there was no answer."""

    result: Result
    status: int | None = None
    retry_after: str | None = None


class Egress:
    """Makes the calls of one process."""

    def __init__(self, session: aiohttp.ClientSession, *, loopback: bool) -> None:
        self._session = session
        self._loopback = loopback

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Make one call; whatever it comes to within its deadline is returned, never raised."""
        try:
            found = target(url, loopback=self._loopback)
        except BadTarget:
            return Reply(result=Result.FORBIDDEN_ADDRESS)
        try:
            async with self._session.post(
                found.url, data=body, headers=_HEADERS | dict(headers), allow_redirects=False
            ) as answer:
                reply = Reply(
                    result=schedule.judge(answer.status),
                    status=answer.status,
                    retry_after=answer.headers.get("Retry-After"),
                )
                await _take(answer)
                return reply
        except TimeoutError:
            return Reply(result=Result.TIMEOUT)
        except (aiohttp.ClientError, OSError, ValueError, RuntimeError) as error:
            # uvloop says with a RuntimeError what others say with an OSError.
            return Reply(result=_explained(error))


async def _take(answer: aiohttp.ClientResponse) -> None:
    """Read a little of an answer whose status is known: how it goes on changes nothing any more."""
    left = ANSWER_BYTES
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            while left > 0 and (part := await answer.content.readany()):
                left -= len(part)
    except (aiohttp.ClientError, OSError, ValueError):  # a deadline is an OSError
        pass
    answer.close()


def _explained(error: Exception) -> Result:
    causes = []
    cause: BaseException | None = error
    while cause is not None:
        causes.append(cause)
        cause = cause.__cause__ or getattr(cause, "os_error", None)
    if any(isinstance(one, ForbiddenAddress) for one in causes):
        return Result.FORBIDDEN_ADDRESS
    if any(isinstance(one, TimeoutError) for one in causes):
        return Result.TIMEOUT
    match error:
        case aiohttp.ClientConnectorDNSError():
            return Result.UNRESOLVED
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return Result.BAD_CERTIFICATE
        case aiohttp.ClientConnectorError():
            return Result.UNREACHABLE
        case _:
            return Result.BROKEN_OFF


@asynccontextmanager
async def open_egress(
    *,
    loopback: bool,
    lookup: Lookup | None = None,
    trust: ssl.SSLContext | None = None,
    total_seconds: float = TOTAL_SECONDS,
) -> AsyncIterator[Egress]:
    """Open the way out; `loopback` lets this machine be called, which only a local stack should."""
    threads = ThreadPoolExecutor(_LOOKUP_THREADS, "webhook-lookup")
    connector = _Connector(
        _Resolver(threads, lookup or look_up, loopback=loopback),
        trust or ssl.create_default_context(),
        loopback=loopback,
    )
    session = aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=total_seconds, sock_connect=CONNECT_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
        skip_auto_headers=("Accept-Encoding",),
    )
    try:
        async with session:
            yield Egress(session, loopback=loopback)
    finally:
        threads.shutdown(wait=False, cancel_futures=True)


def look_up(host: str, port: int) -> Sequence[str]:
    """Ask the system for the addresses of a name."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return [str(sockaddr[0]) for *_, sockaddr in found]


class _Resolver(AbstractResolver):
    """Gives aiohttp addresses that were looked at: all of them permitted, or none."""

    def __init__(self, threads: ThreadPoolExecutor, lookup: Lookup, *, loopback: bool) -> None:
        self._threads = threads
        self._lookup = lookup
        self._loopback = loopback
        self._asking: dict[tuple[str, int], asyncio.Future[Sequence[str]]] = {}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of a name; raises ``ForbiddenAddress`` when one of them is not permitted."""
        async with asyncio.timeout(CONNECT_SECONDS):
            found = [parse_address(text) for text in await self._ask(host, port)]
        if not found:
            raise OSError("the name has no address")
        if not all(permitted(address, loopback=self._loopback) for address in found):
            raise ForbiddenAddress
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=port,
                family=socket.AF_INET if address.version == 4 else socket.AF_INET6,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in dict.fromkeys(found)
        ]

    async def close(self) -> None:
        """Leave the threads to whoever made them."""

    async def _ask(self, host: str, port: int) -> Sequence[str]:
        place = (host, port)
        asking = self._asking.get(place)
        if asking is None:
            loop = asyncio.get_running_loop()
            asking = loop.run_in_executor(self._threads, self._lookup, host, port)
            self._asking[place] = asking
            asking.add_done_callback(lambda done: self._asked(place, done))
        return await asyncio.shield(asking)

    def _asked(self, place: tuple[str, int], done: asyncio.Future[Sequence[str]]) -> None:
        del self._asking[place]
        if not done.cancelled():
            done.exception()  # whoever waited has it; perhaps nobody does any more


class _Connector(aiohttp.TCPConnector):
    """Connects to what is permitted, and looks once more who is at the other end."""

    def __init__(
        self, resolver: AbstractResolver, trust: ssl.SSLContext, *, loopback: bool
    ) -> None:
        super().__init__(
            resolver=resolver,
            use_dns_cache=False,
            ssl=trust,
            force_close=True,
            limit=0,  # how many there are is the courier's to say
            happy_eyeballs_delay=None,
            socket_factory=self._open,
        )
        self._permits_loopback = loopback

    def _open(self, place: AddrInfoType) -> socket.socket:
        self._look_at(place[4])
        return socket.socket(family=place[0], type=place[1], proto=place[2])

    async def _create_connection(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 as aiohttp has it
    ) -> ResponseHandler:
        protocol = await super()._create_connection(req, traces, timeout)
        transport = protocol.transport
        try:
            peer = None if transport is None else transport.get_extra_info("peername")
            self._look_at(peer, machine=not req.is_ssl())
        except ForbiddenAddress:
            protocol.close()
            raise
        return protocol

    def _look_at(self, sockaddr: Sequence[object] | None, *, machine: bool = False) -> None:
        """Raise ``ForbiddenAddress`` unless a socket's address is permitted, and this machine's where it must be."""
        if not sockaddr:
            raise ForbiddenAddress
        address = parse_address(str(sockaddr[0]))
        if not permitted(address, loopback=self._permits_loopback):
            raise ForbiddenAddress
        if machine and not is_loopback(address):
            raise ForbiddenAddress
