"""Tables change places at once for whoever reads; what is bound to a table follows the name."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from services.projector.rebuild import beside, switching
from services.projector.rebuild.tables import LIVE, READ_MODELS
from services.runtime.clock import Deadline, SystemClock
from services.runtime.leases import Lane
from services.runtime.postgres import Connection, Pool, connect
from tests.projector.records import opened, prepared, record
from tests.projector.store import Store, open_store
from tests.support.eventually import eventually
from tests.support.stack import Database

HISTORY = [record(prepared(number), offset=number) for number in range(1, 6)]
SCOPE = {"app.tenant": "acme", "app.owner": "sally"}


@pytest.fixture
async def live(database: Database) -> AsyncIterator[Store]:
    """A live generation, and one beside in which every message was opened once more."""
    async with open_store(database) as store:
        own = database.url("projector_owner")
        async with Pool(own, application="tests", schema=LIVE, size=2) as owner:
            async with owner.acquire() as connection:
                await beside.make(connection)
            await beside.index(owner)
        await store.apply(HISTORY)
        url = database.url("projector_writer")
        async with Pool(url, application="tests", schema=beside.PATH, size=1) as pool:
            hits = [record(opened(number), offset=10 + number) for number in range(1, 6)]
            await Store(pool).apply([*HISTORY, *hits])
        yield store


async def switch(owner: Connection, models: Sequence[str], *, back: bool = False) -> None:
    async with owner.transaction():
        found, made = await switching.shield(owner)
        await switching.lock(owner, found, made, Deadline.after(SystemClock(), 20.0))
        await switching.exchange(owner, found, made, models)
        await switching.note(owner, {Lane("log", 0): 1}, models, back=back)


async def test_readers_see_one_or_the_other_and_never_an_error(
    live: Store, database: Database
) -> None:
    seen: list[tuple[int, int]] = []
    stopping = asyncio.Event()
    reader = Pool(database.url("projector_reader"), application="tests", schema=LIVE, size=3)

    async def read() -> None:
        while not stopping.is_set():
            async with reader.acquire() as connection, connection.transaction(SCOPE, readonly=True):
                # In another order each time, as doors do.
                tables = ["message", "recipient"][:: 1 if len(seen) % 2 else -1]
                found = {
                    table: await connection.fetchval(f"select sum(opens)::int from {table}")  # noqa: S608
                    for table in tables
                }
            seen.append((found["message"], found["recipient"]))

    async with (
        reader,
        connect(database.url("projector_owner"), application="tests", schema=LIVE) as owner,
        asyncio.TaskGroup() as tasks,
    ):
        for _ in range(3):
            tasks.create_task(read())
        await eventually(lambda: len(seen) > 20)
        for turn in range(12):
            await switch(owner, tuple(READ_MODELS), back=turn % 2 == 1)
            count = len(seen)
            await eventually(lambda: len(seen) > count + 20)  # noqa: B023
        stopping.set()
    assert set(seen) == {(0, 0), (5, 5)}


async def test_a_fold_goes_on_into_whatever_is_live(live: Store, database: Database) -> None:
    async with connect(database.url("projector_owner"), application="tests", schema=LIVE) as owner:
        for turn in range(4):
            await switch(owner, tuple(READ_MODELS), back=turn % 2 == 1)
            await live.apply([record(opened(1), offset=100 + turn)])
    # Two of the four went to each.
    assert await live.pool.fetchval("select sum(opens)::int from projector.message") == 2
    assert await live.pool.fetchval("select sum(opens)::int from projector_beside.message") == 7


async def test_a_seller_sees_the_same_parts_when_only_the_messages_changed_places(
    live: Store, database: Database
) -> None:
    async with connect(database.url("projector_owner"), application="tests", schema=LIVE) as owner:
        await switch(owner, ("message",))
        # Were the links' policy still of the old messages, this would be of no consequence.
        await live.pool.execute("update message set owner = 'ben' where opens > 0")
        async with connect(
            database.url("projector_reader"), application="tests", schema=LIVE
        ) as reader:
            async with reader.transaction(SCOPE):
                assert await reader.fetchval("select count(*) from link") == 0
            async with reader.transaction(SCOPE | {"app.owner": "ben"}):
                assert await reader.fetchval("select count(*) from link") == 10
        await switch(owner, ("message",), back=True)
        async with owner.transaction():
            found, made = await beside.both(owner)
        assert {one for one in found.parts if one.kind == "policy"} == {
            one for one in made.parts if one.kind == "policy"
        }
        assert await beside.drop(owner)


async def test_a_reader_that_does_not_end_is_waited_for_and_then_let_be(
    live: Store, database: Database
) -> None:
    async with (
        connect(database.url("projector_owner"), application="tests", schema=LIVE) as owner,
        connect(database.url("projector_reader"), application="tests", schema=LIVE) as reader,
        reader.transaction(SCOPE),
    ):
        await reader.fetchval("select count(*) from message")
        async with owner.transaction():
            found, made = await switching.shield(owner)
            with pytest.raises(switching.ReadersError):
                await switching.lock(owner, found, made, Deadline.after(SystemClock(), 0.5))
        # And it is not in anybody's way.
        assert await live.apply([record(opened(2), offset=200)]) == ()


async def test_tables_that_are_not_alike_do_not_change_places(
    live: Store, database: Database
) -> None:
    async with connect(database.url("projector_owner"), application="tests", schema=LIVE) as owner:
        await owner.execute("alter table message add column novelty text")
        async with owner.transaction():
            with pytest.raises(switching.NotAlikeError, match="message: column novelty"):
                await switching.shield(owner)
