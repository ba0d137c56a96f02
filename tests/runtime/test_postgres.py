"""PostgreSQL's adapter: what its failures mean, and that nothing waits for ever."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from deploy.local.stack import Stack
from services.runtime.errors import Fatal, Poison, Transient
from services.runtime.postgres import Connection, Pool, Queries, classify, connect
from tests.support.freezing import frozen
from tests.support.stack import Database

TABLES = """
create table item (id bigint primary key, name text not null, data jsonb);
create table other (id int references item (id));
"""


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[Pool]:
    owner = database.url("projector_owner")
    async with connect(owner, application="tests", schema="projector") as connection:
        await connection.execute(TABLES)
    async with Pool(owner, application="tests", schema="projector", statement_seconds=1) as pool:
        yield pool


@pytest.mark.parametrize(
    ("sql", "args"),
    [
        ("insert into item values (1, $1)", ["a\x00b"]),
        ("insert into item values (1, $1)", ["lone \ud800"]),
        ("insert into item values ($1, 'x')", [2**63]),
        ("insert into item values ($1, 'x')", ["text"]),
        ("insert into item values (1, null)", []),
        ("insert into item values (1, 'a'), (1, 'b')", []),
        ("insert into other values (7)", []),
        ("insert into item values (1, 'a', $1)", [{"text": "\x00"}]),
        ("select 1 / $1::int", [0]),
    ],
)
async def test_data_that_can_never_be_taken_is_poison(
    pool: Pool, sql: str, args: list[object]
) -> None:
    with pytest.raises(Poison, match="refused_by_database"):
        await pool.execute(sql, *args)
    assert await pool.fetchval("select 1") == 1


@pytest.mark.parametrize("sql", ["select nonsense", "selekt 1", "select * from nowhere"])
async def test_a_statement_that_is_wrong_is_fatal(pool: Pool, sql: str) -> None:
    with pytest.raises(Fatal):
        await pool.execute(sql)


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.SerializationError("x"),
        asyncpg.DeadlockDetectedError("x"),
        asyncpg.LockNotAvailableError("x"),
        asyncpg.AdminShutdownError("x"),
        asyncpg.TooManyConnectionsError("x"),
        asyncpg.ReadOnlySQLTransactionError("x"),
        asyncpg.InvalidCachedStatementError("x"),
        asyncpg.ConnectionDoesNotExistError("x"),
        ConnectionRefusedError(),
        TimeoutError(),
    ],
)
def test_what_may_pass_is_transient(error: Exception) -> None:
    assert isinstance(classify(error), Transient)


async def test_a_database_that_is_not_there_is_transient_and_the_pool_opens_all_the_same() -> None:
    async with Pool("postgresql://nobody@127.0.0.1:9/none", application="t", schema="s") as pool:
        with pytest.raises(Transient):
            await pool.fetchval("select 1")


async def test_a_statement_that_takes_too_long_is_ended_by_the_server(pool: Pool) -> None:
    begun = time.monotonic()
    with pytest.raises(Transient, match="57014"):
        await pool.execute("select pg_sleep(30)")
    assert time.monotonic() - begun < 2.0


async def test_a_server_that_falls_silent_is_noticed_and_its_connection_cut(
    pool: Pool, servers: Stack
) -> None:
    backend = await pool.fetchval("select pg_backend_pid()")
    begun = time.monotonic()
    with frozen([backend]):
        with pytest.raises(Transient):
            await pool.fetchval("select 1")
        assert time.monotonic() - begun < 4.0
    assert await pool.fetchval("select pg_backend_pid()") != backend


async def test_a_connection_killed_in_a_transaction_is_transient_and_replaced(pool: Pool) -> None:
    with pytest.raises(Transient):
        await _die_in_a_transaction(pool)
    assert await pool.fetchval("select count(*) from item") == 0


async def _die_in_a_transaction(pool: Pool) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("insert into item values (1, 'a')")
        pid = await connection.fetchval("select pg_backend_pid()")
        await pool.execute("select pg_terminate_backend($1)", pid)
        await connection.execute("insert into item values (2, 'a')")


async def test_a_transaction_is_all_or_nothing_and_a_nested_one_a_savepoint(pool: Pool) -> None:
    async with pool.acquire() as connection:
        async with connection.transaction():
            await connection.execute("insert into item values (1, 'kept')")
            with pytest.raises(Poison):
                await _insert(connection, 1)
            await connection.execute("insert into item values (3, 'kept')")
        with pytest.raises(ZeroDivisionError):
            await _insert_and_fail(connection)
    rows = await pool.fetch("select id from item order by id")
    assert [row["id"] for row in rows] == [1, 3]


async def _insert(connection: Connection, number: int) -> None:
    async with connection.transaction():
        await connection.execute("insert into item values ($1, 'again')", number)


async def _insert_and_fail(connection: Connection) -> None:
    async with connection.transaction():
        await connection.execute("insert into item values (9, 'lost')")
        raise ZeroDivisionError


async def test_settings_end_with_the_transaction(pool: Pool) -> None:
    async with pool.acquire() as connection:
        async with connection.transaction({"inkling.tenant": "a"}):
            assert await connection.fetchval("select current_setting('inkling.tenant')") == "a"
        assert not await connection.fetchval("select current_setting('inkling.tenant', true)")
        with pytest.raises(Transient, match="25006"):
            await _write_when_readonly(connection)


async def _write_when_readonly(connection: Connection) -> None:
    async with connection.transaction(readonly=True):
        await connection.execute("insert into item values (1, 'x')")


async def test_rows_are_read_by_name_and_position_and_json_goes_both_ways(pool: Pool) -> None:
    async with pool.acquire() as connection:
        rows = [(1, "a", {"n": [1, None]}), (2, "b", b'{"ready": true}')]
        await connection.copy_rows("item", ["id", "name", "data"], rows)
    row = await pool.fetchrow("select * from item where id = $1", 1)
    assert row is not None
    assert (row["name"], row[1], len(row)) == ("a", "a", 3)
    assert dict(row.items())["data"] == {"n": [1, None]}
    assert await pool.fetchval("select data from item where id = 2") == {"ready": True}
    assert await pool.fetchrow("select 1 where false") is None
    assert await pool.execute("update item set name = 'c'") == 2


async def test_a_stopped_holder_of_locks_is_ended_by_the_server(pool: Pool) -> None:
    settings = "select current_setting($1)"
    assert await pool.fetchval(settings, "idle_in_transaction_session_timeout") == "10s"
    assert await pool.fetchval(settings, "lock_timeout") == "5s"
    assert await pool.fetchval(settings, "TimeZone") == "UTC"


async def test_no_more_connections_than_allowed_and_the_next_is_refused_in_time(
    database: Database,
) -> None:
    url = database.url("projector_writer")
    async with Pool(url, application="tests", schema="projector", size=1) as pool:
        async with pool.acquire():
            with pytest.raises(Transient):
                async with pool.acquire(0.05):
                    raise AssertionError
        assert await pool.fetchval("select 1") == 1


async def test_a_cancelled_statement_leaves_the_pool_in_order(pool: Pool) -> None:
    async with asyncio.TaskGroup() as tasks:
        slow = tasks.create_task(pool.execute("select pg_sleep(30)"))
        await asyncio.sleep(0)
        slow.cancel()
    assert await pool.fetchval("select 1") == 1


def test_queries_are_named_and_described(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "described"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "good.sql").write_text(
        "-- name: one\n-- Says one.\nselect 1;\n\n-- name: two\n-- Says two.\nselect\n  2;\n"
    )
    (package / "bad.sql").write_text("-- name: one\nselect 1;\n")
    (package / "twice.sql").write_text("-- name: a\n-- A.\nselect 1;\n-- name: a\n-- A.\nselect 2;")
    monkeypatch.syspath_prepend(str(tmp_path))
    queries = Queries.load("described", "good.sql")
    assert queries["one"] == "select 1"
    assert queries["two"] == "select\n  2"
    for name in ("bad.sql", "twice.sql"):
        with pytest.raises(ValueError, match="described/"):
            Queries.load("described", name)
