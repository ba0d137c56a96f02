"""One timer for all deadlines of all connections: as coarse as they are patient, and free of charge for a hit."""

import asyncio
from dataclasses import dataclass
from typing import Final, Protocol

from services.runtime.clock import Clock
from services.tracker.files.sending import STALL_SECONDS
from services.tracker.front.wire import Wire

# A deadline is met this much late at most, as a part of the shortest.
_COARSENESS: Final = 0.2
_LONGEST_TICK_SECONDS: Final = 0.5
NEVER: Final = float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a stranger may take."""

    head_seconds: float = 5.0
    """For a request's head, from its first byte or from a new connection's start."""
    idle_seconds: float = 20.0
    """Between two requests."""
    write_seconds: float = 10.0
    """To make room for answers that were not read, or to take the last ones."""
    stall_seconds: float = STALL_SECONDS
    """The same of a file, whose sender has its own limit for each chunk."""
    linger_seconds: float = 0.5
    """To close, once the last answer has gone; what is sent meanwhile is thrown away."""


PATIENCE: Final = Patience()


class Swept(Protocol):
    """A connection with deadlines."""

    def sweep(self, now: float) -> None:
        """End the connection if its deadline has passed, by the sweep's clock in seconds."""
        ...


class Sweep:
    """Looks after connections, and tells the moments that deadlines set now would end at."""

    def __init__(self, patience: Patience, clock: Clock, wire: Wire) -> None:
        self._patience: Final = patience
        self._clock: Final = clock
        self._wire: Final = wire
        self._members: Final[set[Swept]] = set()
        shortest = min(patience.head_seconds, patience.idle_seconds, patience.linger_seconds)
        self._tick_seconds: Final = min(shortest * _COARSENESS, _LONGEST_TICK_SECONDS)
        self._timer: asyncio.TimerHandle | None = None
        self._looked = clock.monotonic()
        # in seconds, from when this began
        self.now = 0.0
        self.head_by = self.idle_by = self.write_by = self.linger_by = NEVER
        self._look()

    def add(self, member: Swept) -> None:
        """Look after a connection from now on."""
        self._members.add(member)

    def discard(self, member: Swept) -> None:
        """Look after it no more."""
        self._members.discard(member)

    def start(self) -> None:
        """Begin, in the running loop."""
        loop = asyncio.get_running_loop()

        def tick() -> None:
            now = self._look()
            for member in tuple(self._members):
                member.sweep(now)
            self._timer = loop.call_later(self._tick_seconds, tick)

        self._timer = loop.call_later(self._tick_seconds, tick)

    def stop(self) -> None:
        """End."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> float:
        looked, self._looked = self._looked, self._clock.monotonic()
        # While this process stood still nobody was heard, so that time counts against nobody.
        self.now = now = self.now + min(self._looked - looked, 2 * self._tick_seconds)
        patience = self._patience
        self.head_by = now + patience.head_seconds
        self.idle_by = now + patience.idle_seconds
        self.write_by = now + patience.write_seconds
        self.linger_by = now + patience.linger_seconds
        self._wire.tick(self._clock.now())
        return now
