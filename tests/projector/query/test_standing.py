"""Where engagement is off: the columns are there, empty, with the reason; and all is back once it is on again."""

from typing import Any

import pytest

from schemas.events import Hit
from services.projector.query.shapes import INTERACTIONS
from services.projector.query.standing import EMPTY, Emptied, Standing
from tests.projector.query.given import REF, Given
from tests.projector.records import (
    ACME,
    ANNA,
    NOW,
    clicked,
    message,
    opened,
    prepared,
    record,
    viewed,
)

SALLY = {"tenant": "acme", "subject": "sally"}
NONE = {"count": None, "first_at": None, "last_at": None}
HIDDEN = NONE | {"human": NONE}
MID = message(1)
PATHS = (
    "/v1/messages", f"/v1/messages/{MID}", f"/v1/messages/{MID}/links",
    f"/v1/messages/{MID}/attachments", f"/v1/messages/{MID}/recipients",
    f"/v1/messages/{MID}/timeline", "/v1/templates", "/v1/templates/offer", "/v1/kpis",
    "/v1/kpis?regarding=deal-7", "/v1/kpis?by=hour_of_week", f"/v1/recipients/{ANNA}",
)  # fmt: skip


async def a_life(given: Given) -> None:
    hits: list[Hit] = [opened(), clicked(), viewed()]
    await given.fold(
        [
            record(prepared(), at=NOW),
            *(record(one, at=NOW + 1, offset=n) for n, one in enumerate(hits)),
        ]
    )


def counts(found: Any) -> list[Any]:
    """Collect every count of interactions in an answer."""
    if isinstance(found, list):
        return [count for one in found for count in counts(one)]
    if not isinstance(found, dict):
        return []
    own = [found["human"], found["count"]] if {"human", "count"} <= found.keys() else []
    return own + [count for name, one in found.items() if name != "human" for count in counts(one)]


@pytest.mark.parametrize("path", PATHS)
async def test_every_door_says_so_and_shows_no_figure(given: Given, path: str) -> None:
    await a_life(given)
    before = await given.get(path, **SALLY)
    assert before["engagement"] == {"on": True, "reason": None}
    await given.engagement(False, ACME)
    off = await given.get(path, **SALLY)
    assert off["engagement"] == {
        "on": False,
        "reason": {
            "code": "engagement_off",
            "detail": "Email engagement is switched off for your organization.",
        },
    }
    assert all(one in (None, NONE) for one in counts(off))
    assert len(counts(off)) >= len(counts(before)) - 2, "the columns are there"
    await given.engagement(True, ACME)
    assert await given.get(path, **SALLY) == before


async def test_the_columns_are_there_and_empty(given: Given) -> None:
    await a_life(given)
    await given.engagement(False, ACME)
    (row,) = (await given.get("/v1/messages", **SALLY))["data"]
    assert all(row[name] == HIDDEN for name in INTERACTIONS)
    assert row["status"] == {"code": None, "text": None}
    assert row["followed"] is True
    (file,) = (await given.get(f"/v1/messages/{MID}/attachments", **SALLY))["data"]
    assert (file["size"], file["viewer_count"], file["viewers"]) == (99, None, [])
    template = await given.get("/v1/templates/offer", **SALLY)
    assert (template["email_count"], template["followed_count"]) == (1, 1)
    assert template["open_rate"] == {"value": None, "numerator": None, "denominator": 1}
    timeline = (await given.get(f"/v1/messages/{MID}/timeline", **SALLY))["data"]
    assert [one["type"] for one in timeline] == ["message.prepared"]
    assert (await given.get(f"/v1/recipients/{ANNA}", **SALLY))["open_reliability"] is None


async def test_what_became_of_the_sending_is_told_all_the_same(given: Given) -> None:
    found = await given.message(bounced_at=NOW)
    await given.letter(found, "bounce", NOW, permanent=True, human=False)
    await given.letter(found, "reply", NOW, author="recipient")
    opened_one = await given.message(last_opened_at=NOW, human_last_opened_at=NOW)
    await given.engagement(False)
    for query, ids in (("bounced", [found]), ("opened", []), ("not_opened", [])):
        listed = (await given.get(f"/v1/messages?status={query}"))["data"]
        assert [row["id"] for row in listed] == [str(one) for one in ids]
    timeline = (await given.get(f"/v1/messages/{found}/timeline"))["data"]
    assert [one["type"] for one in timeline] == ["message.bounced", "message.prepared"]
    await given.engagement(True)
    (row,) = (await given.get("/v1/messages?status=opened"))["data"]
    assert row["id"] == str(opened_one)


async def test_one_tenants_switch_is_no_other_tenants(given: Given) -> None:
    await given.message(tenant="other", opens=3)
    await given.engagement(False, "demo")
    (row,) = (await given.get("/v1/messages", tenant="other"))["data"]
    assert row["opens"]["count"] == 3


def test_a_row_is_emptied_of_what_was_done_and_of_nothing_else() -> None:
    row = Emptied(dict.fromkeys(EMPTY, 7) | {"ref": REF, "email_count": 2})
    assert all(row[name] is None for name in EMPTY)
    assert (row["ref"], row["email_count"]) == (REF, 2)
    whole = {"opens": 1}
    assert Standing(as_of=None, engaged=True).seen(whole) is whole
