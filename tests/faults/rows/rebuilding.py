"""Read models made anew under load while others fail; and the switch, killed at each of its steps."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from deploy.local.unprivileged import CHECKOUT
from services.runtime.errors import Fatal, Transient
from tests.faults.folding.asking import NotAnsweredError, asking
from tests.faults.folding.field import Field, a_field
from tests.faults.folding.servers import restart
from tests.faults.folding.worker import Worker
from tests.faults.ground import Ground, Row
from tests.faults.traffic import lasting
from tests.support.database_proxy import Said, database_proxying
from tests.support.eventually import eventually

_SECONDS = 90.0
_MUCH = 1_000_000
_FALSE = """
with hidden as (update message set opens = opens + 1000000 where tenant = $1 returning 1)
update recipient set kind = 'lead' where tenant = $1
"""
_STATE = "select switched_at is not null from projector_beside.generation"
_BESIDE = "select count(*) from projector_beside.message"
_NEW = "select coalesce(sum(opens), 0)::int as opens from message where tenant = $1"
_GONE = "select count(*) = 0 from pg_stat_activity where application_name like 'inkling-projector-rebuild%'"
# What the verb says to PostgreSQL as it switches, in this order.
_STEPS = {
    "keeping vacuums away": "lock table projector.message, ",
    "holding live still": "select topic, partition, next_offset",
    "taking the tables": "lock table ",
    "moving the first": "alter table projector.message set schema",
    "moving the last": "alter table projector_between.tenant_setting",
    "noting it": "update projector_beside.generation",
    "COMMIT lost": "COMMIT",
}


class Verb:
    """`rebuild` as a process that may be killed."""

    def __init__(self, field: Field, owner_url: str | None = None) -> None:
        self._field = field
        self._owner_url = owner_url or field.url("inkling_projector_owner")
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, *arguments: str) -> None:
        """Start it."""
        told = {
            name: value for name, value in os.environ.items() if not name.startswith("INKLING_")
        }
        told |= {
            "INKLING_KAFKA_SERVERS": self._field.servers,
            "INKLING_PROJECTOR_DATABASE_URL": self._field.url("inkling_projector_writer"),
            "INKLING_PROJECTOR_READER_DATABASE_URL": self._field.url("inkling_projector_reader"),
            "INKLING_PROJECTOR_OWNER_DATABASE_URL": self._owner_url,
        }
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services.projector", "rebuild", *arguments),
            cwd=CHECKOUT,
            env=told,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    def kill(self) -> None:
        """End it as `kill -9` does."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGKILL)

    async def ended(self) -> int:
        """Return its exit code; what it said against it is noted as broken unless it was killed."""
        assert self._process is not None
        async with asyncio.timeout(_SECONDS):
            _, told = await self._process.communicate()
        code = self._process.returncode or 0
        if code > 0:
            self._field.broken.append(f"rebuild ended with {code}: {told.decode()[-300:]}")
        return code

    async def run(self, *arguments: str) -> int:
        """Run it to its end."""
        await self.start(*arguments)
        return await self.ended()


async def p20(ground: Ground) -> Row:
    """Read models are rebuilt and switched under load; the rebuild, a projector and PostgreSQL are killed meanwhile."""
    async with a_field(ground) as field:
        worker = field.worker()
        worker.launch()
        await field.feed.put(field.story.prepared())
        await worker.until("/readyz")
        quiet = field.tenants[0]
        await field.feed.put(field.story.happenings(ground.count(20_000, 1_500)))
        await field.probed(worker)
        # What is live is wrong, in two tables that one request reads; what is made anew will be right.
        await field.observer.fetch(_FALSE, quiet)
        busy = [mail for mail in field.story.mails if mail.tenant != quiet]
        source = lambda count: field.story.happenings(count, busy)  # noqa: E731
        async with _reading(field, worker, quiet) as seen, field.feed.flowing(source, ground.rate):
            verb = Verb(field)
            pace = ("--rate", str(ground.count(3_000, 800)))
            await verb.start("run", *pace)
            await eventually(lambda: _holds(field, _BESIDE), _SECONDS)
            verb.kill()
            await verb.ended()
            await verb.start("run", "--switch", *pace)
            worker.kill()
            await worker.start("/livez")
            await restart(ground.stack, "immediate")
            await verb.ended()
            field.hold(await _holds(field, _STATE), "it was not switched")
            new = len(seen)
            await eventually(lambda: len(seen) > new + 5, _SECONDS)
        await field.settled(worker)
        await verb.run("compare")
        kinds = {("old", "old"), ("new", "new")}
        field.hold(
            set(seen) == kinds, f"readers saw {sorted(set(seen))} of messages and recipients"
        )
        killed = "rebuild, projector and PostgreSQL killed while it folds"
        return field.row("P20 rebuild under load", killed, f"{len(seen)} answers of old or new")


