import re
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as law
from hypothesis import strategies as st

from services.projector.query import lists
from services.projector.query.cursor import KeyKind, Position
from services.projector.query.filters import MessageFilter
from services.projector.query.ordering import MESSAGES, TEMPLATES, Order
from services.projector.query.paging import Conditions, with_key, without_key
from services.projector.query.scope import Scope, reading
from services.projector.query.selection import message_conditions
from services.runtime.postgres import Pool
from tests.projector.query.given import Given
from tests.support.clock import START

# few values, so that ties and gaps are the rule
COUNTS = st.integers(0, 2)
TIMES = st.none() | st.integers(START, START + 2)
# those by columns of the message; every other is in test_every_question.py
OWN = [sort for sort in MESSAGES.choices() if re.fullmatch(r"m\.\w+", MESSAGES.order(sort).key)]
OWN = [sort for sort in OWN if sort.removeprefix("-") != "id"]
REPEATED = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def sortable(order: Order) -> st.SearchStrategy[dict[str, Any]]:
    column = order.key.removeprefix("m.")
    if column == "sent_at":
        return st.fixed_dictionaries({"scheduled_at": TIMES, "handed_at": TIMES})
    if order.key_kind is KeyKind.TEXT:
        return st.fixed_dictionaries({column: st.none() | st.sampled_from("ab")})
    return st.fixed_dictionaries({column: TIMES if order.nullable else COUNTS})


def in_order(order: Order, rows: list[tuple[Any, str]]) -> list[str]:
    """What the list must be, said naively: rows with a key in order, then those without."""
    keyed = sorted((row for row in rows if row[0] is not None), reverse=order.descending)
    bare = sorted((row for row in rows if row[0] is None), key=str, reverse=order.descending)
    return [identifier for _, identifier in keyed + bare]


@REPEATED
@law(st.data(), st.sampled_from(OWN), st.integers(1, 4))
async def test_all_pages_of_messages_are_every_row_once_and_in_order(
    given: Given, data: st.DataObject, sort: str, limit: int
) -> None:
    order = MESSAGES.order(sort)
    await given.writer.execute("delete from message")
    for row in data.draw(st.lists(sortable(order), max_size=9)):
        await given.message(prepared_at=START, **row)
    column = order.key.removeprefix("m.")
    stored = await given.writer.fetch(f"select {column}, message_id::text from message")  # noqa: S608 - a closed table
    listed = await given.walk(f"/v1/messages?sort={sort}", limit, roles=["manager"])
    assert [row["id"] for row in listed] == in_order(order, [(row[0], row[1]) for row in stored])


@REPEATED
@law(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 2)), max_size=9),
    st.sampled_from(TEMPLATES.choices()),
    st.integers(1, 4),
)
async def test_all_pages_of_templates_are_every_row_once(
    given: Given, rows: list[tuple[int, int, int]], sort: str, limit: int
) -> None:
    await given.writer.execute("delete from template")
    for number, (followed, opened, lanes) in enumerate(rows):
        name = None if number % 3 == 0 else f"name {number % 2}"
        for lane in range(lanes + 1):
            await given.template(
                template_id=f"t{number}", lane=lane, name=name, followed_emails=followed,
                human_opened_emails=min(opened, followed),
            )  # fmt: skip
    whole = (await given.get(f"/v1/templates?sort={sort}&limit=500"))["data"]
    assert sorted(row["id"] for row in whole) == sorted(f"t{number}" for number in range(len(rows)))
    assert await given.walk(f"/v1/templates?sort={sort}", limit) == whole


@pytest.mark.parametrize("owner", [None, "ana"])
@pytest.mark.parametrize("sort", ["-last_opened_at", "last_opened_at", "-sent_at", "sent_at"])
async def test_followed_emails_by_time_are_read_by_an_index(
    given: Given, sort: str, owner: str | None
) -> None:
    await given.writer.execute(
        "insert into message (tenant, message_id, prepared_at, owner, followed, last_opened_at)"
        " select 'demo', gen_random_uuid(), n, (array['ana', 'ben'])[1 + n % 2], true,"
        " case when n % 3 > 0 then n end from generate_series(1, 20000) n"
    )
    given.database.execute("analyze projector.message")
    scope, order = Scope(tenant="demo", owner=owner), MESSAGES.order(sort)
    wanted = MessageFilter(followed=True)
    conditions, frame = message_conditions(scope, wanted), lists.QUERIES["messages"]
    last, bare = (Position(key=key, tie=str(UUID(int=1))) for key in (10_000, None))
    for step in (
        with_key(frame, conditions, order, None, 51),
        with_key(frame, conditions, order, last, 51),
        without_key(frame, conditions, order, None, 51),
        without_key(frame, conditions, order, bare, 51),
    ):
        url = given.database.url("projector_reader")
        async with (
            Pool(url, application="test", schema="projector", size=1) as pool,
            reading(pool, scope) as connection,
        ):
            rows = await connection.fetch(f"explain {step.text}", *step.arguments)
        plan = "\n".join(row[0] for row in rows)
        assert "using message_by_" in plan, plan
        assert "Sort Key: m." not in plan, plan


def test_conditions_number_their_arguments_in_order() -> None:
    conditions = Conditions()
    conditions.add("a = {0}", 1)
    conditions.add("b")
    more = conditions.copy()
    more.add("(c, d) < ({0}, {1}) or c = {0}", 2, 3)
    assert more.texts == ["a = $1", "b", "(c, d) < ($2, $3) or c = $2"]
    assert (more.arguments, conditions.arguments) == ([1, 2, 3], [1])
