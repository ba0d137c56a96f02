"""What is set aside comes back whole, and too much of it is a flood."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.errors import Poison
from services.runtime.kafka import Record
from services.runtime.postgres import Pool
from services.runtime.quarantine import (
    BUDGET,
    WINDOW,
    Refusal,
    is_flood,
    reasons,
    restored,
    set_aside,
)
from tests.support.folding import a_pool, a_schema
from tests.support.stack import Database


def record(offset: int, value: bytes | None = b"v") -> Record:
    headers = (("ce_type", b"x"), ("odd \x00", b"\x00\xff"))
    return Record("events", 1, offset, b"\x00key", value, headers, 5)


def test_the_budget_itself_is_no_flood_and_one_more_is() -> None:
    assert not is_flood([], [True] * BUDGET)
    assert is_flood([], [True] * (BUDGET + 1))
    assert is_flood([True] * BUDGET, [False] * 10 + [True])


def test_what_lies_further_back_than_the_window_is_forgotten() -> None:
    assert not is_flood([True] * BUDGET, [False] * WINDOW + [True])


@given(st.lists(st.booleans(), max_size=60), st.lists(st.booleans(), max_size=60))
def test_a_flood_is_one_whichever_way_it_is_cut(history: list[bool], coming: list[bool]) -> None:
    spread = [bad for one in [*history, *coming] for bad in [one] * 5]
    cut = len(history) * 5
    assert is_flood([], spread) == (
        is_flood([], spread[:cut]) or is_flood(spread[:cut], spread[cut:])
    )


def test_reasons_are_counted() -> None:
    refused = [Refusal(record=record(n), reason=reason) for n, reason in enumerate("abaca")]
    assert list(reasons(refused)) == [("a", 3), ("b", 1), ("c", 1)]


async def test_a_refused_record_is_stored_once_and_restored_whole(database: Database) -> None:
    await a_schema(database)
    hostile = "why \x00 and \ud800 " + "x" * 5000
    refused = [
        Refusal(record=record(0), reason="malformed", detail=hostile),
        Refusal(record=record(1, None), reason="unknown_type"),
    ]
    async with a_pool(database) as pool:
        await _store(pool, refused)
        await _store(pool, refused[:1])
        rows = await pool.fetch("select * from quarantine order by record_offset")
    assert [row["reason"] for row in rows] == ["malformed", "unknown_type"]
    assert [row["state"] for row in rows] == [0, 0]
    assert rows[0]["detail"].startswith("why \ufffd and ? xxx")
    assert rows[0]["first_at"] > 1_700_000_000_000_000
    for row, refusal in zip(rows, refused, strict=True):
        back = restored(row)
        assert back.lane == refusal.record.lane
        assert (back.offset, back.key, back.value) == refusal.record[2:5]
        assert back.timestamp_ms == 5
    assert restored(rows[0]).headers[0] == ("ce_type", b"x")
    assert restored(rows[0]).headers[1][1] == b"\x00\xff"


async def _store(pool: Pool, refused: list[Refusal]) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await set_aside(connection, refused)


def test_a_poison_carries_what_a_refusal_needs() -> None:
    with pytest.raises(Poison) as raised:
        raise Poison("malformed", "no JSON")
    assert (raised.value.reason, raised.value.detail) == ("malformed", "no JSON")
