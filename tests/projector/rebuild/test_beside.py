"""The generation beside: whole, or not there."""

from datetime import date

import pytest

from services.projector.rebuild import beside
from services.projector.rebuild.tables import BESIDE, LIVE, READ_MODELS
from services.runtime.errors import Fatal
from services.runtime.leases import Lane
from services.runtime.postgres import Pool, connect
from tests.projector.records import opened, prepared, record
from tests.projector.store import Store, migrate, open_store
from tests.support.stack import Database


def owned(database: Database) -> Pool:
    return Pool(database.url("projector_owner"), application="tests", schema=LIVE, size=2)


async def test_it_is_made_and_dropped_whole_and_live_is_untouched(database: Database) -> None:
    async with open_store(database) as store, owned(database) as owner:
        await store.apply([record(prepared())])
        assert await beside.state(owner) is None
        async with owner.acquire() as connection:
            assert set(await beside.make(connection)) == READ_MODELS.keys()
            found = await beside.state(owner)
            assert found is not None
            assert not found.switched
            assert found.indexed_at is None
            assert await beside.drop(connection)
            assert not await beside.drop(connection)
        assert await beside.state(owner) is None
        assert await store.pool.fetchval("select count(*) from message") == 1


async def test_what_folds_beside_cannot_reach_what_is_live(database: Database) -> None:
    async with open_store(database) as store, owned(database) as owner:
        async with owner.acquire() as connection:
            await beside.make(connection)
        url = database.url("projector_writer")
        async with Pool(url, application="tests", schema=beside.PATH, size=1) as pool:
            aside = Store(pool)
            await aside.apply([record(prepared()), record(opened(), offset=1)])
            assert await pool.fetchval("select count(*) from message") == 1
        for table in (*READ_MODELS, "first_fact", "outbox", "quarantine", "checkpoint"):
            assert not await store.rows(f"projector.{table}", "1"), table


async def test_the_reader_sees_nothing_of_it(database: Database) -> None:
    await migrate(database)
    async with owned(database) as owner, owner.acquire() as connection:
        await beside.make(connection)
    async with connect(database.url("projector_reader"), application="tests") as reader:
        with pytest.raises(Fatal, match="permission denied for schema"):
            await reader.fetch(f"select from {BESIDE}.message")


async def test_days_get_their_partitions_and_those_of_live_too(database: Database) -> None:
    async with open_store(database) as store, owned(database) as owner:
        async with owner.acquire() as connection:
            await beside.make(connection)
            for _ in range(2):
                await beside.add_day(connection, date(2001, 2, 3))
            await store.pool.fetchval("select ensure_days('2026-01-01', '2026-01-03')")
            await beside.match_days(connection)
        rows = await owner.fetch(
            "select relname::text as name from pg_class"
            " where relispartition and relkind = 'r' and relnamespace = $1::text::regnamespace",
            BESIDE,
        )
        names = {row["name"] for row in rows}
        days = {"interaction_20260101", "interaction_20260102", "interaction_20260103"}
        assert {"interaction_20010203", "interaction_other"} | days <= names


async def test_without_its_schemas_it_says_what_to_do(database: Database) -> None:
    await migrate(database)
    database.execute("drop schema projector_between")
    async with owned(database) as owner:
        with pytest.raises(Fatal, match=r"roles\.sql"):
            await beside.state(owner)


async def test_a_lane_passes_over_what_an_operator_had_live_pass_over(database: Database) -> None:
    await migrate(database)
    async with owned(database) as owner:
        async with owner.acquire() as connection:
            await beside.make(connection)
        stands = (
            "insert into projector_beside.checkpoint (consumer, topic, partition, next_offset, halted)"
            " values ('projector-rebuild', 'log', $1, $2, 'corrupt_record')"
        )
        for partition, offset in enumerate((4, 5, 9, 10)):
            await owner.execute(stands, partition, offset)
            await owner.execute(
                "insert into projector.gap"
                " (consumer, topic, partition, from_offset, to_offset, reason, made_by)"
                " values ('projector', 'log', $1, 5, 10, 'corrupt_record', 'tests')",
                partition,
            )
        assert await beside.pass_over(owner) == {Lane("log", 1): 10, Lane("log", 2): 10}
        rows = await owner.fetch(
            "select next_offset, halted from projector_beside.checkpoint order by partition"
        )
        assert [tuple(row) for row in rows] == [
            (4, "corrupt_record"),
            (10, None),
            (10, None),
            (10, "corrupt_record"),
        ]
