"""Tables made again are what they were, whatever they are made of."""

from services.projector.rebuild import beside, structure
from services.projector.rebuild.tables import BESIDE, LIVE
from services.runtime.postgres import Pool, connect
from tests.projector.store import migrate
from tests.support.stack import Database


async def test_nothing_is_missing_but_the_indexes_that_are_made_later(database: Database) -> None:
    await migrate(database)
    url = database.url("projector_owner")
    async with (
        Pool(url, application="tests", schema=LIVE, size=3) as owner,
        owner.acquire() as connection,
    ):
        await beside.make(connection)
        async with connection.transaction():
            live = await structure.read(connection, LIVE)
            made = await structure.read(connection, BESIDE)
        lacking = structure.differences(live, made, list(live.tables))
        assert lacking
        assert all(": index " in one for one in lacking)
        words = [structure.missing(live, made, "index", of=table) for table in live.tables]
        assert sum(map(len, words)) == len(lacking)
        assert {one[:2] for one in live.partitions} == {one[:2] for one in made.partitions}
        assert sorted(await beside.index(owner)) == sorted(one for some in words for one in some)
        assert await beside.index(owner) == [], "they are there"
        async with connection.transaction():
            made = await structure.read(connection, BESIDE)
        assert structure.differences(live, made, list(live.tables)) == []


async def test_whatever_is_changed_is_noticed(database: Database) -> None:
    await migrate(database)
    changes = {
        "message: column added": "alter table message add column added text",
        "message: option fillfactor=90": "alter table message set (fillfactor = 90)",
        "link: policy reads": "alter policy reads on link using (false)",
        "link: grant inkling_projector_reader select": "revoke select on link from inkling_projector_reader",
        "viewer: security forced": "alter table viewer no force row level security",
        "viewer: index viewer_new": "create index viewer_new on viewer (tenant)",
        "person: constraint person_pkey": "alter table person drop constraint person_pkey",
    }
    async with connect(
        database.url("projector_owner"), application="tests", schema=LIVE
    ) as connection:
        for noticed, change in changes.items():
            async with connection.transaction():
                before = await structure.read(connection, LIVE)
                await connection.execute(change)
                after = await structure.read(connection, LIVE)
            assert noticed in structure.differences(before, after, list(after.tables))


async def test_what_is_tied_to_a_table_itself_is_named(database: Database) -> None:
    await migrate(database)
    async with connect(
        database.url("projector_owner"), application="tests", schema=LIVE
    ) as connection:
        async with connection.transaction():
            assert await structure.tied(connection, LIVE) == []
        await connection.execute("create view counted as select count(*) from message")
        await connection.execute(
            "create function counted() returns bigint begin atomic; select count(*) from link; end"
        )
        found = await structure.tied(connection, LIVE)
        assert len(found) == 2
        assert any("counted on message" in one for one in found)
        assert any("counted on link" in one for one in found)
