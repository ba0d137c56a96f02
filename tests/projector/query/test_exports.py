import asyncio
import csv
import io
from typing import Any

import aiohttp
import orjson
import pytest

from services.projector.query import sheet
from services.projector.query.exports import AT_ONCE
from tests.projector.query.given import Given, token
from tests.support.eventually import eventually

MANAGER: dict[str, Any] = {"roles": ["manager"]}
NDJSON = {"Accept": "application/x-ndjson"}
CSV = {"Accept": "text/csv"}
# Longer than sockets buffer, so that the server has to wait for the reader.
LARGE = 20_000
_BUSY = "select count(*) from pg_stat_activity where application_name = 'test-query' and xact_start is not null"


async def many(given: Given, count: int) -> None:
    await given.writer.execute(
        "insert into message (tenant, message_id, prepared_at, owner, followed, labels, opens, last_opened_at)"
        " select 'demo', lpad(to_hex(n), 32, '0')::uuid, n, case when n % 2 = 0 then 'ana' else 'ben' end, true,"
        " '{}', n % 3, case when n % 3 > 0 then n end from generate_series(1, $1::integer) n",
        count,
    )


def busy(given: Given) -> int:
    return int(given.database.execute(_BUSY))


@pytest.mark.parametrize(
    "query", ["", "sort=-last_opened_at", "sort=last_opened_at", "owner=ben&sort=opens", "q=x"]
)
@pytest.mark.parametrize("who", [MANAGER, {}])
async def test_an_export_is_the_whole_list_in_its_order(
    given: Given, query: str, who: dict[str, Any]
) -> None:
    await many(given, 1_203)
    listed = await given.walk(f"/v1/messages?{query}", 500, **who)
    lines = await given.ask(f"/v1/messages?{query}", headers=NDJSON, **who)
    assert lines.headers["Content-Type"].startswith("application/x-ndjson")
    assert [orjson.loads(line) for line in lines.body.splitlines()] == listed
    table = await given.ask(f"/v1/messages?{query}", headers=CSV, **who)
    assert table.headers["Content-Type"] == "text/csv; charset=utf-8; header=present"
    rows = list(csv.DictReader(io.StringIO(table.body.decode(), newline="")))
    assert [row["id"] for row in rows] == [row["id"] for row in listed]
    assert table.body.startswith(sheet.header())


async def test_an_export_goes_on_from_a_cursor_and_ends_at_a_limit(given: Given) -> None:
    await many(given, 12)
    page = await given.get("/v1/messages?limit=3", **MANAGER)
    rest = await given.ask(f"/v1/messages?limit=4&cursor={page['next']}", headers=NDJSON, **MANAGER)
    found = [orjson.loads(line)["id"][-1] for line in rest.body.splitlines()]
    assert found == ["9", "8", "7", "6"]


async def test_an_export_says_how_it_stands(given: Given) -> None:
    await given.message(last_opened_at=5)
    await given.engagement(False)
    answer = await given.ask("/v1/messages", headers=NDJSON)
    assert answer.headers["Inkling-Engagement"] == "off"
    assert orjson.loads(answer.body)["opens"]["count"] is None
    assert "Inkling-As-Of" not in answer.headers, "no fold has looked at the log"
    assert (await given.ask("/v1/messages?sort=body", headers=CSV)).status == 400
    assert (await given.ask("/v1/messages", headers=CSV, tenant="other")).body == sheet.header()


async def test_the_head_of_an_export_is_told_without_it(given: Given) -> None:
    await many(given, 3)
    headers = {"Authorization": f"Bearer {token(roles=['manager'])}", **CSV}
    for _ in range(2):
        async with given.client.head("/v1/messages", headers=headers) as answer:
            assert answer.headers["Content-Type"].startswith("text/csv")
            assert (answer.status, await answer.read()) == (200, b"")


async def test_only_the_list_of_messages_is_exported(given: Given) -> None:
    assert (await given.ask("/v1/templates", headers=CSV)).status == 406


def asked(given: Given) -> Any:
    headers = {"Authorization": f"Bearer {token(roles=['manager'])}", **NDJSON}
    return given.client.get("/v1/messages", headers=headers)


async def test_a_client_that_goes_away_ends_the_query(given: Given) -> None:
    await many(given, LARGE)
    async with asked(given) as answer:
        await answer.content.readexactly(1)
        assert busy(given) == 1
        answer.close()

        await eventually(lambda: busy(given) == 0)


async def test_what_goes_wrong_on_the_way_is_no_clean_end(given: Given) -> None:
    await many(given, LARGE)
    async with asked(given) as answer:
        assert answer.status == 200
        await answer.content.readexactly(1)
        given.database.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'test-query'"
        )
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()


async def test_lists_are_answered_while_exports_wait_for_their_readers(given: Given) -> None:
    await many(given, LARGE)
    async with asked(given) as first:
        await first.content.readexactly(1)
        assert (await given.ask("/v1/messages", **MANAGER)).status == 200
        async with asked(given) as second:
            await second.content.readexactly(1)
            async with asyncio.timeout(5), asked(given) as third:
                assert third.status == 503
                assert int(third.headers["Retry-After"]) > 0
    assert AT_ONCE == 2
