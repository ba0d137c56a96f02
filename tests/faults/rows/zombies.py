"""Projectors that stop without dying, lose their lanes, and go on as if nothing had happened."""

import asyncio
import signal
import time
from contextlib import suppress

from services.runtime.errors import Transient
from tests.faults.folding.field import Field, a_field
from tests.faults.folding.worker import Worker
from tests.faults.ground import Ground, Row
from tests.faults.rows.dying import Moment, through
from tests.faults.traffic import lasting
from tests.support.database_proxy import Said, database_proxying
from tests.support.eventually import eventually

_SECONDS = 60.0
# Ten seconds until PostgreSQL ends a transaction in which nothing is said, ten of the lease, and a busy machine's rest.
_BLOCKED_SECONDS = 25.0
_STALLING = "tests.faults.folding.stalling"


async def p02(ground: Ground) -> Row:
    """A projector is stopped in mid-transaction; another takes over in time, and what the first had begun is void."""
    async with a_field(ground) as field, database_proxying(field.server.port) as proxy:
        zombie, other = await _two(field, proxied=through(field, proxy))
        async with field.feed.flowing(field.story.living, ground.rate / 4):
            moment = Moment(
                "in the transaction",
                field.chance.randint(1, 12),
                lambda: zombie.signal(signal.SIGSTOP),
            )
            proxy.listener = moment
            await eventually(lambda: moment.reached, _SECONDS)
            stopped = time.monotonic()
            await eventually(lambda: _in_mid_transaction(field), _SECONDS)
            await field.probed(other, seconds=_SECONDS)
            blocked = time.monotonic() - stopped
            # Its lease, and ten seconds.
            await lasting(max(0.0, ground.seconds(20.0, 0.0) - blocked))
            await _woken(field, zombie, "in mid-transaction")
        field.hold(blocked < _BLOCKED_SECONDS, f"nobody got on for {blocked:.0f} s")
        await field.settled(zombie)
        return field.row(
            "P2 zombie",
            "in the transaction: idle in it, as PostgreSQL says",
            f"the other got on after {blocked:.0f} s",
        )


async def p03(ground: Ground) -> Row:
    """A projector is stopped between poll and BEGIN; when it goes on, its lanes have another's epoch."""
    async with a_field(ground) as field, database_proxying(field.server.port) as proxy:
        zombie, other = await _two(field, proxied=through(field, proxy))
        awake = asyncio.Event()
        reached = asyncio.Event()

        async def stop_before_begin(said: Said) -> None:
            if said.statement.startswith("BEGIN") and not reached.is_set():
                zombie.signal(signal.SIGSTOP)
                reached.set()
                await awake.wait()

        async with field.feed.flowing(field.story.living, ground.rate / 4):
            proxy.listener = stop_before_begin
            await asyncio.wait_for(reached.wait(), _SECONDS)
            stopped = time.monotonic()
            if ground.full:
                await lasting(20.0)
            else:
                await field.observer.run_out()
            await field.probed(other, seconds=_SECONDS)
            blocked = time.monotonic() - stopped
            awake.set()
            await _woken(field, zombie, "between poll and BEGIN")
        await field.settled(zombie)
        return field.row(
            "P3 zombie before BEGIN", "between poll and BEGIN", f"stopped for {blocked:.0f} s"
        )


async def p22(ground: Ground) -> Row:
    """The event loop of a projector stands still for 15 s; its lanes go to another, and it works on."""
    async with a_field(ground) as field:
        seconds = ground.seconds(15.0, 4.0)
        zombie, other = await _two(
            field, module=_STALLING, settings={"STALL_SECONDS": str(seconds)}
        )
        async with field.feed.flowing(field.story.living, ground.rate / 4):
            begun = time.monotonic()
            zombie.signal(signal.SIGUSR1)
            if not ground.full:
                await field.observer.run_out()
            await field.probed(other, seconds=_SECONDS)
            took = time.monotonic() - begun
            await _fenced(field, zombie, "as its loop stood still")
        await field.settled(zombie)
        return field.row(
            "P22 loop stall", f"{seconds:.0f} s", f"the other got on after {took:.0f} s"
        )


async def _two(
    field: Field, *, proxied: str | None = None, module: str = "services.projector", **more: object
) -> tuple[Worker, Worker]:
    """Start two projectors that share the lanes, the first one told of another way to the database."""
    way = {} if proxied is None else {"writer_url": proxied}
    # What was on its way to Kafka as one was stopped is published by the other too, under the same ids.
    field.once = False
    first = field.worker("projector-1", module=module, **way, **more)
    second = field.worker("projector-2")
    for worker in (first, second):
        worker.launch()
    await field.feed.put(field.story.prepared())
    for worker in (first, second):
        await worker.until("/readyz")

    async def shared() -> bool:
        held = [
            (await worker.metrics()).sum("inkling_projector_lanes") for worker in (first, second)
        ]
        return min(held) > 1

    await eventually(shared, _SECONDS)
    return first, second


async def _in_mid_transaction(field: Field) -> bool:
    with suppress(Transient):
        return "idle in transaction" in await field.observer.states()
    return False


async def _woken(field: Field, zombie: Worker, when: str) -> None:
    zombie.signal(signal.SIGCONT)
    await _fenced(field, zombie, when)


async def _fenced(field: Field, zombie: Worker, when: str) -> None:
    """Hold that one that was stopped learns that its lanes are another's, and goes on living."""

    async def told() -> bool:
        return (await zombie.metrics()).sum("inkling_projector_fenced_total") > 0

    try:
        await eventually(told, _SECONDS)
    except TimeoutError:
        field.broken.append(f"stopped {when}, it was not fenced")
    await zombie.until("/readyz")
