"""A database in memory: transactions with row locks at read committed, sessions that end in every way PostgreSQL's do.

It knows statements by their text (`statements`). Rows are never changed in place, so a backup is a shallow copy.
"""

import random
from collections import defaultdict, deque
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, NamedTuple

import asyncpg

from tests.simulation.loop import Process, SimulatedLoop

Key = tuple[Any, ...]
"""A table's name and a primary key."""
Row = dict[str, Any]
Tables = dict[str, dict[Key, Row]]

STATEMENT_SECONDS = 5.0
LOCK_SECONDS = 5.0
IDLE_SECONDS = 10.0


class Result(NamedTuple):
    """What a statement returns, and how many rows it touched."""

    rows: Sequence[Row] = ()
    touched: int = 0


Steps = Generator[Key, None, Result]
Statement = Callable[["Transaction", Sequence[Any]], Steps]
Reply = Callable[[Result | Exception], None]


class Transaction:
    """What one transaction wrote and locked."""

    def __init__(self, database: "Database", worker: str) -> None:
        self.database = database
        self.worker = worker
        """The process whose it is."""
        self.written: dict[Key, Row | None] = {}
        self.locks: list[Key] = []
        self.notes: list[tuple[str, Any]] = []
        """What statements tell whoever watches commits."""

    def get(self, key: Key) -> Row | None:
        """Return a row as this transaction sees it now."""
        if key in self.written:
            return self.written[key]
        return self.database.tables[key[0]].get(key)

    def put(self, key: Key, row: Row | None) -> None:
        """Write a row that is locked, or (None) delete it."""
        self.written[key] = row

    def scan(self, table: str) -> list[tuple[Key, Row]]:
        """Return a table's rows in the order of their keys."""
        rows: dict[Key, Row | None] = dict(self.database.tables[table])
        rows |= {key: row for key, row in self.written.items() if key[0] == table}
        return [(key, row) for key, row in sorted(rows.items()) if row is not None]

    def lock(self, key: Key) -> bool:
        """Lock a row, or say that another transaction has it."""
        holder = self.database.locks.get(key)
        if holder is None:
            self.database.locks[key] = self
            self.locks.append(key)
        return holder in (None, self)


class _Running:
    """A statement under way: it may wait for locks."""

    def __init__(self, session: "Session", transaction: Transaction, steps: Steps) -> None:
        self.session = session
        self.transaction = transaction
        self.awaits: Key | None = None
        self._steps = steps
        self._timer: Any = None

    def step(self) -> None:
        """Go on until it is done or has to wait."""
        self.awaits = None
        try:
            for key in self._steps:
                if not self.transaction.lock(key):
                    self._wait(key)
                    return
        except asyncpg.PostgresError as error:
            self._end(error)

    def run(self) -> None:
        """Begin."""
        self._steps = self._finishing(self._steps)
        self.step()

    def _finishing(self, steps: Steps) -> Steps:
        result = yield from steps
        self._end(result)
        return result

    def _wait(self, key: Key) -> None:
        database = self.transaction.database
        self.awaits = key
        if self._is_circle(key):
            self.fail(asyncpg.DeadlockDetectedError("deadlock detected"))
            return
        database.waiting[key].append(self)
        if self._timer is None:
            error = asyncpg.LockNotAvailableError("canceling statement due to lock timeout")
            self._timer = database.later(LOCK_SECONDS, self.fail, error)

    def _is_circle(self, key: Key) -> bool:
        database = self.transaction.database
        wanted: Key | None = key
        passed: set[Key] = set()
        while wanted is not None and wanted not in passed:
            passed.add(wanted)
            holder = database.locks.get(wanted)
            if holder is self.transaction:
                return True
            wanted = next(
                (
                    one.running.awaits
                    for one in database.sessions
                    if one.running and one.running.transaction is holder
                ),
                None,
            )
        return False

    def fail(self, error: Exception) -> None:
        """End a wait."""
        if self.awaits is not None:
            queue = self.transaction.database.waiting[self.awaits]
            if self in queue:
                queue.remove(self)
        self._end(error)

    def _end(self, outcome: Result | Exception) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.session.ended(outcome)


