"""Live and beside are the same or not, whatever the order and the slices in which they came about."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.projector.rebuild import beside, structure
from services.projector.rebuild.comparing import Compared, compare
from services.projector.rebuild.tables import LIVE, READ_MODELS
from services.projector.views import SLOT
from services.runtime.kafka import Record
from services.runtime.postgres import Pool, connect
from tests.projector.records import (
    BERT,
    NOW,
    clicked,
    hit_id,
    message,
    opened,
    prepared,
    record,
    replied,
    viewed,
)
from tests.projector.store import Store, open_store
from tests.support.stack import Database

HISTORY: list[Record] = [
    record(prepared(), offset=0),
    record(prepared(2), offset=1),
    record(opened(), offset=2),
    record(clicked(), offset=3),
    record(viewed(), offset=4),
    record(viewed(2, refs=(BERT,)), offset=5),
    replied(offset=6),
    record(opened(2, refs=(BERT,)), offset=7),
]


@asynccontextmanager
async def both(database: Database) -> AsyncIterator[tuple[Store, Store]]:
    """Have a live generation and one beside."""
    async with open_store(database) as live:
        owner = database.url("projector_owner")
        async with connect(owner, application="tests", schema=LIVE) as connection:
            await beside.make(connection)
        url = database.url("projector_writer")
        async with Pool(url, application="tests", schema=beside.PATH, size=1) as pool:
            yield live, Store(pool)


async def compared(live: Store, first_slot: int = 0) -> dict[str, Compared]:
    async with live.pool.acquire() as connection, connection.transaction():
        alike = await structure.read(connection, LIVE)
        found = await compare(connection, alike, list(READ_MODELS), first_slot, 3)
    return {one.table: one for one in found}


async def test_neither_order_nor_slices_nor_lanes_make_a_difference(database: Database) -> None:
    async with both(database) as (live, aside):
        await live.apply(HISTORY)
        for one in reversed(HISTORY):
            await aside.apply([one._replace(partition=one.offset % 3)])
        found = await compared(live)
        assert [table for table, one in found.items() if not one.same] == []
        assert found["tenant_day"].live_rows == found["tenant_day"].beside_rows > 0
        assert found["interaction"].live_rows == 5


async def test_a_row_that_is_gone_new_or_changed_is_found(database: Database) -> None:
    async with both(database) as (live, aside):
        await live.apply(HISTORY)
        await aside.apply(HISTORY)
        first = str(message(1))
        await live.pool.execute("update message set opens = 7 where message_id = $1", first)
        await live.pool.execute("delete from link where link_index = 1 and message_id = $1", first)
        await live.pool.execute("update template set clicks = clicks + 1, name = 'other'")
        await aside.pool.execute("delete from viewer where message_id = $1", first)
        found = {table: one for table, one in (await compared(live)).items() if not one.same}
        assert {table: (one.gone, one.new, one.changed) for table, one in found.items()} == {
            "message": (0, 0, 1),
            "link": (0, 1, 0),
            "viewer": (1, 0, 0),
            "template": (0, 0, 1),
        }
        assert found["message"].sample[0].columns == {"opens": (7, 1)}
        assert found["message"].sample[0].key == {"tenant": "acme", "message_id": first}
        assert found["link"].sample[0].only == "beside"
        assert found["viewer"].sample[0].only == "live"
        # A name may say whose it is.
        assert found["template"].sample[0].columns["name"] == ("…", "…")
        assert found["message"].tenants == ("acme",)


async def test_slots_that_may_be_forgotten_and_days_without_anything_make_none(
    database: Database,
) -> None:
    async with both(database) as (live, aside):
        await live.apply(HISTORY)
        await aside.apply(HISTORY)
        await live.pool.execute("delete from view_slot")
        await live.pool.execute(
            "insert into tenant_day (tenant, day, owner, lane) values ('acme', '2001-01-01', 'x', 1)"
        )
        assert not (await compared(live))["view_slot"].same
        found = await compared(live, first_slot=NOW // SLOT + 1)
        assert [table for table, one in found.items() if not one.same] == []


async def test_which_copy_was_folded_first_makes_none(database: Database) -> None:
    async with both(database) as (live, aside):
        copies = [
            record(opened(), identifier=hit_id(NOW, 1), recorded_at=NOW + late) for late in (1, 2)
        ]
        await live.apply(copies[:1])
        await aside.apply(copies[1:])
        assert all(one.same for one in (await compared(live)).values())
