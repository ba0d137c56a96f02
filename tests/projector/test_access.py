"""Row-level security: the reader sees a tenant's rows, a seller their own, and nobody what was not asked for."""

from collections.abc import AsyncIterator

import pytest

from schemas.personal import Mailbox, MessagePersonal, PersonalRecipient
from schemas.settings import TenantSet
from services.projector import days
from services.runtime.errors import Fatal
from services.runtime.postgres import Pool
from tests.projector.records import (
    ACME,
    ANNA,
    NOW,
    RIVAL,
    clicked,
    message,
    opened,
    prepared,
    record,
    replied,
    viewed,
)
from tests.projector.store import Store
from tests.support.clock import ManualClock
from tests.support.stack import Database

BY_MESSAGE = (
    "message",
    "recipient",
    "link",
    "attachment",
    "viewer",
    "interaction",
    "correspondence",
    "personal",
    "person",
    "label",
)
BY_OWNER = ("tenant_day", "hour_of_week")


@pytest.fixture
async def reader(database: Database, store: Store) -> AsyncIterator[Pool]:
    """The query API's role, over one message of Sally's, one of Bob's, and one of another tenant."""
    await store.apply(
        [
            record(prepared(1, owner="sally")),
            record(prepared(2, owner="bob", template="news"), offset=1),
            record(opened(1), offset=2),
            record(opened(2), offset=3),
            record(clicked(2), offset=4),
            record(viewed(1), offset=5),
            record(viewed(2), offset=6),
            replied(offset=8),
        ]
    )
    await store.apply(
        [
            record(prepared(1, tenant=RIVAL, owner="sally"), tenant=RIVAL),
            record(opened(1, tenant=RIVAL), tenant=RIVAL, offset=7),
        ]
    )
    for number in (1, 2):
        personal = MessagePersonal(
            message_id=message(number),
            subject="s",
            sender=Mailbox(address="a@acme.example"),
            recipients=(PersonalRecipient(ref=ANNA, address="anna@x.example", id="c-1"),),
        )
        await store.apply([record(personal)])
    url = database.url("projector_reader")
    async with Pool(url, application="test", schema="projector", size=1) as pool:
        yield pool


async def _seen(reader: Pool, table: str, **settings: str) -> set[tuple[str, object]]:
    told = {f"app.{name}": value for name, value in settings.items()}
    async with reader.acquire() as connection, connection.transaction(told, readonly=True):
        rows = await connection.fetch(f"select * from {table}")  # noqa: S608
        return {(row["tenant"], dict(row.items()).get("message_id")) for row in rows}


# Tables without a tenant: what the runtime knows of lanes and of itself, and the outbox, whose rows are on their way to
# the log. Readers read how far the fold is, what it was made to pass over, and which schema there is.
NOBODYS = {"checkpoint", "worker", "quarantine", "gap", "outbox", "schema_version"}
_TABLES = """
select c.relname::text as name, c.relrowsecurity as secured, c.relforcerowsecurity as forced, c.relispartition as part,
       has_table_privilege('inkling_projector_reader', c.oid, 'select') as readable,
       has_table_privilege('inkling_projector_reader', c.oid, 'insert, update, delete, truncate') as writable,
       exists (select from pg_policy p where p.polrelid = c.oid and p.polcmd = 'r'
               and 'inkling_projector_reader'::regrole = any(p.polroles)) as policed
from pg_class c
where c.relnamespace = 'projector'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f')
"""


async def test_every_table_of_the_schema_has_row_level_security_that_even_its_owner_obeys(
    store: Store,
) -> None:
    await days.ensure(store.pool, ManualClock())
    rows = {row["name"]: row for row in await store.pool.fetch(_TABLES)}
    assert {"message", "label", "history_floor", "interaction_20260101"} <= rows.keys()
    assert rows.keys() >= NOBODYS
    assert [name for name, row in rows.items() if row["writable"]] == []
    readable = {name for name, row in rows.items() if row["readable"]}
    assert readable & NOBODYS == {"checkpoint", "gap", "schema_version"}
    for name in rows.keys() - NOBODYS:
        row = rows[name]
        assert row["secured"], name
        assert row["forced"], name
        # partitions are read through their table, whose policy holds then
        assert row["policed"] == row["readable"] == (name in readable), name
        assert not (row["part"] and row["readable"]), name


