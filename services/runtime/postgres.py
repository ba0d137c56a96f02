"""PostgreSQL, typed: the only file that knows asyncpg, and the place where its traps are fenced off.

Every call has a deadline here and on the server, and a connection under suspicion is cut, never
closed politely: asyncpg's farewells can hang (asyncpg issue 1326).
"""

import asyncio
import contextlib
import importlib.resources
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self

import asyncpg
import orjson

from services.runtime.errors import Fatal, Poison, Transient

_CONNECT_SECONDS = 5.0
_RELEASE_SECONDS = 2.0
_LOCK_SECONDS = 5.0
_IDLE_SECONDS = 10.0  # a stopped worker must not keep its row locks from its successor


class Row(Protocol):
    """A row of a result: by column name or position."""

    def __getitem__(self, key: str | int) -> Any: ...
    def __iter__(self) -> Iterator[Any]: ...
    def __len__(self) -> int: ...
    def keys(self) -> Iterator[str]:
        """Return the column names in order."""
        ...

    def values(self) -> Iterator[Any]:
        """Return the values in order."""
        ...

    def items(self) -> Iterator[tuple[str, Any]]:
        """Return names with values in order."""
        ...


_FAILURES = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
# Data that this statement can never take; 54 is "index row too large" and its like.
_POISON = ("22", "23", "0A", "54")
# Connection, transaction state and rollback, resources, locks, operator, system, internal.
_TRANSIENT = ("08", "25", "26", "40", "53", "55", "57", "58", "XX")


class PoolBusy(Transient):
    """All connections of the pool are lent out, and none came back in time."""


def classify(error: BaseException) -> Transient | Poison | Fatal:
    """Say which of our three failures an error of PostgreSQL or its client is."""
    state = getattr(error, "sqlstate", None) or ""
    text = f"postgres: {type(error).__name__}: {state} {error}"
    if isinstance(error, asyncpg.InvalidCachedStatementError):
        return Transient(text)
    if state.startswith(_POISON):
        return Poison("refused_by_database", text)
    if not state or state.startswith(_TRANSIENT):
        return Transient(text)
    return Fatal(text)


