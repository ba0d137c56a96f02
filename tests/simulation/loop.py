"""An event loop without a machine below it: time jumps to the next timer, and processes live on it that can be stopped.

What belongs to one process runs in the order in which it became ready, as asyncio promises; between processes chance
decides. A process that is stopped keeps what became ready until it goes on, or for ever.
"""

import asyncio
import contextvars
import heapq
import random
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from tests.support.clock import START

_OWNER: contextvars.ContextVar[str] = contextvars.ContextVar("owner", default="world")
_AT_ONCE = 1e-9


class StuckError(Exception):
    """Nothing is ready and nothing will ever be."""


class SimulatedLoop(asyncio.BaseEventLoop):
    """Runs callbacks and timers on a time of its own."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self._chance = chance
        self._moment = 1000.0
        self._halted: dict[str, deque[asyncio.Handle]] = {}
        # those of BaseEventLoop, which its type stubs do not name
        self._ready: deque[Any] = deque()
        self._scheduled: list[asyncio.TimerHandle] = []
        self._timer_cancelled_count = 0

    def time(self) -> float:
        """Return the simulated seconds."""
        return self._moment

    def halt(self, owner: str) -> None:
        """Stop a process where it stands, as SIGSTOP does."""
        self._halted.setdefault(owner, deque())

    def resume(self, owner: str) -> None:
        """Let a process that was stopped go on with what became ready meanwhile."""
        self._ready.extend(self._halted.pop(owner, ()))

    def is_halted(self, owner: str) -> bool:
        """Tell whether a process stands still."""
        return owner in self._halted

    def _run_once(self) -> None:
        scheduled = self._scheduled
        if self._timer_cancelled_count * 2 > len(scheduled) > 200:
            scheduled[:] = [one for one in scheduled if not one._cancelled]
            heapq.heapify(scheduled)
            self._timer_cancelled_count = 0
        while scheduled and scheduled[0]._cancelled:
            heapq.heappop(scheduled)
            self._timer_cancelled_count -= 1
        if not self._ready:
            if not scheduled:
                raise StuckError
            self._moment = max(self._moment, scheduled[0].when())
        until = self._moment + _AT_ONCE
        while scheduled and scheduled[0].when() <= until:
            timer: Any = heapq.heappop(scheduled)
            timer._scheduled = False
            if timer._cancelled:
                self._timer_cancelled_count -= 1
            else:
                self._ready.append(timer)
        for handle in self._take():
            if not handle._cancelled:
                handle._run()

    def _take(self) -> list[Any]:
        """Take what is ready: each process's in its order, and chance says which process is next."""
        ready, self._ready = self._ready, deque()
        if len(ready) == 1 and not self._halted:
            return list(ready)
        queues: dict[str, deque[Any]] = {}
        for handle in ready:
            owner = handle._context.get(_OWNER, "world")
            if owner in self._halted:
                self._halted[owner].append(handle)
            else:
                queues.setdefault(owner, deque()).append(handle)
        if len(queues) <= 1:
            return [handle for queue in queues.values() for handle in queue]
        taken: list[Any] = []
        names = list(queues)
        while names:
            place = int(self._chance.random() * len(names))
            queue = queues[names[place]]
            taken.append(queue.popleft())
            if not queue:
                names.pop(place)
        return taken

    def _write_to_self(self) -> None:
        """Wake nobody: nothing sleeps."""

    def _process_events(self, event_list: object) -> None:
        """Take no events: there is no selector."""


class SimulatedClock:
    """The loop's time, as a clock."""

    def __init__(self, loop: SimulatedLoop) -> None:
        self._loop = loop

    def now(self) -> int:
        """Return microseconds since the Unix epoch, UTC."""
        return START + round(self._loop.time() * 1_000_000)

    def monotonic(self) -> float:
        """Return seconds that never run backwards."""
        return self._loop.time()


class Process:
    """Something with a name that runs on the loop and can be stopped, killed and cut off from servers."""

    def __init__(self, loop: SimulatedLoop, name: str) -> None:
        self.loop = loop
        self.name = name
        self.dead = False
        self.cut_off: dict[str, float] = {}
        """Servers that cannot be reached, until when."""
        self.context = contextvars.copy_context()
        self.context.run(_OWNER.set, name)

    def start(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Run work as this process."""
        return self.loop.create_task(work, context=self.context)

    def later(self, seconds: float, call: Callable[..., object], *arguments: object) -> None:
        """Call something as this process, if it still runs then."""
        self.loop.call_later(seconds, call, *arguments, context=self.context)

    def freeze(self) -> None:
        """Stop where it stands."""
        self.loop.halt(self.name)

    def thaw(self) -> None:
        """Go on, unless it was killed."""
        if not self.dead:
            self.loop.resume(self.name)

    def kill(self) -> None:
        """End without another word: not even its farewells run."""
        self.dead = True
        self.loop.halt(self.name)

    def cut_off_for(self, server: str) -> float:
        """Return for how many seconds yet a server cannot be reached."""
        return max(0.0, self.cut_off.get(server, 0.0) - self.loop.time())
