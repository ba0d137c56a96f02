"""PostgreSQL that restarts, fails over to a replica that lacks some commits, and goes silent."""

import asyncio
import time

from deploy.local.postgres import SUPERUSER
from tests.faults.edge import status_of
from tests.faults.folding.asking import asking
from tests.faults.folding.field import Field, a_field
from tests.faults.folding.observer import Observer
from tests.faults.folding.servers import a_server, a_standby, crash, restart
from tests.faults.folding.worker import Worker
from tests.faults.ground import Ground, Row
from tests.faults.rows.dying import through
from tests.faults.traffic import lasting
from tests.support.database_proxy import DatabaseProxy, database_proxying
from tests.support.eventually import eventually

_SECONDS = 60.0
# What a statement may take, and the wait for a connection; whoever waits longer hangs.
_ANSWERED_SECONDS = 12.0
# What the drain may overrun: a busy machine, and the end of the process itself.
_OVERRUN_SECONDS = 5.0


async def p11(ground: Ground) -> Row:
    """PostgreSQL restarts under load, fast and immediate in turn; the projector goes on by itself."""
    async with a_server() as beside, a_field(ground, server=beside.postgres) as field:
        field.once = False
        worker = field.worker()
        worker.launch()
        await field.feed.put(field.story.prepared())
        await worker.until("/readyz")
        pid = worker.pid
        modes = ("fast", "immediate") * ground.count(5, 1)
        async with field.feed.flowing(field.story.living, ground.rate):
            for mode in modes:
                await lasting(field.chance.uniform(0.2, 1.5))
                await restart(beside, mode)
                await field.probed(worker)
        field.hold(worker.running and worker.pid == pid, "the projector was started again")
        await field.settled(worker)
        return field.row("P11 PostgreSQL restarts", f"{len(modes)} times, fast and immediate")


async def p12(ground: Ground) -> Row:
    """The primary dies with commits that its replica lacks; the replica takes over, and they are folded again."""
    async with (
        a_server() as beside,
        database_proxying(beside.postgres.port) as proxy,
        a_field(ground, server=beside.postgres) as field,
    ):
        field.once = False
        worker = _by_way_of(field, proxy)
        worker.launch()
        await field.feed.put(field.story.prepared())
        async with a_standby(beside) as standby:
            await worker.until("/readyz")
            async with field.feed.flowing(field.story.living, ground.rate):
                await field.probed(worker)
                await standby.caught_up()
                standby.way.silence()
                await field.probed(worker)
                before = await field.observer.offsets()
                await crash(beside)
                standby.way.cut()
                proxy.target = standby.stack.postgres.port
                field.observer.forget()
                url = standby.stack.postgres.url(SUPERUSER, field.database)
                after = await Observer(url).offsets()
                await standby.promote()
                proxy.cut()
                lost = sum(max(0, before[lane] - after[lane]) for lane in before)
                field.hold(lost > 0, "the replica lacked nothing")
                await field.probed(worker)
            await field.settled(worker)
            return field.row("P12 failover", f"the replica lacked {lost} records that were folded")


async def p13(ground: Ground) -> Row:
    """PostgreSQL is behind a dead switch: no answer, no reset. Nobody waits for ever, also not whoever is to end."""
    async with a_field(ground) as field, database_proxying(field.server.port) as proxy:
        field.once = False
        drain = ground.seconds(10.0, 3.0)
        worker = _by_way_of(field, proxy, drain)
        worker.launch()
        await field.feed.put(field.story.prepared())
        await worker.until("/readyz")
        await field.probed(worker)
        pid, asked = worker.pid, 0.0
        async with field.feed.flowing(field.story.living, ground.rate):
            for _ in range(ground.count(3, 1)):
                proxy.silence()
                asked = await _asked(field, worker)
                await _unready(worker)
                await lasting(ground.seconds(30.0, 0.0))
                proxy.speak()
                if field.chance.random() < 0.5:
                    proxy.cut()
                await worker.until("/readyz")
            field.hold(worker.pid == pid, "the projector was started again")
            proxy.silence()
            begun = time.monotonic()
            await worker.stop()
            took = time.monotonic() - begun
            field.hold(took < drain + _OVERRUN_SECONDS, f"it took {took:.0f} s to end")
            proxy.speak()
            proxy.cut()
            await worker.start()
        await field.settled(worker)
        return field.row(
            "P13 PostgreSQL silent",
            "in the middle of everything",
            f"a question was answered after {asked:.0f} s, SIGTERM after {took:.0f} s",
        )


def _by_way_of(field: Field, proxy: DatabaseProxy, drain: float = 10.0) -> Worker:
    """Make a projector, and have the observer, see the database through a proxy."""
    field.observer.url = through(field, proxy, SUPERUSER)
    return field.worker(
        writer_url=through(field, proxy),
        reader_url=through(field, proxy, "inkling_projector_reader"),
        settings={"INKLING_DRAIN_SECONDS": str(drain)},
    )


async def _asked(field: Field, worker: Worker) -> float:
    """Ask the query API, which has to say within its deadline that it cannot answer; returns after how long."""
    begun = time.monotonic()
    async with asking(field.ground.stack, worker.url) as doors:
        try:
            status = await doors.status(field.tenants[0])
        except TimeoutError:
            status = 0
    took = time.monotonic() - begun
    field.hold(status in (503, 504), f"a question to a silent database was answered with {status}")
    field.hold(took < _ANSWERED_SECONDS, f"a question was answered after {took:.0f} s")
    return took


async def _unready(worker: Worker) -> None:
    async def is_so() -> bool:
        port = worker.ports.private("projector")
        return await asyncio.to_thread(status_of, port, "/readyz") == 503

    await eventually(is_so, _SECONDS)