class Connection:
    """One connection, lent by a pool or opened by `connect`."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw

    async def fetch(self, sql: str, *args: object, timeout: float | None = None) -> list[Row]:  # noqa: ASYNC109 - handed to the driver
        """Run one statement and return its rows."""
        with self._translated():
            return list(await self._raw.fetch(sql, *args, timeout=timeout))

    async def fetchrow(self, sql: str, *args: object, timeout: float | None = None) -> Row | None:  # noqa: ASYNC109 - handed to the driver
        """Run one statement and return its first row."""
        row: Row | None
        with self._translated():
            row = await self._raw.fetchrow(sql, *args, timeout=timeout)
        return row

    async def fetchval(self, sql: str, *args: object, timeout: float | None = None) -> Any:  # noqa: ASYNC109 - handed to the driver
        """Run one statement and return the first value of its first row."""
        with self._translated():
            return await self._raw.fetchval(sql, *args, timeout=timeout)

    async def execute(self, sql: str, *args: object, timeout: float | None = None) -> int:  # noqa: ASYNC109 - handed to the driver
        """Run a statement (or, without arguments, several) and return how many rows it touched."""
        with self._translated():
            status = await self._raw.execute(sql, *args, timeout=timeout)
        count = str(status).rpartition(" ")[2]
        return int(count) if count.isdigit() else 0

    async def stream(
        self,
        sql: str,
        *args: object,
        batch: int,
        timeout: float,  # noqa: ASYNC109 - handed to the driver
    ) -> AsyncIterator[list[Row]]:
        """Run one statement in a transaction and give its rows in batches, each when it is asked for."""
        with self._translated():
            cursor = await self._raw.cursor(sql, *args, timeout=timeout)
        while True:
            with self._translated():
                rows = await cursor.fetch(batch, timeout=timeout)
            if not rows:
                return
            yield list(rows)

    async def copy_rows(
        self, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]
    ) -> None:
        """Load rows into a table by binary COPY; not possible where row security applies."""
        with self._translated():
            await self._raw.copy_records_to_table(table, columns=list(columns), records=rows)

    @contextlib.asynccontextmanager
    async def transaction(
        self,
        settings: Mapping[str, str] | None = None,
        *,
        readonly: bool = False,
        isolation: str | None = None,
    ) -> AsyncIterator[None]:
        """Run a block in a transaction (a savepoint when nested) with settings local to it.

        Transient out of the end of the block: whether it was committed is unknown.
        """
        with self._translated():
            async with self._raw.transaction(readonly=readonly, isolation=isolation):
                if settings:
                    told = list(settings), list(settings.values())
                    await self._raw.execute(_SET, *told)
                yield

    def terminate(self) -> None:
        """Cut the connection without a word, as for one whose peer has gone silent."""
        _cut(self._raw)

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except _FAILURES as error:
            if isinstance(error, TimeoutError | asyncpg.InternalClientError):
                _cut(self._raw)
            raise classify(error) from error


# All at once: each would be a way to the server and back.
_SET = "select set_config(name, value, true) from unnest($1::text[], $2::text[]) told (name, value)"


def _cut(raw: Any) -> None:
    with contextlib.suppress(asyncpg.InterfaceError):  # when the pool has it back already
        raw.terminate()


class _Lent:
    """A pool's connection for the length of a block; cut when the block ends in doubt."""

    def __init__(self, owner: "Pool", pool: Any, seconds: float) -> None:
        self._owner = owner
        self._pool = pool
        self._seconds = seconds
        self._raw: Any = None

    async def __aenter__(self) -> Connection:
        with self._owner.counted():
            try:
                self._raw = await self._pool.acquire(timeout=self._seconds)
            except _FAILURES as error:
                if isinstance(error, TimeoutError) and self._owner.in_use >= self._owner.size:
                    raise PoolBusy("postgres: no connection of the pool came free") from error
                raise classify(error) from error
        return Connection(self._raw)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        raw, self._raw = self._raw, None
        if isinstance(error, Transient | asyncio.CancelledError):
            _cut(raw)
        try:
            await self._pool.release(raw, timeout=_RELEASE_SECONDS)
        except _FAILURES:
            _cut(raw)


