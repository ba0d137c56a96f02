"""Wakes the streams when alerts came: at once for what this process folded, by a look at the table for the rest.

A ring is only a hint that there is something to read. The look, twice a second, is the truth: it also sees what other
processes folded, and what a hint was lost of.
"""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Final

from services.alerts import store
from services.alerts.apply import Whose
from services.alerts.store import Scope
from services.runtime.errors import Transient
from services.runtime.lifecycle import Life
from services.runtime.log import get_logger
from services.runtime.postgres import Pool

log = get_logger(__name__)

LOOK_SECONDS: Final = 0.5


class TooManyStreams(Exception):
    """The tenant has as many streams on this process as it may."""


@dataclass(slots=True, kw_only=True, eq=False)
class Listener:
    """One open stream; `rung` is set when it should look, and when its client has gone."""

    scope: Scope
    gone: Callable[[], bool]
    rung: asyncio.Event = field(default_factory=asyncio.Event)

    def concerns(self, owner: str) -> bool:
        """Tell whether alerts of this owner of the tenant are shown to it."""
        return self.scope.owner in (None, owner)


class Bell:
    """The open streams of this process, by tenant."""

    def __init__(self, pool: Pool, streams_per_tenant: int) -> None:
        self._pool = pool
        self._limit = streams_per_tenant
        self._listeners: dict[str, set[Listener]] = {}
        self._heard: dict[str, int] = {}
        self._trouble: str | None = None

    @contextlib.contextmanager
    def listening(self, scope: Scope, gone: Callable[[], bool]) -> Iterator[Listener]:
        """Wake a stream for the length of a block; raises ``TooManyStreams``."""
        listeners = self._listeners.setdefault(scope.tenant, set())
        if len(listeners) >= self._limit:
            raise TooManyStreams
        listener = Listener(scope=scope, gone=gone)
        listeners.add(listener)
        try:
            yield listener
        finally:
            listeners.discard(listener)
            if not listeners:
                self._listeners.pop(scope.tenant, None)
                self._heard.pop(scope.tenant, None)

    def watch(self, tenant: str, last: int) -> None:
        """Look for what comes after this number, unless the tenant is watched from an earlier one."""
        self._heard.setdefault(tenant, last)

    def ring(self, whose: Collection[Whose]) -> None:
        """Wake the streams that show alerts of these owners."""
        for tenant, owner in whose:
            for listener in self._listeners.get(tenant, ()):
                if listener.concerns(owner):
                    listener.rung.set()

    def healthy(self) -> str | None:
        """Return None, or why streams hear only of what this process folds."""
        return self._trouble

    async def run(self, life: Life) -> None:
        """Look until the process is to stop, then wake everybody, so that they see it and end."""
        while not life.stopping.is_set():
            self._wake(lambda listener: listener.gone())
            try:
                await self._look()
            except (Transient, TimeoutError) as error:
                if self._trouble is None:
                    log.warning("bell_degraded", reason=str(error))
                self._trouble = str(error) or "postgres: no answer in time"
            else:
                self._trouble = None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await life.stopping.wait()
        self._wake(lambda _: True)

    async def _look(self) -> None:
        if not self._heard:
            return
        for tenant, owner, seq in await store.news(self._pool, self._heard):
            self.ring([(tenant, owner)])
            if tenant in self._heard:
                self._heard[tenant] = max(seq, self._heard[tenant])

    def _wake(self, chosen: Callable[[Listener], bool]) -> None:
        for listeners in self._listeners.values():
            for listener in listeners:
                if chosen(listener):
                    listener.rung.set()