async def test_without_a_tenant_no_table_shows_anything(reader: Pool, store: Store) -> None:
    found = await store.pool.fetch(
        "select c.relname from pg_class c where c.relnamespace = 'projector'::regnamespace"
        " and c.relkind in ('r', 'p') and has_table_privilege('inkling_projector_reader', c.oid, 'select')"
        " and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant')"
    )
    names = [row["relname"] for row in found]
    assert {"message", "label", "personal", "interaction"} <= set(names)
    for name in names:
        assert await reader.fetchval(f"select count(*) from {name}") == 0, name  # noqa: S608 - of the catalogue


@pytest.mark.parametrize("table", BY_MESSAGE)
async def test_without_a_tenant_nothing_is_to_be_seen(reader: Pool, table: str) -> None:
    assert await _seen(reader, table) == set()
    assert await _seen(reader, table, tenant="") == set()
    assert await _seen(reader, table, owner="sally") == set()


@pytest.mark.parametrize("table", BY_MESSAGE)
async def test_a_seller_sees_what_hangs_on_their_own_messages(reader: Pool, table: str) -> None:
    assert await _seen(reader, table, tenant=ACME, owner="sally") == {(ACME, message(1))}
    assert await _seen(reader, table, tenant=ACME, owner="nobody") == set()


@pytest.mark.parametrize("table", BY_MESSAGE)
async def test_a_manager_sees_the_tenant_and_no_other(reader: Pool, table: str) -> None:
    everything = {(ACME, message(1)), (ACME, message(2))}
    expected = {(ACME, message(1))} if table == "correspondence" else everything
    assert await _seen(reader, table, tenant=ACME, owner="") == expected
    assert await _seen(reader, table, tenant=ACME) == expected


@pytest.mark.parametrize("table", BY_OWNER)
async def test_figures_are_the_owners_own_and_the_managers(reader: Pool, table: str) -> None:
    async def owners(**settings: str) -> set[str]:
        told = {f"app.{name}": value for name, value in settings.items()}
        async with reader.acquire() as connection, connection.transaction(told, readonly=True):
            rows = await connection.fetch(f"select tenant || '/' || owner as whose from {table}")  # noqa: S608
            return {row["whose"] for row in rows}

    assert await owners(tenant=ACME, owner="sally") == {"acme/sally"}
    assert await owners(tenant=ACME, owner="bob") == {"acme/bob"}
    assert await owners(tenant=ACME, owner="nobody") == set()
    assert await owners(tenant=ACME) == {"acme/sally", "acme/bob"}
    assert await owners(tenant=RIVAL, owner="sally") == {"rival/sally"}
    assert await owners() == await owners(owner="sally") == set()


async def test_a_tenants_settings_are_everybodys_there(reader: Pool, store: Store) -> None:
    for tenant, on in ((ACME, False), (RIVAL, True)):
        setting = TenantSet(since=NOW, by="ada", engagement=on)
        await store.apply([record(setting, tenant=tenant)])
    for owner in ("", "sally", "nobody"):
        assert await _seen(reader, "tenant_setting", tenant=ACME, owner=owner) == {(ACME, None)}
    assert await _seen(reader, "tenant_setting") == set()


async def test_templates_are_the_whole_tenants(reader: Pool) -> None:
    for owner in ("", "sally"):
        assert await _seen(reader, "template", tenant=ACME, owner=owner) == {(ACME, None)}


async def test_a_setting_ends_with_its_transaction(reader: Pool) -> None:
    assert await _seen(reader, "message", tenant=RIVAL) == {(RIVAL, message(1, RIVAL))}
    assert await _seen(reader, "message") == set()


@pytest.mark.parametrize("table", ["quarantine", "outbox", "worker", "first_fact", "view_slot"])
async def test_the_reader_has_no_right_to_what_is_not_its(reader: Pool, table: str) -> None:
    with pytest.raises(Fatal, match="permission denied"):
        await reader.fetch(f"select * from {table}")  # noqa: S608


async def test_the_reader_cannot_go_round_by_a_partition_or_write(reader: Pool) -> None:
    with pytest.raises(Fatal, match="permission denied"):
        await reader.fetch("select * from interaction_other")
    with pytest.raises(Fatal, match="permission denied"):
        await reader.execute("update message set owner = 'sally'")
    with pytest.raises(Fatal, match="permission denied"):
        await reader.fetch("select ensure_days('2026-01-01', '2026-01-02')")
