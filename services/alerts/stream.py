"""The live stream: alerts as Server-Sent Events, in the order of their numbers, each once, resumed by number.

A stream keeps no queue: it reads the next alerts only when those before are written, so a slow client costs one page
of memory. One that does not read for ten seconds is cut; it comes back with the last number it saw.
"""

import asyncio
import contextlib
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from services.alerts import cards, frames, store
from services.alerts.bell import LOOK_SECONDS, Bell, Listener, TooManyStreams
from services.alerts.callers import EVENTS, expiry_of, must_read, scope_of
from services.alerts.metrics import End, Metrics
from services.alerts.store import Numbered
from services.runtime.errors import Transient
from services.runtime.lifecycle import Life
from services.runtime.postgres import Pool
from services.runtime.problem import Problem, Slug, invalid_parameter
from services.runtime.requests import Query

LAST_EVENT_ID: Final = "Last-Event-ID"
PAGE: Final = 256
# Subject and names are in the log before the message is, so they are nearly always there; where the personal lane
# lags behind the facts lane, an alert waits for them this long, and then goes without.
GRACE_MICROSECONDS: Final = 300_000
_GRACE_LOOK_SECONDS: Final = 0.05
# After a restart clients come back spread over this time, not all at once.
_RETURN_MILLISECONDS: Final = (1_000, 10_000)
_NUMBER: Final = re.compile(r"[0-9]{1,19}", re.ASCII)
_HEADERS: Final = {
    "Content-Type": EVENTS,
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often a silent stream says that it lives, and how long one write may take."""

    heartbeat_seconds: float = 15.0
    write_seconds: float = 10.0


class Streams:
    """The stream door of one process."""

    def __init__(
        self, pool: Pool, bell: Bell, metrics: Metrics, life: Life, pace: Pace | None = None
    ) -> None:
        self.pool: Final = pool
        self.metrics: Final = metrics
        self.life: Final = life
        self.pace: Final = pace or Pace()
        self._bell = bell

    async def open(self, request: web.Request) -> web.StreamResponse:
        """Answer with a stream that lasts until the client goes, its token expires or we stop."""
        scope = scope_of(request)
        must_read(request, EVENTS)
        Query(request, ())
        written = request.headers.get(LAST_EVENT_ID)
        try:
            with self._bell.listening(scope, lambda: _is_gone(request)) as listener:
                last = await store.last(self.pool, scope)
                begin = _begin(written, last)
                self._bell.watch(scope.tenant, last)
                return await self._stream(request, listener, begin)
        except TooManyStreams as error:
            self.metrics.streams_refused.inc()
            raise Problem(
                Slug.UNAVAILABLE,
                "This tenant has as many streams open as it may.",
                headers={"Retry-After": "10"},
            ) from error

    async def _stream(
        self, request: web.Request, listener: Listener, begin: int
    ) -> web.StreamResponse:
        clock = self.life.clock
        response = web.StreamResponse(headers=_HEADERS)
        await response.prepare(request)
        expires_at = clock.monotonic() + expiry_of(request) - clock.now() / 1_000_000
        following = _Following(self, listener, response, begin, expires_at)
        with self.metrics.streams.track_inprogress():
            end = await following.run()
        self.metrics.ended(end)
        if end is End.SLOW and request.transport is not None:
            request.transport.abort()
        return response


class _Following:
    """One stream from its opening to its end."""

    def __init__(
        self,
        streams: Streams,
        listener: Listener,
        response: web.StreamResponse,
        begin: int,
        expires_at: float,
    ) -> None:
        self._pool = streams.pool
        self._metrics = streams.metrics
        self._life = streams.life
        self._pace = streams.pace
        self._listener = listener
        self._response = response
        self._seq = begin
        self._expires_at = expires_at
        self._heartbeat_at = 0.0
        # What is older than the stream was missed before, and says nothing about our speed.
        self._opened_at = self._now()

    async def run(self) -> End:
        """Send what there is and what comes, until there is a reason to end."""
        try:
            await self._write(frames.opening(self._seq))
            while (end := self._end()) is None:
                self._listener.rung.clear()
                await self._wait(await self._advance())
            if end is End.STOPPING:
                await self._write(frames.retry(random.randint(*_RETURN_MILLISECONDS)))  # noqa: S311
        except TimeoutError:
            return End.SLOW
        except ConnectionError:
            return End.GONE
        return end

    def _end(self) -> End | None:
        if self._listener.gone():
            return End.GONE
        if self._life.stopping.is_set():
            return End.STOPPING
        return End.EXPIRED if self._now() >= self._expires_at else None

    async def _advance(self) -> float:
        """Send the next alerts; returns the seconds until there is a reason to look again."""
        try:
            found = await self._read()
        except Transient:
            self._metrics.stream_retries.inc()
            found, pause = [], LOOK_SECONDS
        else:
            pause = 0.0 if len(found) == PAGE else self._pace.heartbeat_seconds
        ready = settled(found)
        if len(ready) < len(found):
            pause = _GRACE_LOOK_SECONDS
        if ready:
            await self._write(b"".join(_frame(one) for one in ready))
            self._seq = ready[-1].seq
            self._count(ready)
        elif self._now() >= self._heartbeat_at:
            await self._write(frames.HEARTBEAT)
        return pause

    async def _read(self) -> list[Numbered]:
        try:
            return await store.after(self._pool, self._listener.scope, self._seq, PAGE)
        except TimeoutError as error:  # not to be taken for a client that does not read
            raise Transient("postgres: no answer in time") from error

    async def _write(self, data: bytes) -> None:
        async with asyncio.timeout(self._pace.write_seconds):
            await self._response.write(data)
        self._heartbeat_at = self._now() + self._pace.heartbeat_seconds

    async def _wait(self, seconds: float) -> None:
        until = min(self._now() + seconds, self._heartbeat_at, self._expires_at)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, until - self._now())):
                await self._listener.rung.wait()

    def _count(self, sent: Sequence[Numbered]) -> None:
        open_for = (self._now() - self._opened_at) * 1_000_000
        for one in sent:
            self._metrics.sent(one.age if one.age <= open_for else None)

    def _now(self) -> float:
        return self._life.clock.monotonic()


def settled(found: Sequence[Numbered]) -> Sequence[Numbered]:
    """Return the alerts that can go now: those before the first that still waits for names and subject."""
    for place, one in enumerate(found):
        if not one.known and one.age < GRACE_MICROSECONDS:
            return found[:place]
    return found


def _frame(one: Numbered) -> bytes:
    return frames.event(one.seq, one.card.type, cards.shown(one.card))


def _begin(written: str | None, last: int) -> int:
    """Say after which number a stream begins: the one given, or without one the last there is."""
    if written is None:
        return last
    if not _NUMBER.fullmatch(written):
        raise invalid_parameter(LAST_EVENT_ID, "It must be the `id` of an event of this stream.")
    if int(written) > last:
        raise invalid_parameter(LAST_EVENT_ID, "No event of this stream has had that `id` yet.")
    return int(written)


def _is_gone(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()
