"""Delivers what is due: claims, calls, records. A slow endpoint holds its own few calls and nothing else."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Collection
from typing import Final
from uuid import UUID

from services.alerts.webhooks import schedule, sign
from services.alerts.webhooks.egress import TOTAL_SECONDS, Egress
from services.alerts.webhooks.kinds import Dead, Disabled, Result, State
from services.alerts.webhooks.lanes import Lanes
from services.alerts.webhooks.metrics import WebhookMetrics
from services.alerts.webhooks.queue import Claimed, Queue, Recorded, Settled
from services.runtime.clock import Clock
from services.runtime.errors import Transient
from services.runtime.lifecycle import Life
from services.runtime.log import get_logger

log = get_logger(__name__)

LOOK_SECONDS: Final = 1.0
_FIGURES_SECONDS: Final = 5.0
_CARE_SECONDS: Final = 60.0
_RETRY_SECONDS: Final = 0.5
_SECOND: Final = 1_000_000
# No call is begun that its lease might not outlast.
_CALL_MICROSECONDS: Final = round((TOTAL_SECONDS + 5) * _SECOND)
# An endpoint that says it has too much is left alone so long at most; each delivery waits as its schedule says.
_PAUSE_SECONDS: Final = 60.0
_FIRST_PAUSE_SECONDS: Final = 5.0
# What a drain leaves for writing down what the last calls came to.
_RECORD_SECONDS: Final = 1.0


class Courier:
    """The deliveries of one process."""

    def __init__(
        self, queue: Queue, egress: Egress, metrics: WebhookMetrics, clock: Clock, slots: int
    ) -> None:
        self._queue = queue
        self._egress = egress
        self._metrics = metrics
        self._clock = clock
        self._slots = slots
        self._lanes = Lanes(slots)
        self._open: dict[UUID, asyncio.Semaphore] = {}
        self._rung = asyncio.Event()
        self._calls: set[asyncio.Task[None]] = set()
        # Bounded by what is claimed: nothing more is claimed while so much is not recorded.
        self._settled: list[Settled] = []
        self._unused: list[Claimed] = []
        self._to_record = asyncio.Event()
        self._due = {self._look: 0.0, self._figures: 0.0, self._care: 0.0}
        self._every = {
            self._look: LOOK_SECONDS,
            self._figures: _FIGURES_SECONDS,
            self._care: _CARE_SECONDS,
        }
        self._trouble: str | None = "webhooks: not started yet"

    def ring(self, webhooks: Collection[UUID]) -> None:
        """Say that there is something for these endpoints; the look, once a second, is the truth."""
        self._lanes.rung(webhooks)
        self._rung.set()

    def healthy(self) -> str | None:
        """Return None, or what keeps everything from being delivered."""
        return self._trouble

    async def run(self, life: Life) -> None:
        """Deliver until the process is to stop; then let calls under way end, as far as there is time."""
        async with asyncio.TaskGroup() as tasks:
            waking = tasks.create_task(self._wake_at_end(life))
            recording = tasks.create_task(self._recording())
            while not life.stopping.is_set():
                self._rung.clear()
                await self._guarded(self._turn(life, tasks))
                await _first(self._rung, LOOK_SECONDS)
            await self._end_calls(life)
            waking.cancel()
            recording.cancel()
        with contextlib.suppress(Transient, TimeoutError):
            async with asyncio.timeout(max(0.1, life.remaining())):
                await self._record()

    async def _turn(self, life: Life, tasks: asyncio.TaskGroup) -> None:
        """Look where it is time to, then claim and call what there is."""
        for work, due in list(self._due.items()):
            if self._clock.monotonic() >= due:
                await work()
                self._due[work] = self._clock.monotonic() + self._every[work]
        while not life.stopping.is_set() and (wanted := self._lanes.wanted(self._clock.now())):
            for claimed in await self._claim(wanted):
                call = tasks.create_task(self._call(claimed, life))
                self._calls.add(call)
                call.add_done_callback(self._calls.discard)

    async def _claim(self, wanted: dict[UUID, int]) -> list[Claimed]:
        try:
            claimed = await self._queue.claim(wanted, self._clock.now())
        except (Transient, TimeoutError):
            self._lanes.rung(wanted)
            raise
        for webhook, asked in wanted.items():
            self._lanes.took(webhook, asked, sum(one.webhook_id == webhook for one in claimed))
        self._metrics.in_flight.set(self._lanes.claimed)
        return claimed

    async def _call(self, claimed: Claimed, life: Life) -> None:
        slots = self._open.setdefault(claimed.webhook_id, asyncio.Semaphore(self._slots))
        async with slots:
            now = self._clock.now()
            if life.stopping.is_set() or now + _CALL_MICROSECONDS > claimed.lease_until:
                self._unused.append(claimed)
            else:
                self._settled.append(await self._made(claimed, now))
        self._to_record.set()

    async def _made(self, claimed: Claimed, now: int) -> Settled:
        """Make one call, and say what follows from what it came to."""
        begun = self._clock.monotonic()
        headers = sign.headers(claimed.id, now, claimed.body, claimed.secrets)
        reply = await self._egress.post(claimed.url, headers, claimed.body)
        seconds, now = self._clock.monotonic() - begun, self._clock.now()
        wanted = schedule.retry_after(reply.retry_after, now)
        following = schedule.after(
            reply.result,
            claimed.failures,
            now,
            wanted_seconds=wanted,
            fraction=random.random(),  # noqa: S311
        )
        pause = 0
        if reply.result in (Result.THROTTLED, Result.OVERLOADED):
            pause = round(min(wanted or _FIRST_PAUSE_SECONDS, _PAUSE_SECONDS) * _SECOND)
        self._lanes.called(claimed.webhook_id, reply.result, seconds, now + pause)
        self._metrics.attempted(reply.result, seconds)
        if reply.result is Result.DELIVERED and claimed.first and claimed.occurred_at is not None:
            self._metrics.delivered(claimed.occurred_at, now)
        return Settled(
            claimed=claimed,
            result=reply.result,
            status=reply.status,
            seconds=seconds,
            next=following,
        )

    async def _recording(self) -> None:
        while True:
            await self._to_record.wait()
            self._to_record.clear()
            if not await self._guarded(self._record()):
                self._to_record.set()
                await asyncio.sleep(_RETRY_SECONDS)

    async def _record(self) -> None:
        """Write down all that was called since; what cannot be written stays for the next time."""
        if settled := list(self._settled):
            recorded = await self._queue.record(settled, self._clock.now())
            del self._settled[: len(settled)]
            self._free([one.claimed for one in settled])
            self._count(settled, recorded)
        if unused := list(self._unused):
            await self._queue.give_back(unused)
            del self._unused[: len(unused)]
            self._free(unused)

    def _free(self, claimed: Collection[Claimed]) -> None:
        for one in claimed:
            self._lanes.freed(one.webhook_id)
            if not self._lanes.busy(one.webhook_id):
                self._open.pop(one.webhook_id, None)
        self._metrics.in_flight.set(self._lanes.claimed)
        self._rung.set()

    def _count(self, settled: Collection[Settled], recorded: Recorded) -> None:
        self._metrics.late(len(settled) - len(recorded.written))
        for one in settled:
            written = one.claimed.id in recorded.written
            if written and one.next.state is State.DEAD and one.next.dead_reason is not None:
                self._metrics.died(one.next.dead_reason)
        for webhook, reason in recorded.disabled.items():
            self._disabled(webhook, reason)

    def _disabled(self, webhook: UUID, reason: Disabled) -> None:
        self._metrics.disabled(reason)
        self._due[self._care] = 0.0
        log.warning("webhook_disabled", webhook=str(webhook), reason=reason)

    async def _look(self) -> None:
        self._lanes.rung(await self._queue.hungry(self._clock.now()))

    async def _figures(self) -> None:
        found = await self._queue.figures()
        now = self._clock.now()
        self._metrics.looked(
            pending=found.pending,
            age_seconds=0.0 if found.oldest is None else max(0, now - found.oldest) / _SECOND,
            enabled=found.enabled,
            disabled=found.disabled,
        )

    async def _care(self) -> None:
        now = self._clock.now()
        while buried := await self._queue.bury(now):
            self._metrics.died(Dead.ENDPOINT_DISABLED, buried)
        await self._queue.prune(now)

    async def _guarded(self, work: Awaitable[None]) -> bool:
        """Do something with the database, which may be away; tells whether it was done."""
        try:
            await work
        except (Transient, TimeoutError) as error:
            if self._trouble is None:
                log.warning("webhooks_degraded", reason=str(error))
            self._trouble = str(error) or "postgres: no answer in time"
            return False
        self._trouble = None
        return True

    async def _wake_at_end(self, life: Life) -> None:
        await life.stopping.wait()
        self._rung.set()

    async def _end_calls(self, life: Life) -> None:
        if self._calls:
            await asyncio.wait(self._calls, timeout=max(0.0, life.remaining() - _RECORD_SECONDS))
        for call in self._calls:
            call.cancel()  # its lease runs out, and the next attempt has the same id


async def _first(event: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
