from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp.test_utils import make_mocked_request
from yarl import URL

from services.projector.query import lists
from services.projector.query.filters import REPEATABLE, message_filter
from services.projector.query.named import NAMED, SOUGHT, Pair
from services.projector.query.paging import Statement, with_key
from services.projector.query.parameters import MESSAGE_LIST, message_page
from services.projector.query.scope import Scope, reading
from services.projector.query.selection import message_conditions
from services.projector.query.web import OPENAPI
from services.runtime.postgres import Pool
from services.runtime.requests import Query
from tests.projector.query.given import Given
from tests.support.clock import START

DOCUMENT = orjson.loads(OPENAPI)
# What stands for the callers' own values; those that name few or many emails among them.
SAMPLES = {
    "FROM": "2025-12-25T00:00:00Z",
    "TO": "2025-12-31T00:00:00Z",
    "OWNER": "owner-7",
    "TEMPLATE": "template-7",
    "RECORD": "deal-77",
    "NAME:VALUE": "step:7",
    "WORDS": "word77",
    "PERSON": "00000000000000ab",
}
FILL = """
insert into message (
    tenant, message_id, prepared_at, owner, followed, template_id, regarding, labels,
    scheduled_at, cancelled_at, bounced_at,
    opens, last_opened_at, human_last_opened_at, last_clicked_at, human_last_clicked_at,
    last_attachment_viewed_at, human_last_attachment_viewed_at, last_replied_at, human_last_replied_at
)
select
    tenant, gen_random_uuid(), $1::bigint - n * 60000000, 'owner-' || n % 50, n % 5 > 0, 'template-' || n % 40,
    'deal-' || n / 10, '{}',
    case when n % 900 = 1 then $1 end, case when n % 700 = 1 then n end, case when n % 90 = 1 then n end,
    n % 2, case when n % 2 > 0 then $1 - n * 59000000 end, case when n % 4 = 1 then $1 - n * 59000000 end,
    case when n % 9 = 1 then n end, case when n % 9 = 1 then n end, case when n % 30 = 1 then n end,
    case when n % 30 = 1 then n end, case when n % 4 = 1 then n end, case when n % 4 = 1 then n end
from (values ('demo', 20000), ('other', 5000)) sized (tenant, count), generate_series(1::bigint, count) n
"""


def asked(pair: Pair) -> Query:
    told = {name: SAMPLES.get(value, value) for name, value in pair.filters.items()}
    url = URL("/").with_query({**told, "sort": pair.sort})
    return Query(make_mocked_request("GET", str(url)), MESSAGE_LIST, REPEATABLE)


def statement(pair: Pair, scope: Scope) -> Statement:
    query = asked(pair)
    wanted = message_filter(query)
    order = message_page(query, scope, wanted).order
    conditions = message_conditions(scope, wanted)
    return with_key(lists.QUERIES["messages"], conditions, order, None, 51)


async def test_every_named_question_is_read_by_its_index_for_managers_and_sellers(
    given: Given,
) -> None:
    await given.writer.execute(FILL, START)
    given.database.execute("analyze projector.message")
    url = given.database.url("projector_reader")
    failed: list[Any] = []
    async with Pool(url, application="test", schema="projector", size=1) as pool:
        for pair in NAMED:
            for scope, index in (
                (Scope(tenant="demo", owner=None), pair.index),
                (Scope(tenant="demo", owner="owner-7"), pair.sellers),
            ):
                step = statement(pair, scope)
                async with reading(pool, scope) as connection:
                    rows = await connection.fetch(f"explain {step.text}", *step.arguments)
                plan = "\n".join(row[0] for row in rows)
                own = (
                    {index, "message_by_owner_sent"}
                    if scope.owner and index == pair.index
                    else {index}
                )
                if not any(f"{name} on message" in plan for name in own):
                    failed.append((pair.name, scope.owner, plan))
                if scope.owner is None and "Sort Key: m." in plan:
                    failed.append((pair.name, "sorts", plan))
    assert failed == [], "\n\n".join("\n".join(map(str, one)) for one in failed)


async def test_every_index_that_is_named_exists_and_serves_no_one_else(given: Given) -> None:
    rows = await given.writer.fetch(
        "select indexname from pg_indexes where schemaname = 'projector' and tablename = 'message'"
    )
    there = {row["indexname"] for row in rows} - {"message_pkey"}
    assert there == {name for pair in NAMED for name in (pair.index, pair.sellers)}


@pytest.mark.parametrize("pair", [*NAMED, *SOUGHT], ids=lambda pair: pair.name)
async def test_every_named_question_is_answered(given: Given, pair: Pair) -> None:
    query = URL("/v1/messages").with_query(
        {name: SAMPLES.get(value, value) for name, value in pair.filters.items()}
        | {"sort": pair.sort}
    )
    assert (await given.get(str(query)))["data"] == []


def test_every_named_question_is_in_the_document() -> None:
    told = DOCUMENT["paths"]["/v1/messages"]["get"]["description"]
    page = Path(__file__).parents[3].joinpath("docs", "queries.md").read_text("utf-8")
    assert [pair.name for pair in (*NAMED, *SOUGHT) if f"`{pair.name}`" not in page] == []
    assert [pair.name for pair in (*NAMED, *SOUGHT) if f"`{pair.name}`" not in told] == []