class Pool:
    """Connections to one database as one role, in one schema; opening it needs no database yet."""

    def __init__(
        self,
        url: str,
        *,
        application: str,
        schema: str,
        size: int = 8,
        statement_seconds: float = 5.0,
        lock_seconds: float = _LOCK_SECONDS,
        wait_seconds: float = _CONNECT_SECONDS,
    ) -> None:
        """A lock is waited for that long, or a statement's time if that is less; a connection for `wait_seconds`."""
        self._url = url
        self._options = _options(application, schema, statement_seconds, lock_seconds)
        self._wait_seconds = wait_seconds
        self.size = size
        self.waiting = 0
        self.lent = 0
        self.waited_seconds = 0.0
        self._pool: Any = None

    async def __aenter__(self) -> Self:
        # No connection is made before the first is asked for, so nothing waits here.
        self._pool = await asyncpg.create_pool(
            self._url, min_size=0, max_size=self.size, init=_prepare, **self._options
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            async with asyncio.timeout(_RELEASE_SECONDS):
                await self._pool.close()
        except _FAILURES:
            self._pool.terminate()

    @property
    def in_use(self) -> int:
        """Return how many connections are lent out."""
        if self._pool is None:
            return 0
        return int(self._pool.get_size() - self._pool.get_idle_size())

    @contextlib.contextmanager
    def counted(self) -> Iterator[None]:
        """Count one wait for a connection, and how long it was."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        self.waiting += 1
        try:
            yield
            self.lent += 1
        finally:
            self.waiting -= 1
            self.waited_seconds += loop.time() - begun

    def acquire(self, seconds: float | None = None) -> _Lent:
        """Lend a connection for the length of an `async with`; Transient when none is to be had, ``PoolBusy`` if so."""
        return _Lent(self, self._pool, self._wait_seconds if seconds is None else seconds)

    async def fetch(self, sql: str, *args: object, timeout: float | None = None) -> list[Row]:  # noqa: ASYNC109 - handed to the driver
        """Run one statement on any connection and return its rows."""
        async with self.acquire() as connection:
            return await connection.fetch(sql, *args, timeout=timeout)

    async def fetchrow(self, sql: str, *args: object, timeout: float | None = None) -> Row | None:  # noqa: ASYNC109 - handed to the driver
        """Run one statement on any connection and return its first row."""
        async with self.acquire() as connection:
            return await connection.fetchrow(sql, *args, timeout=timeout)

    async def fetchval(self, sql: str, *args: object, timeout: float | None = None) -> Any:  # noqa: ASYNC109 - handed to the driver
        """Run one statement on any connection and return its first value."""
        async with self.acquire() as connection:
            return await connection.fetchval(sql, *args, timeout=timeout)

    async def execute(self, sql: str, *args: object, timeout: float | None = None) -> int:  # noqa: ASYNC109 - handed to the driver
        """Run one statement on any connection and return how many rows it touched."""
        async with self.acquire() as connection:
            return await connection.execute(sql, *args, timeout=timeout)


@contextlib.asynccontextmanager
async def connect(
    url: str, *, application: str, schema: str = "public", statement_seconds: float = 600.0
) -> AsyncIterator[Connection]:
    """Open one connection for the length of a block, for work that a pool does not suit."""
    try:
        raw = await asyncpg.connect(url, **_options(application, schema, statement_seconds))
    except _FAILURES as error:
        raise classify(error) from error
    try:
        yield Connection(raw)
    finally:
        try:
            await raw.close(timeout=_RELEASE_SECONDS)
        except _FAILURES:
            raw.terminate()


def _options(
    application: str, schema: str, statement_seconds: float, lock_seconds: float = _LOCK_SECONDS
) -> dict[str, Any]:
    def milliseconds(seconds: float) -> str:
        return str(int(seconds * 1000))

    return {
        "timeout": _CONNECT_SECONDS,
        "command_timeout": statement_seconds + 1.0,  # the server's own limit comes first
        "server_settings": {
            "application_name": application,
            "search_path": schema,
            "timezone": "UTC",
            "statement_timeout": milliseconds(statement_seconds),
            "lock_timeout": milliseconds(lock_seconds),
            "idle_in_transaction_session_timeout": milliseconds(_IDLE_SECONDS),
            "tcp_keepalives_idle": "10",
            "tcp_keepalives_interval": "5",
            "tcp_keepalives_count": "3",
            "tcp_user_timeout": "20000",
        },
    }


async def _prepare(raw: Any) -> None:
    # COPY is binary, so the codec must be too (asyncpg issue 783). Bytes are JSON already.
    await raw.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        format="binary",
        encoder=lambda value: b"\x01" + (value if type(value) is bytes else orjson.dumps(value)),
        decoder=lambda data: orjson.loads(bytes(data)[1:]),
    )


_BLOCK = re.compile(r"^-- name: (\w+)\n-- (\S.*)\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Queries:
    """The named statements of one .sql file."""

    statements: Mapping[str, str]

    @classmethod
    def load(cls, package: str, name: str) -> "Queries":
        """Read a package's file of blocks that begin `-- name: …` and a line saying what for."""
        text = importlib.resources.files(package).joinpath(name).read_text("utf-8")
        starts = list(_BLOCK.finditer(text))
        if len(starts) != text.count("-- name:") or not starts:
            raise ValueError(f"{package}/{name}: a block needs a name and a description line")
        ends = [*(start.start() for start in starts[1:]), len(text)]
        found = {
            start[1]: text[start.end() : end].strip().removesuffix(";")
            for start, end in zip(starts, ends, strict=True)
        }
        if len(found) != len(starts):
            raise ValueError(f"{package}/{name}: a name is used twice")
        return cls(found)

    def __getitem__(self, name: str) -> str:
        return self.statements[name]
