from typing import Any

import pytest

from services.projector.query.scope import Scope, reading
from services.projector.query.selection import SAMPLED, WALKED, promises
from services.runtime.postgres import Pool
from tests.projector.query.given import DAY, REF, Given
from tests.support.clock import START

MANAGER: dict[str, Any] = {"roles": ["manager"]}


async def ids(given: Given, query: str, **who: Any) -> list[int]:
    rows = (await given.get(f"/v1/messages?{query}", **who))["data"]
    return [int(row["id"].rpartition("-")[2], 16) for row in rows]


async def labelled(given: Given, **labels: str) -> None:
    found = await given.message(labels=labels)
    for name, value in labels.items():
        await given.insert("label", tenant="demo", name=name, value=value, message_id=found)


async def test_labels_choose_by_name_and_value_and_add_up(given: Given) -> None:
    await labelled(given, step="1", campaign="spring")
    await labelled(given, step="2")
    await labelled(given, step="1")
    for query, found in (
        ("label=step:1", [3, 1]),
        ("label=step", [3, 2, 1]),
        ("label=step:1&label=campaign:spring", [1]),
        ("label=step:1&label=step:2", []),
        ("label=nothing", []),
    ):
        assert await ids(given, query) == found, query


async def test_engagement_and_its_absence_are_of_people_or_of_all(given: Given) -> None:
    await given.message(opens=1, last_opened_at=START)
    await given.message(last_opened_at=START, human_last_opened_at=START)
    await given.message(
        human_last_opened_at=START, last_opened_at=START, human_last_replied_at=START,
        last_replied_at=START, last_attachment_viewed_at=START,
    )  # fmt: skip
    await given.message()
    for query, found in (
        ("engaged=opened", [3, 2]),
        ("engaged=opened&by=all", [3, 2, 1]),
        ("not_engaged=opened", [4, 1]),
        ("not_engaged=opened&by=all", [4]),
        ("engaged=opened&not_engaged=replied", [2]),
        ("engaged=viewed", []),
        ("engaged=viewed&by=all", [3]),
        ("engaged=opened&engaged=replied", [3]),
        ("engaged=opened&not_engaged=opened", []),
    ):
        assert await ids(given, query) == found, query
    await given.engagement(False)
    assert await ids(given, "engaged=opened") == []
    assert await ids(given, "not_engaged=opened") == [], "nor is its absence told"


async def test_a_range_is_of_any_time_and_has_its_order(given: Given) -> None:
    for at in (3, 1, 2):
        await given.message(last_clicked_at=START + at)
    await given.message()
    bounds = "from=2026-01-01T00:00:00.000001Z&to=2026-01-01T00:00:00.000003Z"
    assert await ids(given, f"range=last_clicked_at&{bounds}") == [3, 2]
    assert await ids(given, f"range=last_clicked_at&sort=sent_at&{bounds}") == [2, 3]
    await given.message(scheduled_at=START + DAY)
    assert await ids(given, "range=scheduled_at&from=2026-01-02T00:00:00Z") == [5]


@pytest.mark.parametrize("sort", ["subject", "recipient"])
async def test_lists_are_sorted_by_what_names_content(given: Given, sort: str) -> None:
    for name in ("beta", "Alpha", "gamma"):
        found = await given.message()
        person = {"ref": REF, "address": "x@y.example", "name": name, "id": "c"}
        await given.personal(found, subject=name, recipients=[person])
    await given.message()
    for limit in (1, 2, 50):
        rows = await given.walk(f"/v1/messages?sort={sort}", limit)
        assert [row["id"][-1] for row in rows] == ["2", "1", "3", "4"]
        rows = await given.walk(f"/v1/messages?sort=-{sort}", limit)
        assert [row["id"][-1] for row in rows] == ["3", "1", "2", "4"]


async def many(given: Given, count: int) -> None:
    """Put many mails there, of which every hundredth has a rare word, label and owner."""
    await given.writer.execute(
        "insert into message (tenant, message_id, prepared_at, owner, followed, labels)"
        " select 'demo', lpad(to_hex(n), 32, '0')::uuid, n, case when n % 100 = 0 then 'ana' else 'ben' end, true,"
        ' case when n % 100 = 0 then \'{"rare": "yes"}\'::jsonb else \'{"rare": "no"}\' end'
        " from generate_series(1, $1::integer) n",
        count,
    )
    await given.writer.execute(
        "insert into label select tenant, 'rare', labels ->> 'rare', message_id from message"
    )
    await given.writer.execute(
        "insert into personal (tenant, message_id, subject, body) select tenant, message_id,"
        " case when owner = 'ana' then 'Rückfrage (pre)paid ÄPFEL' else 'Frequent' end, '{}' from message"
    )


