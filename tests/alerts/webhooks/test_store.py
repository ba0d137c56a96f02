"""What the tables of webhooks give to whom, and replays in parts."""

from uuid import UUID

import pytest

from services.alerts.webhooks import store
from services.alerts.webhooks.store import Endpoints
from services.runtime.errors import Fatal
from tests.alerts.given import Given
from tests.alerts.records import opened, registered
from tests.support.clock import START

HOOKS = "/v1/webhooks"


async def a_hook(given: Given) -> UUID:
    answer = await given.ask(
        HOOKS, method="POST", json={"url": "https://hooks.example/"}, roles=["manager"]
    )
    return UUID(answer.json["id"])


async def test_who_answers_reads_no_secret_and_no_body(given: Given) -> None:
    await a_hook(given)
    await given.say(registered(), opened())
    for statement in (
        "select secret from webhook_secret",
        "select * from webhook_secret",
        "select body from delivery",
        "select * from fact",
        "update webhook set enabled = false",
        "delete from delivery",
    ):
        with pytest.raises(Fatal, match="InsufficientPrivilege"):
            await given.reader.execute(statement)


@pytest.mark.parametrize(
    ("settings", "number"),
    [
        ({}, 0),
        ({"app.tenant": "demo"}, 1),
        ({"app.tenant": "demo", "app.owner": ""}, 1),
        ({"app.tenant": "demo", "app.owner": "ana"}, 0),
        ({"app.tenant": "rival"}, 0),
    ],
)
async def test_a_transaction_sees_the_webhooks_of_its_tenant_unless_it_is_a_sellers(
    given: Given, settings: dict[str, str], number: int
) -> None:
    await a_hook(given)
    await given.say(registered(), opened())
    async with given.reader.acquire() as connection, connection.transaction(settings):
        for table in ("webhook", "webhook_secret", "delivery"):
            count = await connection.fetchval(f"select count(tenant) from {table}")  # noqa: S608 - of our own
            assert count == number


async def test_a_long_range_is_replayed_in_parts_and_each_delivery_once(
    given: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MAX_REPLAYED", 3)
    hook = await a_hook(given)
    await given.say(*[registered(number) for number in range(1, 9)])
    await given.say(*[opened(number) for number in range(1, 9)])
    await given.writer.execute("update delivery set state = 'dead', dead_reason = 'exhausted'")
    await given.writer.execute("update delivery set created_at = $1 + seq % 3", START)
    endpoints = Endpoints(given.reader, given.writer)
    begin, parts = START, []
    while True:
        done = await endpoints.replay_range("demo", hook, begin, START + 10, ["dead"], START)
        assert done is not None
        parts.append(done.number)
        if done.next is None:
            break
        begin = done.next
    assert parts == [3, 3, 2]
    left = await given.writer.fetchval("select count(*) from delivery where state <> 'pending'")
    assert left == 0
    assert await endpoints.replay_range("rival", hook, START, START + 10, ["dead"], START) is None


async def test_deleting_an_endpoint_deletes_all_that_belongs_to_it(given: Given) -> None:
    hook, other = await a_hook(given), await a_hook(given)
    await given.say(registered(), opened())
    await given.ask(f"{HOOKS}/{hook}", method="DELETE", roles=["manager"])
    for table in ("webhook_secret", "delivery"):
        rows = await given.writer.fetch(f"select distinct webhook_id from {table}")  # noqa: S608 - of our own
        assert [row["webhook_id"] for row in rows] == [other]
