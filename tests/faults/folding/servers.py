"""A PostgreSQL of a fault's own, to be restarted, filled up and replaced by its standby."""

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from deploy.local import postgres, unprivileged
from deploy.local.ports import free_ports
from deploy.local.postgres import NAME, SUPERUSER, Postgres
from deploy.local.stack import Stack
from tests.faults.ground import SkippedError
from tests.support.database_proxy import DatabaseProxy, database_proxying
from tests.support.eventually import eventually
from tests.support.stack import a_directory

_SECONDS = 60.0
_SAFE = {"synchronous_commit": "on", "full_page_writes": "on"}


@asynccontextmanager
async def a_server(
    *,
    on: Callable[[Path], None] | None = None,
    off: Callable[[Path], None] | None = None,
    settings: Mapping[str, str] | None = None,
) -> AsyncIterator[Stack]:
    """Have a stack of which PostgreSQL runs, with these settings; `on` prepares where its data will lie.

    A commit is in the operating system's hands when it is told, which is all that a server's own end needs.
    """
    directory = contextmanager(_a_stack)()
    stack = await asyncio.to_thread(directory.__enter__)
    try:
        stack.postgres.more |= _SAFE | dict(settings or {})
        place = place_of(stack)
        if on is not None:
            on(place)
        try:
            await asyncio.to_thread(stack.postgres.start)
            yield stack
        finally:
            await asyncio.to_thread(stack.stop)
            if off is not None:
                off(place)
    finally:
        await asyncio.to_thread(directory.__exit__, None, None, None)


def _a_stack() -> Iterator[Stack]:
    with a_directory() as directory:
        stack = Stack(directory, free_ports(), fsync=False)
        try:
            yield stack
        finally:
            stack.stop()


def place_of(stack: Stack) -> Path:
    """Return the folder in which the server of a stack keeps its data."""
    return unprivileged.plan(postgres._programs(), stack.postgres._directory).directory


async def crash(stack: Stack) -> None:
    """End the server as `pg_ctl stop -m immediate` does: no checkpoint, no farewell."""
    os.kill(stack.processes.pid(NAME), signal.SIGQUIT)
    await eventually(lambda: not stack.processes.is_running(NAME), _SECONDS)
    await asyncio.to_thread(stack.postgres.stop)


async def restart(stack: Stack, mode: str) -> None:
    """Restart the server, `fast` or `immediate`."""
    if mode == "immediate":
        await crash(stack)
    else:
        await asyncio.to_thread(stack.postgres.stop)
    await asyncio.to_thread(stack.postgres.start)


@asynccontextmanager
async def a_standby(primary: Stack) -> AsyncIterator["Standby"]:
    """Have a streaming replica of a server, which reaches it through a proxy."""
    directory = contextmanager(_a_stack)()
    stack = await asyncio.to_thread(directory.__enter__)
    try:
        stack.postgres = Postgres(
            stack.postgres._directory,
            stack.ports,
            stack.processes,
            primary.credentials.passwords,
            fsync=False,
        )
        stack.postgres.more |= _SAFE
        async with database_proxying(primary.postgres.port) as way:
            await asyncio.to_thread(_copy, primary, stack, way.port)
            await asyncio.to_thread(stack.postgres.start)
            yield Standby(primary, stack, way)
    finally:
        await asyncio.to_thread(directory.__exit__, None, None, None)


def _copy(primary: Stack, stack: Stack, port: int) -> None:
    launch = unprivileged.plan(postgres._programs(), stack.postgres._directory)
    program = launch.programs / "pg_basebackup"
    if not program.exists():
        raise SkippedError("there is no pg_basebackup beside this PostgreSQL")
    command = [*launch.prefix, str(program), "-D", "data", "-R", "-X", "stream", "-c", "fast", "-d"]
    url = primary.postgres.url(SUPERUSER, "postgres")
    subprocess.run(  # noqa: S603 our own words
        [*command, url.replace(f":{primary.postgres.port}/", f":{port}/")],
        cwd=launch.directory,
        env=postgres._environment(),
        user=launch.user,
        group=launch.user,
        extra_groups=None if launch.user is None else [],
        timeout=_SECONDS,
        check=True,
    )


class Standby:
    """A replica that follows its primary until it is told to take its place."""

    def __init__(self, primary: Stack, stack: Stack, way: DatabaseProxy) -> None:
        self._primary = primary
        self.stack = stack
        self.way = way
        """On which the primary's writes come."""

    async def caught_up(self) -> None:
        """Return once it has all that the primary has."""

        def is_so() -> bool:
            sql = "select coalesce(bool_and(replay_lsn >= pg_current_wal_lsn()), false) from pg_stat_replication"
            return self._primary.postgres.execute(sql) == "t"

        await eventually(lambda: asyncio.to_thread(is_so), _SECONDS)

    async def promote(self) -> None:
        """Have it take writes."""
        await asyncio.to_thread(self.stack.postgres.execute, "select pg_promote(true, 60)")
