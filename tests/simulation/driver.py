"""What asyncpg is to `services.runtime.postgres`, over the database in memory: a pool, and connections that break."""

import asyncio
import random
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

import asyncpg

from services.runtime.postgres import Pool
from tests.simulation.database import Database, Result, Session
from tests.simulation.loop import Process

SERVER = "postgres"
_COMMAND_SECONDS = 6.0
_RESET = "RESET"


class SimulatedPool(Pool):
    """The service's own pool, with simulated connections in it."""

    def __init__(self, database: Database, process: Process, chance: random.Random) -> None:
        super().__init__("postgresql://", application="simulation", schema="projector", size=4)
        self._simulated = _Connections(database, process, chance)

    async def __aenter__(self) -> Self:
        self._pool = self._simulated
        return self


class _Connections:
    """As asyncpg.Pool; it grows as it must."""

    def __init__(self, database: Database, process: Process, chance: random.Random) -> None:
        self._database = database
        self._process = process
        self._chance = chance
        self._idle: list[RawConnection] = []

    async def acquire(self, timeout: float) -> "RawConnection":  # noqa: ASYNC109 as asyncpg's
        while self._idle:
            raw = self._idle.pop()
            if not raw.closed:
                return raw
        raw = RawConnection(self._database, self._process, self._chance)
        async with asyncio.timeout(timeout):
            await raw.connect()
        return raw

    async def release(self, raw: "RawConnection", timeout: float) -> None:  # noqa: ASYNC109 as asyncpg's
        if raw.closed:
            return
        try:
            await raw.ask(_RESET, (), timeout)
        except BaseException:
            raw.terminate()
            raise
        self._idle.append(raw)

    async def close(self) -> None:
        for raw in self._idle:
            raw.terminate()

    def terminate(self) -> None:
        """Do as `close` does."""

    def get_size(self) -> int:
        return len(self._idle)

    def get_idle_size(self) -> int:
        return len(self._idle)


class RawConnection:
    """As asyncpg.Connection; between it and the server lies a network that may be cut."""

    def __init__(self, database: Database, process: Process, chance: random.Random) -> None:
        self._database = database
        self._process = process
        self._chance = chance
        self._session: Session | None = None
        self._waiting: asyncio.Future[Any] | None = None
        self._severed = False
        self.closed = False

    async def connect(self) -> None:
        """Open a session, or fail as a server that is not there does."""
        answered: asyncio.Future[Any] = self._process.loop.create_future()
        self._travel(self._accept, answered)
        await answered

    def _accept(self, answered: "asyncio.Future[Any]") -> None:
        if self._database.up:
            self._session = self._database.connect(self._process, self._lost)
            self._back(_tell, answered, Result())
        elif self._chance.random() < 0.5:
            self._back(_tell, answered, ConnectionRefusedError("nobody listens"))
        else:
            starting = asyncpg.CannotConnectNowError("the database system is starting up")
            self._back(_tell, answered, starting)

    async def fetch(
        self,
        sql: str,
        *arguments: object,
        timeout: float | None = None,  # noqa: ASYNC109 as asyncpg's
    ) -> Sequence[Any]:
        return (await self.ask(sql, arguments, timeout)).rows

    async def fetchrow(
        self,
        sql: str,
        *arguments: object,
        timeout: float | None = None,  # noqa: ASYNC109 as asyncpg's
    ) -> Any:
        rows = await self.fetch(sql, *arguments, timeout=timeout)
        return rows[0] if rows else None

    async def fetchval(
        self,
        sql: str,
        *arguments: object,
        timeout: float | None = None,  # noqa: ASYNC109 as asyncpg's
    ) -> Any:
        row = await self.fetchrow(sql, *arguments, timeout=timeout)
        return None if row is None else next(iter(row.values()))

    async def execute(
        self,
        sql: str,
        *arguments: object,
        timeout: float | None = None,  # noqa: ASYNC109 as asyncpg's
    ) -> str:
        return f"OK {(await self.ask(sql, arguments, timeout)).touched}"

    def transaction(self, *, readonly: bool, isolation: str | None = None) -> "_Transaction":
        """Return a transaction; a consumer's are all at read committed, and write."""
        assert not readonly
        assert isolation in (None, "read_committed")
        return _Transaction(self)

    async def ask(self, sql: str, arguments: Sequence[Any], timeout: float | None) -> Result:  # noqa: ASYNC109 as asyncpg's
        """Send a statement and wait for the answer."""
        if self.closed or self._session is None:
            raise asyncpg.InterfaceError("connection is closed")
        if self._waiting is not None:
            raise asyncpg.InterfaceError("another operation is in progress")
        answered: asyncio.Future[Any] = self._process.loop.create_future()
        self._waiting = answered

        def reply(outcome: Result | Exception) -> None:
            self._back(_tell, answered, outcome)

        self._travel(self._session.receive, sql, arguments, reply)
        limit = self._process.loop.call_later(
            _COMMAND_SECONDS if timeout is None else timeout, _tell, answered, TimeoutError()
        )
        try:
            found: Result = await answered
        except (TimeoutError, asyncio.CancelledError):
            self._travel(self._session.cancel)
            raise
        finally:
            limit.cancel()
            self._waiting = None
        return found

    def terminate(self) -> None:
        """Cut the connection; the server hears of it when it can."""
        if not self.closed:
            self.closed = self._severed = True
            self._database.later(self._delay(), self._leave)

    def _leave(self) -> None:
        if self._process.cut_off_for(SERVER):
            return  # it does not hear of it, and waits for as long as it waits for anybody
        if self._session is not None:
            self._session.leave()

    def _lost(self) -> None:
        self._back(self._close)

    def _close(self) -> None:
        self.closed = True
        if self._waiting is not None:
            error = asyncpg.ConnectionDoesNotExistError("connection was closed in the middle")
            _tell(self._waiting, error)

    def _travel(self, call: Callable[..., object], *arguments: object) -> None:
        """Bring something to the server, later if it cannot be reached; what was cut off by then is dropped."""

        def arrive() -> None:
            away = self._process.cut_off_for(SERVER)
            if self._severed:
                return
            if away:
                self._database.later(away + self._delay(), arrive)
            else:
                call(*arguments)

        self._database.later(self._delay(), arrive)

    def _back(self, call: Callable[..., object], *arguments: object) -> None:
        """Bring something to the client; a process that stands still finds it when it goes on."""

        def arrive() -> None:
            away = self._process.cut_off_for(SERVER)
            if away:
                self._database.later(away + self._delay(), arrive)
            else:
                self._process.later(0.0, call, *arguments)

        self._database.later(self._delay(), arrive)

    def _delay(self) -> float:
        return self._chance.random() * 0.002


class _Transaction:
    """As asyncpg's; a connection that is closed by then says so instead of the error it is left with."""

    def __init__(self, raw: RawConnection) -> None:
        self._raw = raw

    async def __aenter__(self) -> None:
        await self._raw.ask("BEGIN", (), None)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._raw.ask("COMMIT" if kind is None else "ROLLBACK", (), None)


def _tell(waiter: "asyncio.Future[Any]", outcome: Result | Exception) -> None:
    if waiter.done():
        return
    if isinstance(outcome, Exception):
        waiter.set_exception(outcome)
    else:
        waiter.set_result(outcome)
