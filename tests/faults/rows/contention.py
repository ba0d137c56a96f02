"""PostgreSQL that has no connection, no lock, no patience and no room left."""

import asyncio
import errno
import os
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

from deploy.local.postgres import NAME
from services.runtime.errors import Transient
from services.runtime.postgres import Connection, connect
from tests.faults.folding.field import Field, a_field
from tests.faults.folding.servers import a_server, place_of
from tests.faults.folding.worker import Worker
from tests.faults.ground import Ground, Row, SkippedError
from tests.faults.traffic import lasting
from tests.support.eventually import eventually

_SECONDS = 60.0
_MEBIBYTE = 1024**2
_CONNECTIONS = 14
# The pools of a projector that folds and answers.
_POOLS = 5 + 10
_FAILING = """
create function fail_sometimes() returns trigger language plpgsql as $$
begin
    if random() < 0.3 then
        raise exception 'injected'
            using errcode = (array['40001', '40P01', '55P03', '57014'])[1 + floor(random() * 4)::int];
    end if;
    return null;
end $$;
create trigger fail_sometimes before update on message for each statement execute function fail_sometimes();
"""


async def p14(ground: Ground) -> Row:
    """No connection is to be had; rows and tables are locked; locks are taken in the other order; statements fail."""
    settings = {"max_connections": str(_CONNECTIONS), "deadlock_timeout": "50ms"}
    async with (
        a_server(settings=settings) as beside,
        a_field(ground, server=beside.postgres) as field,
    ):
        field.once = False
        worker = field.worker()
        worker.launch()
        await field.feed.put(field.story.prepared())
        await worker.until("/readyz")
        files = _open_files(worker)
        faults: tuple[Callable[[Field, Worker], Awaitable[None]], ...] = (
            _no_connections,
            _locked,
            _deadlocks,
            _failing,
        )
        async with field.feed.flowing(field.story.living, ground.rate):
            for fault in faults * ground.count(3, 1):
                await fault(field, worker)
                await field.probed(worker)
        await field.settled(worker)
        left = len(await field.observer.states())
        field.hold(left <= _POOLS, f"it holds {left} connections")
        more = _open_files(worker) - files
        field.hold(more < _POOLS + 10, f"{more} more files are open than at first")
        dead = await field.observer.fetch(
            "select deadlocks from pg_stat_database where datname = current_database()"
        )
        return field.row(
            "P14 contention",
            "no connections / locks / opposite order / errors",
            f"{dead[0]['deadlocks']} deadlocks",
        )


def _open_files(worker: Worker) -> int:
    return len(os.listdir(f"/proc/{worker.pid}/fd"))


async def _no_connections(field: Field, worker: Worker) -> None:
    """Take every connection there is, and cut those of the projector, so that it finds none."""
    url = field.url("inkling_projector_writer")
    async with AsyncExitStack() as held:
        await _cut(field)
        with suppress(Transient):
            while True:
                await held.enter_async_context(connect(url, application="tests-crowd"))
        await _cut(field)
        with suppress(Transient):
            while True:
                await held.enter_async_context(connect(url, application="tests-crowd"))
        await lasting(field.ground.seconds(10.0, 1.0))
    field.hold(worker.running, "without connections it died")


async def _cut(field: Field) -> None:
    await field.observer.fetch(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'inkling-projector%'"
    )


@asynccontextmanager
async def _session(field: Field) -> AsyncIterator[Connection]:
    async with connect(
        field.observer.url, application="tests-rival", schema="projector"
    ) as connection:
        await connection.execute(
            "set lock_timeout = 0; set idle_in_transaction_session_timeout = 0"
        )
        yield connection


async def _locked(field: Field, worker: Worker) -> None:
    """Hold the checkpoints' rows, then a whole table, for longer than anybody waits for a lock."""
    seconds = field.ground.seconds(12.0, 5.5)
    async with _session(field) as session:
        async with session.transaction():
            await session.fetch("select 1 from checkpoint for update")
            await lasting(seconds)
        async with session.transaction():
            await session.execute("lock table message in access exclusive mode")
            await lasting(field.ground.seconds(12.0, 1.0))
    field.hold(worker.running, "without a lock it died")


async def _deadlocks(field: Field, worker: Worker) -> None:
    """Lock the messages in the other order than the folds do, again and again."""
    mails = sorted(field.story.mails, key=lambda mail: (mail.tenant, mail.message), reverse=True)
    async with _session(field) as session:
        for _ in range(field.ground.count(50, 5)):
            with suppress(Transient):  # the victim may be we
                async with session.transaction():
                    for mail in mails:
                        await session.execute(
                            "select 1 from message where tenant = $1 and message_id = $2 for update",
                            mail.tenant,
                            mail.message,
                        )
                        await asyncio.sleep(0.005)
    field.hold(worker.running, "a deadlock ended it")


async def _failing(field: Field, worker: Worker) -> None:
    """Have every third statement of one kind fail as PostgreSQL's may: serialization, deadlock, lock, cancel."""
    async with _session(field) as session:
        await session.execute(_FAILING)
        await lasting(field.ground.seconds(20.0, 1.0))
        await session.execute("drop function fail_sometimes cascade")
    field.hold(worker.running, "a failed statement ended it")


async def p15(ground: Ground) -> Row:
    """PostgreSQL's disk is full: the projector stops, and goes on by itself once there is room and a server."""
    if os.geteuid() != 0:
        raise SkippedError("only root may mount a small tmpfs")
    settings = {"max_wal_size": "48MB", "min_wal_size": "32MB"}
    async with (
        a_server(on=_mount, off=_unmount, settings=settings) as beside,
        a_field(ground, server=beside.postgres) as field,
    ):
        field.once = False
        worker = field.worker()
        worker.launch()
        await field.feed.put(field.story.prepared())
        await worker.until("/readyz")
        await field.probed(worker)
        pid, ends = worker.pid, 0
        async with field.feed.flowing(field.story.living, ground.rate * 4):
            for _ in range(ground.count(3, 1)):
                filler = _fill(place_of(beside))
                degraded = worker.log.count("degraded")
                await eventually(lambda: worker.log.count("degraded") > degraded, 2 * _SECONDS)  # noqa: B023
                await lasting(ground.seconds(10.0, 1.0))
                filler.unlink()
                if not beside.processes.is_running(NAME):
                    ends += 1
                    await asyncio.to_thread(beside.postgres.stop)
                    await asyncio.to_thread(beside.postgres.start)
                await field.probed(worker)
        field.hold(worker.running and worker.pid == pid, "the projector was started again")
        await field.settled(worker)
        return field.row(
            "P15 disk full",
            f"{ground.count(3, 1)} times full",
            f"the server itself ended {ends} times",
        )


def _mount(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    size = 200 * _MEBIBYTE
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, check=False)  # noqa: S603 our own words
    if done.returncode != 0:
        raise SkippedError("a small tmpfs cannot be mounted here")


def _unmount(folder: Path) -> None:
    subprocess.run(["umount", "-l", str(folder)], check=True)  # noqa: S603, S607 our own words


def _fill(folder: Path) -> Path:
    """Take all the room that is left, whatever PostgreSQL takes or gives back meanwhile."""
    filler = folder / "filler"
    block = bytes(_MEBIBYTE)
    with filler.open("xb", buffering=0) as file:
        try:
            while True:
                file.write(block)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
    return filler
