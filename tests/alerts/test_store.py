"""What may be seen of the tables: by statement, and by row-level security behind it."""

from collections.abc import Sequence

import pytest

from services.alerts import store
from services.alerts.app import PACKAGES
from services.alerts.apply import _SQL as APPLY
from services.alerts.store import _SQL as STORE
from services.alerts.store import Range, Scope
from services.alerts.webhooks.enqueue import _SQL as ENQUEUE
from services.alerts.webhooks.queue import _SQL as QUEUE
from services.alerts.webhooks.store import _SQL as WEBHOOKS
from services.runtime.errors import Fatal
from services.runtime.migrations import collect
from tests.alerts.given import Given
from tests.alerts.records import RIVAL, message, opened, personal, registered

ALL = Range(begin=None, end=None)
SHARED = {"checkpoint", "gap", "worker", "quarantine", "outbox", "schema_version"}
TABLES = ("message", "personal", "alert", "tenant_sequence", "card")


async def _three_lives(given: Given) -> None:
    await given.say(personal(1), registered(1), opened(1))
    await given.say(personal(2), registered(2, owner="ben"), opened(2))
    await given.say(
        personal(3, tenant=RIVAL),
        registered(3, tenant=RIVAL),
        opened(3, tenant=RIVAL),
        tenant=RIVAL,
    )


async def _visible(given: Given, settings: dict[str, str]) -> dict[str, int]:
    async with given.reader.acquire() as connection, connection.transaction(settings):
        return {
            name: await connection.fetchval(f"select count(*) from {name}")  # noqa: S608 - of our own
            for name in TABLES
        }


@pytest.mark.parametrize(
    ("settings", "counts"),
    [
        ({}, (0, 0, 0, 0, 0)),
        ({"app.owner": "ana"}, (0, 0, 0, 0, 0)),
        ({"app.tenant": ""}, (0, 0, 0, 0, 0)),
        ({"app.tenant": "demo", "app.owner": "ana"}, (1, 1, 1, 1, 1)),
        ({"app.tenant": "demo", "app.owner": "eve"}, (0, 0, 0, 1, 0)),
        ({"app.tenant": "demo", "app.owner": ""}, (2, 2, 2, 1, 2)),
        ({"app.tenant": "rival"}, (1, 1, 1, 1, 1)),
    ],
)
async def test_a_transaction_sees_the_rows_of_its_scope(
    given: Given, settings: dict[str, str], counts: Sequence[int]
) -> None:
    await _three_lives(given)
    assert tuple((await _visible(given, settings)).values()) == tuple(counts)


async def test_the_scope_of_one_transaction_does_not_leak_into_the_next(given: Given) -> None:
    await _three_lives(given)
    for _ in range(4):  # each connection of the pool
        assert len(await store.after(given.reader, Scope(tenant="demo", owner=None), 0, 9)) == 2
    assert set((await _visible(given, {})).values()) == {0}


async def test_the_reader_writes_nothing_and_sees_nothing_of_what_was_set_aside(
    given: Given,
) -> None:
    for statement in (
        "delete from alert",
        "update alert set owner = 'eve'",
        "insert into tenant_sequence values ('demo', 9)",
        "select * from quarantine",
        "select * from outbox",
    ):
        with pytest.raises(Fatal, match="InsufficientPrivilege"):
            await given.reader.execute(statement)


async def test_every_table_of_tenants_has_row_level_security_that_binds_its_owner_too(
    given: Given,
) -> None:
    rows = await given.writer.fetch(
        "select relname from pg_class where relnamespace = 'alerts'::regnamespace"
        " and relkind in ('r', 'p') and not (relrowsecurity and relforcerowsecurity)"
    )
    assert {row["relname"] for row in rows} == SHARED
    views = await given.writer.fetch(
        "select relname from pg_class where relnamespace = 'alerts'::regnamespace"
        " and relkind = 'v' and not coalesce('security_invoker=true' = any(reloptions), false)"
    )
    assert views == []


async def test_every_statement_is_one_that_the_schema_knows(given: Given) -> None:
    for place, queries in enumerate((APPLY, STORE, ENQUEUE, QUEUE, WEBHOOKS)):
        for name, statement in queries.statements.items():
            await given.writer.execute(f"prepare test_{place}_{name} as {statement}")
    assert len(collect(PACKAGES)) == 5


async def test_a_page_ends_where_the_next_begins_and_the_range_is_half_open(given: Given) -> None:
    await given.say(registered(1))
    for second in range(5):
        await given.say(opened(1, ordinal=second + 1), at=second * 1_000_000)
    await given.say(opened(1, ordinal=9), at=2_000_000)
    scope = Scope(tenant="demo", owner="ana")
    found, after = [], None
    while True:
        page = await store.inbox(given.reader, scope, ALL, after, 4)
        found += [(card.occurred_at, card.id) for card in page.cards]
        after = page.next
        if after is None:
            break
    assert [at // 1_000_000 for at, _ in found] == [4, 3, 2, 2, 1, 0]
    assert len(set(found)) == 6
    half = await store.inbox(given.reader, scope, Range(begin=1_000_000, end=3_000_000), None, 500)
    assert [card.occurred_at // 1_000_000 for card in half.cards] == [2, 2, 1]


async def test_news_tell_whose_alerts_came_and_nothing_of_them(given: Given) -> None:
    await _three_lives(given)
    heard = {"demo": 0, "rival": 1, "nobody": 0}
    assert sorted(await store.news(given.writer, heard)) == [("demo", "ana", 1), ("demo", "ben", 2)]
    assert await store.last(given.reader, Scope(tenant="demo", owner="ana")) == 2
    assert await store.last(given.reader, Scope(tenant="nobody", owner=None)) == 0


async def test_a_card_is_numbered_known_and_aged(given: Given) -> None:
    await given.say(registered(1), opened(1))
    scope = Scope(tenant="demo", owner=None)
    (bare,) = await store.after(given.reader, scope, 0, 9)
    assert (bare.seq, bare.known, bare.card.message_id) == (1, False, message(1))
    await given.say(personal(1))
    (whole,) = await store.after(given.reader, scope, 0, 9)
    assert whole.known
    assert 0 <= bare.age < whole.age < 20_000_000
    assert await store.after(given.reader, scope, 1, 9) == []
