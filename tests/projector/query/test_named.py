import re
from pathlib import Path
from typing import Any

import asyncpg
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
from services.projector.query.selection import MOST, message_conditions
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


# What the sought ones look for: a label, a person and a word that few emails have, among many that have others.
SOUGHT_FILL = """
insert into label select tenant, 'step', (row_number() over () % 400)::text, message_id from message;
insert into recipient (tenant, message_id, ref)
select tenant, message_id, lpad(to_hex(row_number() over () % 4000), 16, '0') from message;
insert into personal (tenant, message_id, subject, body)
select tenant, message_id, 'word' || row_number() over () % 400, '{}' from message;
"""
PLANS = Path(__file__).parents[3].joinpath("docs", "plans.md")
PLANS_HEAD = """# Plans of the named questions

How PostgreSQL reads each named question ([queries.md](queries.md)) for a manager under row-level security, in a
tenant of 20,000 emails beside one of 5,000: the steps and what goes into an index, without what is then tested on
the rows found and without the names of templates, which `template_pkey` finds. The last three first find emails by
an index; that is shown. `tests/projector/query/test_named.py` holds this page to what PostgreSQL says; delete the
page and run it to write it anew.
"""


def shown(plan: str) -> str:
    """Leave of a plan its steps and the conditions of indexes, but for how the template's name is read."""
    told = re.compile(r"->|Index Cond|Sort Key|^\w")
    plan = re.sub(
        r" message_\d+$", "", plan, flags=re.MULTILINE
    )  # a name by which the same table is meant
    lines = [line for line in plan.splitlines() if told.search(line) and "Result" not in line]
    ends = (n for n, line in enumerate(lines) if n and line.endswith("->  Limit"))
    return "\n".join(lines[: next(ends, None)])


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
    given.database.execute("set search_path = projector;" + FILL.replace("$1", str(START)))
    given.database.execute("analyze projector.message")
    url = given.database.url("projector_reader")
    failed: list[Any] = []
    page = [PLANS_HEAD]
    async with Pool(url, application="test", schema="projector", size=1) as pool:
        for pair in NAMED:
            for scope, index in (
                (Scope(tenant="demo", owner=None), pair.index),
                (Scope(tenant="demo", owner="owner-7"), pair.sellers),
            ):
                step = statement(pair, scope)
                async with reading(pool, scope) as connection:
                    rows = await connection.fetch(
                        f"explain (costs off) {step.text}", *step.arguments
                    )
                plan = "\n".join(row[0] for row in rows)
                if scope.owner is None:
                    page.append(f"## `{pair.name}`\n\n```text\n{shown(plan)}\n```\n")
                if f"{index} on message" not in plan:
                    failed.append((pair.name, scope.owner, plan))
                if "Sort Key: m." in plan:
                    failed.append((pair.name, "sorts", plan))
        given.database.execute("set search_path = projector;" + SOUGHT_FILL)
        given.database.execute("analyze projector.label, projector.recipient, projector.personal")
        page += [await _sought(given, pool, pair, failed) for pair in SOUGHT]
    assert failed == [], "\n\n".join("\n".join(map(str, one)) for one in failed)
    if not PLANS.exists():
        PLANS.write_text("\n".join(page), "utf-8")
        pytest.fail("docs/plans.md was written anew; look at it")
    assert PLANS.read_text("utf-8") == "\n".join(page)


async def _sought(given: Given, pool: Pool, pair: Pair, failed: list[Any]) -> str:
    """Look at the plan by which one of the sought is found; returns its part of the page."""
    plan = ""
    for scope in (Scope(tenant="demo", owner="owner-7"), Scope(tenant="demo", owner=None)):
        if "q" in pair.filters:
            plan = await _searching(given, scope)
        else:
            step = statement(pair, scope)
            if "label" in pair.filters:
                label = message_filter(asked(pair)).labels[0]
                wanted = (scope.tenant, label.name, label.value, MOST + 1)
                step = Statement(text=lists.QUERIES["labelled"], arguments=wanted)
            async with reading(pool, scope) as connection:
                rows = await connection.fetch(f"explain (costs off) {step.text}", *step.arguments)
            plan = "\n".join(row[0] for row in rows)
        if not re.search(rf"(using|on) {pair.index}\b", plan):
            failed.append((pair.name, scope.owner, plan))
    return f"## `{pair.name}`\n\n```text\n{shown(plan)}\n```\n"


async def _searching(given: Given, scope: Scope) -> str:
    """Return how the search's function looks for emails; only the server tells the plans inside a function."""
    heard: list[str] = []
    connection = await asyncpg.connect(given.database.url("postgres"))
    connection.add_log_listener(lambda _, message: heard.append(message.message))
    try:
        await connection.execute(
            "load 'auto_explain'; set auto_explain.log_min_duration = 0; set auto_explain.log_level = notice;"
            "set auto_explain.log_nested_statements = on; set search_path = projector;"
            "set role inkling_projector_reader"
        )
        async with connection.transaction():
            for name, value in scope.settings().items():
                await connection.execute("select set_config($1, $2, true)", name, value)
            wanted = (SAMPLES["WORDS"],), MOST
            found = await connection.fetchval(lists.QUERIES["found"], *wanted)
    finally:
        await connection.close()
    assert found is not None
    (plan,) = [told for told in heard if "word_ends" in told.split("Limit", 1)[0]]
    return re.sub(r"  \(cost.*?\)", "", plan[plan.index("Limit") :])


async def test_every_index_that_is_named_exists_and_serves_no_one_else(given: Given) -> None:
    rows = await given.writer.fetch(
        "select indexname from pg_indexes where schemaname = 'projector' and tablename = 'message'"
    )
    there = {row["indexname"] for row in rows} - {"message_pkey"}
    assert there == {name for pair in NAMED for name in (pair.index, pair.sellers)}


async def test_every_named_question_is_answered(given: Given) -> None:
    for pair in (*NAMED, *SOUGHT):
        told = {name: SAMPLES.get(value, value) for name, value in pair.filters.items()}
        path = str(URL("/v1/messages").with_query(told | {"sort": pair.sort}))
        assert (await given.get(path))["data"] == [], path


async def test_the_examples_of_the_page_are_answered(given: Given) -> None:
    page = Path(__file__).parents[3].joinpath("docs", "queries.md").read_text("utf-8")
    examples = re.findall(r"""^curl -s "\$projector(/[^"]+)"(.*)$""", page, re.MULTILINE)
    assert examples
    for path, rest in examples:
        sent = dict(one.split(": ", 1) for one in re.findall(r"""-H '([^']+)'""", rest))
        answer = await given.ask(path, headers=sent)
        assert (answer.status, answer.headers["Content-Type"].split(";")[0]) == (
            200,
            sent.get("Accept", "application/json"),
        )


def test_every_named_question_is_in_the_document() -> None:
    told = DOCUMENT["paths"]["/v1/messages"]["get"]["description"]
    page = Path(__file__).parents[3].joinpath("docs", "queries.md").read_text("utf-8")
    assert [pair.name for pair in (*NAMED, *SOUGHT) if f"`{pair.name}`" not in page] == []
    assert [pair.name for pair in (*NAMED, *SOUGHT) if f"`{pair.name}`" not in told] == []