class Session:
    """One connection, as the server sees it."""

    def __init__(self, database: "Database", process: Process, lost: Callable[[], None]) -> None:
        self.database = database
        self.process = process
        self.transaction: Transaction | None = None
        self.running: _Running | None = None
        self.failed = False
        self.left = False
        self.closed = False
        self._lost = lost
        self._inbox: deque[tuple[str, Sequence[Any], Reply]] = deque()
        self._reply: Reply | None = None
        self._idle: Any = None
        self._start: Any = None
        self._alone = False

    def receive(self, text: str, arguments: Sequence[Any], reply: Reply) -> None:
        """Take a statement; it runs after those before it, and after a while."""
        self._inbox.append((text, arguments, reply))
        if self._reply is None:
            self._take()

    def _take(self) -> None:
        if self.closed or not self._inbox:
            return
        text, arguments, self._reply = self._inbox.popleft()
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        seconds = self.database.duration()
        if seconds > STATEMENT_SECONDS:
            error = asyncpg.QueryCanceledError("canceling statement due to statement timeout")
            self._start = self.database.later(STATEMENT_SECONDS, self.ended, error)
        else:
            self._start = self.database.later(seconds, self._begin, text, arguments)

    def cancel(self) -> None:
        """The client waits no longer for the statement under way."""
        error = asyncpg.QueryCanceledError("canceling statement due to user request")
        if self.closed or self._reply is None:
            return
        if self.running is not None and self.running.awaits is not None:
            self.running.fail(error)
        elif self.running is None and self._start is not None:
            self._start.cancel()
            self.ended(error)

    def _begin(self, text: str, arguments: Sequence[Any]) -> None:
        if self.closed:
            return
        database = self.database
        self._start = None
        if text == "BEGIN":
            self.transaction = Transaction(database, self.process.name)
            self.ended(Result())
        elif text == "COMMIT":
            self._commit()
        elif text == "ROLLBACK":
            self._roll_back()
            self.ended(Result())
        elif self.failed:
            self.ended(asyncpg.InFailedSQLTransactionError("current transaction is aborted"))
        else:
            self._alone = self.transaction is None
            self.transaction = self.transaction or Transaction(database, self.process.name)
            steps = database.statements[text](self.transaction, arguments)
            self.running = _Running(self, self.transaction, steps)
            self.running.run()

    def _commit(self) -> None:
        fate = self.database.fate_of_commit()
        if fate == "lost":
            self.close()
            return
        if self.failed or self.transaction is None:
            self._roll_back()
        else:
            self._apply()
        if fate == "unheard":
            self.close()
            return
        self.ended(Result())

    def _apply(self) -> None:
        transaction, self.transaction = self.transaction, None
        if transaction is not None:
            self.database.commit(transaction)

    def _roll_back(self) -> None:
        transaction, self.transaction, self.failed = self.transaction, None, False
        if transaction is not None:
            self.database.release(transaction)

    def ended(self, outcome: Result | Exception) -> None:
        """A statement is done: answer, unless nobody is there to hear it."""
        if self.closed:
            return
        self.running = self._start = None
        if self._alone:
            self._alone = False
            if isinstance(outcome, Exception):
                self._roll_back()
            else:
                self._apply()
        elif isinstance(outcome, Exception) and self.transaction is not None:
            self.failed = True
        if self.left:
            self.close()
            return
        if self.transaction is not None:
            self._idle = self.database.later(IDLE_SECONDS, self.close)
        reply, self._reply = self._reply, None
        if reply is not None:
            reply(outcome)
        self._take()

    def leave(self) -> None:
        """The client is gone; a statement under way is finished all the same."""
        self.left = True
        if self._reply is None:
            self.close()

    def close(self) -> None:
        """End the session, and with it what it had not committed."""
        if self.closed:
            return
        self.closed = True
        self.database.sessions.remove(self)
        if self._idle is not None:
            self._idle.cancel()
        if self.running is not None and self.running.awaits is not None:
            queue = self.database.waiting[self.running.awaits]
            if self.running in queue:
                queue.remove(self.running)
        self.running = None
        self._roll_back()
        self._lost()


class Database:
    """The server."""

    def __init__(
        self, loop: SimulatedLoop, chance: random.Random, statements: Mapping[str, Statement]
    ) -> None:
        self.loop = loop
        self.chance = chance
        self.statements = statements
        self.tables: Tables = defaultdict(dict)
        self.locks: dict[Key, Transaction] = {}
        self.waiting: dict[Key, deque[_Running]] = defaultdict(deque)
        self.sessions: list[Session] = []
        self.up = True
        self.watchers: list[Callable[[Transaction, Mapping[Key, Row | None]], None]] = []
        self.slow = 0.0
        """The chance that a statement takes seconds."""
        self.cutting = 0.0
        """The chance that a connection is lost while it commits."""
        self._process = Process(loop, "postgres")

    def now(self) -> float:
        """Return the server's time."""
        return self.loop.time()

    def later(self, seconds: float, call: Callable[..., object], *arguments: object) -> Any:
        """Call something as the server."""
        return self.loop.call_later(seconds, call, *arguments, context=self._process.context)

    def duration(self) -> float:
        """Return how long the next statement takes before it has an effect."""
        if self.slow and self.chance.random() < self.slow:
            return self.chance.uniform(0.5, 7.0)
        return self.chance.random() * 0.004

    def fate_of_commit(self) -> str:
        """Say whether the next commit is "lost", "unheard" (done, but the answer is lost) or "told"."""
        if self.cutting and self.chance.random() < self.cutting:
            return self.chance.choice(("lost", "unheard"))
        return "told"

    def connect(self, process: Process, lost: Callable[[], None]) -> Session:
        """Open a session for a process."""
        session = Session(self, process, lost)
        self.sessions.append(session)
        return session

    def commit(self, transaction: Transaction) -> None:
        """Let everybody see what a transaction wrote."""
        before = {key: self.tables[key[0]].get(key) for key in transaction.written}
        for key, row in transaction.written.items():
            if row is None:
                self.tables[key[0]].pop(key, None)
            else:
                self.tables[key[0]][key] = row
        self.release(transaction)
        for watch in self.watchers:
            watch(transaction, before)

    def release(self, transaction: Transaction) -> None:
        """Give back a transaction's locks, each to whoever waits longest."""
        for key in transaction.locks:
            del self.locks[key]
            queue = self.waiting.get(key)
            if queue:
                following = queue.popleft()
                following.transaction.lock(key)
                following.awaits = None
                self.later(0.0, self._resume, following)
        transaction.locks.clear()

    def _resume(self, running: _Running) -> None:
        if running.session.running is running:
            running.step()

    def stop(self) -> None:
        """Lose every session, and take no more until `start`."""
        self.up = False
        for session in list(self.sessions):
            session.close()

    def start(self) -> None:
        """Be there again."""
        self.up = True

    def backup(self) -> Tables:
        """Return everything committed."""
        return {name: dict(rows) for name, rows in self.tables.items()}

    def restore(self, tables: Tables) -> None:
        """Stop, and be as at the time of a backup."""
        self.stop()
        self.tables = defaultdict(dict, {name: dict(rows) for name, rows in tables.items()})