async def p21(ground: Ground) -> Row:
    """A switch dies at each of its steps, at COMMIT and just after it; what is live is the old or the new, whole."""
    async with a_field(ground) as field, database_proxying(field.server.port) as proxy:
        worker = field.worker()
        worker.launch()
        await field.feed.put(field.story.prepared())
        await worker.until("/readyz")
        quiet = field.tenants[0]
        await field.feed.put(field.story.happenings(ground.count(5_000, 600)))
        await field.probed(worker)
        right = await _opens(field, quiet)
        await field.observer.fetch(_FALSE, quiet)
        by_proxy = field.url("inkling_projector_owner").replace(
            f":{field.server.port}/", f":{proxy.port}/"
        )
        busy = [mail for mail in field.story.mails if mail.tenant != quiet]
        source = lambda count: field.story.happenings(count, busy)  # noqa: E731
        steps = [*_STEPS, "COMMIT done, its answer lost"]
        if not ground.full:
            steps = [field.chance.choice(steps[2:-1]), steps[-1]]
        became = []
        async with _reading(field, worker, quiet) as seen, field.feed.flowing(source, ground.rate):
            await Verb(field).run("run")
            for step in steps:
                verb = Verb(field, by_proxy)
                killing = Killing(step, verb.kill)
                proxy.listener = killing
                await verb.start("switch")
                await eventually(lambda: killing.done, _SECONDS)  # noqa: B023
                proxy.listener = None
                await verb.ended()
                await eventually(lambda: _holds(field, _GONE), _SECONDS)
                switched = await _holds(field, _STATE)
                is_right = await _opens(field, quiet) == right
                field.hold(switched is is_right, f"neither old nor new after {step}")
                became.append("new" if is_right else "old")
                if switched:
                    await Verb(field).run("back")
            await Verb(field).run("switch")
        await field.settled(worker)
        field.hold({one == other for one, other in seen} == {True}, "a reader saw a mix")
        field.hold("old" in became and "new" in became, f"only {set(became)}")
        said = (
            f"{len(seen)} answers; {', '.join(map(' then '.join, zip(steps, became, strict=True)))}"
        )
        return field.row("P21 switch killed", " / ".join(steps), said)


class Killing:
    """Listens to a switch and kills it at one of its steps."""

    def __init__(self, step: str, kill: Callable[[], None]) -> None:
        self._words = _STEPS.get(step, "")
        self._exclusive = step == "taking the tables"
        self._kill = kill
        self._noted: int | None = None
        self.done = False

    async def __call__(self, said: Said) -> None:
        if said.statement.startswith(_STEPS["noting it"]):
            self._noted = said.connection
        if self.done or not self._is_now(said):
            return
        self.done = True
        self._kill()
        raise ConnectionAbortedError

    def _is_now(self, said: Said) -> bool:
        if not self._words:
            return said.committed and said.connection == self._noted
        if self._words == "COMMIT":
            return said.statement.startswith("COMMIT") and said.connection == self._noted
        if self._exclusive and "access exclusive" not in said.statement:
            return False
        return said.statement.lstrip().startswith(self._words)


@asynccontextmanager
async def _reading(
    field: Field, worker: Worker, tenant: str
) -> AsyncIterator[list[tuple[str, str]]]:
    """Have somebody ask for a mail to which nothing happens, and note whose its opens and its recipients are."""
    (mail,) = [mail for mail in field.story.mails if mail.tenant == tenant][:1]
    seen: list[tuple[str, str]] = []

    async def ask() -> None:
        async with asking(field.ground.stack, worker.url) as doors:
            while True:
                with suppress(NotAnsweredError):
                    found = await doors.message(tenant, str(mail.message))
                    told = "old" if found["opens"]["count"] >= _MUCH else "new"
                    kinds = {one["kind"] for one in found["recipients"]}
                    seen.append((told, "old" if kinds == {"lead"} else "new"))
                await lasting(0.02)

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(ask())
        try:
            yield seen
        finally:
            task.cancel()


async def _holds(field: Field, sql: str) -> bool:
    with suppress(Transient, Fatal):  # it is away, or there is no such table yet
        rows = await field.observer.fetch(sql)
        return bool(rows and rows[0][0])
    return False


async def _opens(field: Field, tenant: str) -> int:
    (row,) = await field.observer.fetch(_NEW, tenant)
    return int(row["opens"])