@pytest.mark.parametrize(
    "query",
    ["q=R%C3%9CCK", "q=ckfrag", "q=paid+%C3%A4pf", "q=)paid", "q=%C3%BC", "label=rare:yes",
     "label=rare:yes&q=frage", "q=(pre)"],
)  # fmt: skip
async def test_what_few_have_is_found_whole_and_in_order(given: Given, query: str) -> None:
    await many(given, 1_500)
    expected = [number for number in range(1_500, 0, -1) if number % 100 == 0]
    for who in (MANAGER, {}):
        listed = await given.walk(f"/v1/messages?{query}", 4, **who)
        assert [int(row["id"].rpartition("-")[2], 16) for row in listed] == expected
        assert await ids(given, f"{query}&sort=sent_at", **who) == expected[::-1]
    assert await ids(given, query, subject="eve") == []
    assert await ids(given, query, tenant="other", **MANAGER) == []


async def titled(given: Given, *subjects: str) -> None:
    """Put a mail there for each subject."""
    for subject in subjects:
        await given.personal(await given.message(), subject=subject)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        # a sign behind a word ends it, but says nothing of where it begins
        ("q=ann%40", [2, 1]),
        ("q=ann%40x", [1]),
        ("q=ann", [3, 2, 1]),
        ("q=%40y", [2]),
        ("q=ann%40+y.ex", [2]),
        # more letters than an end of a word is looked for by, alone and with a sign behind them
        ("q=dampfschifffahrts", [5, 4]),
        ("q=dampfschifffahrtsg", [4]),
        ("q=dampfschifffahrts-", [5]),
        ("q=fahrts-", [5]),
        ("q=dampfschifffahrt-", []),
        ("q=-", [5]),
        ("q=-+", [5]),
        ("q=%25", []),
    ],
)
async def test_signs_and_long_words_are_taken_literally(
    given: Given, query: str, found: list[int]
) -> None:
    await titled(
        given, "ann@x.example", "joann@y.example", "anna z example", "Donaudampfschifffahrtsgesellschaft",
        "Donaudampfschifffahrts-Amt",
    )  # fmt: skip
    for who in (MANAGER, {}):
        assert await ids(given, query, **who) == found


async def test_what_lies_far_off_is_found_whole_and_in_order(given: Given) -> None:
    await given.writer.execute(
        "insert into message (tenant, message_id, prepared_at, owner, followed, labels, last_opened_at)"
        " select 'demo', lpad(to_hex(n), 32, '0')::uuid, n, case when n % 2 = 0 then 'ana' else 'ben' end, true,"
        " case when n < 60 then '{\"rare\": \"yes\"}'::jsonb else '{}' end, case when n % 3 = 0 then n end"
        " from generate_series(1, 1100) n"
    )
    await given.writer.execute(
        "insert into label select tenant, 'rare', 'yes', message_id from message where prepared_at < 60"
    )
    await given.writer.execute(
        "insert into personal (tenant, message_id, subject, body) select tenant, message_id,"
        " case when prepared_at < 60 then 'rare' else 'frequent' end, '{}' from message"
    )
    for query in ("q=rare", "q=rar+are", "label=rare:yes", "label=rare:yes&q=rare"):
        for sort in ("-sent_at", "-last_opened_at", "-first_opened_at", "-id"):
            for who, numbers in ((MANAGER, range(59, 0, -1)), ({}, range(58, 0, -2))):
                expected = list(numbers)
                if sort == "-last_opened_at":  # those that were not opened come last
                    expected.sort(key=lambda number: number % 3 != 0)
                rows = await given.walk(f"/v1/messages?{query}&sort={sort}", 25, **who)
                listed = [int(row["id"].rpartition("-")[2], 16) for row in rows]
                assert listed == expected, (query, sort)


async def test_what_many_have_is_found_on_the_way(given: Given) -> None:
    await many(given, 1_500)
    assert await ids(given, "q=freq&limit=3", **MANAGER) == [1499, 1498, 1497]
    assert await ids(given, "label=rare:no&limit=3&sort=sent_at", **MANAGER) == [1, 2, 3]
    # More than are sampled, then more than are looked at.
    expected = [number for number in range(1_500, 0, -1) if number % 100]
    for limit in (SAMPLED, WALKED // 2, WALKED):
        assert await ids(given, f"q=freq&limit={limit}", **MANAGER) == expected[:limit]


@pytest.mark.parametrize(
    ("met", "limit", "told"),
    [(None, 50, False), (0, 1, False), (15, 50, False), (16, 50, True), (SAMPLED, WALKED, False)],
)
def test_more_is_looked_at_where_the_sample_promises_more_than_a_page(
    met: int | None, limit: int, told: bool
) -> None:
    assert promises(met, limit) is told


async def test_the_search_tells_a_seller_no_id_of_others(given: Given) -> None:
    await many(given, 200)
    url = given.database.url("projector_reader")
    async with Pool(url, application="test", schema="projector", size=1) as pool:
        for owner, count in ((None, 198), ("ben", 198), ("ana", 0)):
            async with reading(pool, Scope(tenant="demo", owner=owner)) as connection:
                found = await connection.fetchval("select found_messages('{freq}', 1000)")
            assert len(found) == count
        async with reading(pool, Scope(tenant="other", owner=None)) as connection:
            assert await connection.fetchval("select found_messages('{freq}', 1000)") == []
        assert await pool.fetchval("select found_messages('{freq}', 1000)") in (None, [])
