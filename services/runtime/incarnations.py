"""Keeps one producer alive out of many: builds it, throws it away after any failure, buries it, builds the next.

What is shared by everybody who produces: an idempotent producer that loses a batch refuses everything after it, so
nobody mends one; and none of its calls may hang whoever uses it.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, Protocol, TypeVar

from services.runtime.errors import Fatal, Transient
from services.runtime.kafka import Landed, Producer
from services.runtime.leases import Lane
from services.runtime.log import get_logger
from services.runtime.records import Headers, Keyed
from services.runtime.retry import Backoff

log = get_logger(__name__)

START_SECONDS: Final = 5.0
CLOSE_SECONDS: Final = 3.0
_REBUILD: Final = Backoff(first_seconds=0.1, ceiling_seconds=2.0)


class Mortal(Protocol):
    """What is kept alive."""

    async def start(self, seconds: float) -> None:
        """Connect, or raise Transient or Fatal within the seconds given."""
        ...

    async def close(self, seconds: float) -> None:
        """Stop within about the seconds given; called also when `start` failed or runs."""
        ...


class Offering(Mortal, Protocol):
    """What is asked of a producer by those who count the cost of each batch; Kafka's `Producer` is one."""

    async def prepare(self, topic: str, seconds: float) -> int:
        """Learn about a topic and return its partition count; Transient or Fatal if it cannot."""
        ...

    def offer(
        self,
        lane: Lane,
        records: Sequence[Keyed],
        more: Headers,
        timestamp_ms: int,
        landed: Landed,
    ) -> int:
        """Enqueue a batch of the first records and return how many; see `Producer.offer`."""
        ...


P = TypeVar("P", bound=Mortal)


def producers(servers: str, client_id: str) -> Callable[[int], Producer]:
    """Return how to build the Kafka producer of a number; nothing is connected by it."""
    return lambda number: Producer(servers, f"{client_id}-{number}")


class Incarnations(Generic[P]):
    """One producer after the other, at most one of them `live`."""

    def __init__(
        self,
        build: Callable[[int], P],
        prepare: Callable[[P], Awaitable[None]] | None = None,
        came_up: Callable[[P], None] | None = None,
    ) -> None:
        """`prepare` belongs to the start: it has its own deadline, and fails with Transient or Fatal.

        `came_up` is called once a producer is live; it may throw it away again.
        """
        self._build: Final = build
        self._prepare: Final = prepare
        self._came_up: Final = came_up
        self._current: P | None = None
        self._buried: Final[set[asyncio.Future[None]]] = set()
        self._ready: Final = asyncio.Event()
        self._broken: Final = asyncio.Event()
        self._failures = 0
        self._told: str | None = None
        self.count = 0
        self.trouble: str | None = "kafka: not connected yet"

    async def run(self) -> None:
        """Build one after the other until cancelled; then bury the last within a bounded time."""
        try:
            while True:
                await self._live_once()
                self._bury()
                await asyncio.sleep(_REBUILD.delay(self._failures, random.random()))  # noqa: S311
                self._failures += 1
        finally:
            self._ready.clear()
            self._bury()
            if self._buried:
                await asyncio.wait(self._buried, timeout=CLOSE_SECONDS)

    async def live(self, deadline: float) -> P | None:
        """Return the live producer, waiting for one until that moment of the loop's time."""
        if (
            self._ready.is_set()
        ):  # asked for each batch; to set up the wait would cost as much as a small one
            return self._current
        try:
            async with asyncio.timeout_at(deadline):
                await self._ready.wait()
        except TimeoutError:
            return None
        return self._current

    def worked(self) -> None:
        """Note that Kafka does its work, so that the next failure is met by a quick rebuild."""
        self._failures = 0

    def throw_away(self, producer: P, error: Exception) -> None:
        """Have a producer replaced, of which something failed; of one that is gone already, nothing."""
        if producer is self._current and self._ready.is_set():
            self._ready.clear()
            self.trouble = str(error)
            self._broken.set()

    async def _live_once(self) -> None:
        producer = self._current = self._build(self.count)
        self.count += 1
        self._broken.clear()
        try:
            await producer.start(START_SECONDS)
            if self._prepare is not None:
                await self._prepare(producer)
        except (Transient, Fatal) as error:
            if self._told != str(error):  # once for an outage, however often it is tried
                self._told = str(error)
                log.warning("producer_not_started", reason=self._told)
            self.trouble = str(error)
            return
        self.trouble = self._told = None
        self._ready.set()
        log.info("producer_started", incarnation=self.count)
        if self._came_up is not None:
            self._came_up(producer)
        await self._broken.wait()
        log.warning("producer_thrown_away", reason=self.trouble)

    def _bury(self) -> None:
        """Close the current one beside everything else; cancelled, it would leave sockets."""
        producer, self._current = self._current, None
        if producer is not None:
            closing = asyncio.ensure_future(producer.close(CLOSE_SECONDS))
            self._buried.add(closing)
            closing.add_done_callback(self._buried.discard)
