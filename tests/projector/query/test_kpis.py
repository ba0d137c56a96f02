"""Key figures: read from the roll-ups and worked out from the history, which must agree."""

from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as law

from schemas.events import MessageSent
from schemas.instant import SECOND, Instant
from services.projector.query.kpis import NOTHING, add_up
from services.projector.query.shapes import INTERACTIONS
from tests.projector.oracle import Happened
from tests.projector.query.given import Given
from tests.projector.records import (
    ANNA,
    APPLE,
    BERT,
    NOW,
    clicked,
    message,
    opened,
    prepared,
    record,
    replied,
    viewed,
)
from tests.projector.store import TABLES
from tests.projector.test_fold_laws import lives

DAY = 86_400 * SECOND
SALLY = {"tenant": "acme", "subject": "sally"}
BOSS = {"tenant": "acme", "subject": "bo", "roles": ["manager"]}
RANGE = "from=2026-01-01&to=2026-01-04"


def told(figures: Any) -> dict[str, tuple[int, int]]:
    return {
        name: (figures[name]["count"], figures[name]["human"]["count"]) for name in INTERACTIONS
    }


async def a_life(given: Given) -> None:
    """Two mails of two sellers; one is opened on the next day, and read by two people."""
    await given.fold(
        [
            record(prepared(1), at=NOW, offset=1),
            record(prepared(2, owner="bob", template="news"), at=NOW, offset=2),
            record(prepared(3, followed=False), at=NOW + DAY, offset=3),
            record(opened(agent=APPLE), at=NOW + 1, offset=4),
            record(opened(), at=NOW + DAY, offset=5),
            record(opened(refs=(BERT,)), at=NOW + DAY + 3600 * SECOND, offset=6),
            record(clicked(2), at=NOW + DAY, offset=7),
            replied(offset=8),
            *(record(viewed(), at=NOW + n * SECOND, offset=10 + n) for n in range(3)),
        ]
    )


async def test_emails_stand_on_the_day_they_were_sent_and_interactions_on_their_own(
    given: Given,
) -> None:
    await a_life(given)
    answer = await given.get(f"/v1/kpis?{RANGE}", **SALLY)
    assert (answer["by"], answer["from"], answer["to"]) == ("day", "2026-01-01", "2026-01-04")
    first, second, third = answer["days"]
    assert [day["day"] for day in answer["days"]] == ["2026-01-01", "2026-01-02", "2026-01-03"]
    assert (first["email_count"], first["followed_count"]) == (1, 1)
    assert first["emails"]["opened"] == {"count": 1, "human": 1}
    assert first["open_rate"] == {"value": 1.0, "numerator": 1, "denominator": 1}
    assert told(first) == {
        "opens": (1, 0),
        "clicks": (0, 0),
        "attachment_views": (1, 1),
        "replies": (1, 1),
    }
    assert (second["email_count"], second["followed_count"]) == (1, 0)
    assert second["open_rate"] == {"value": None, "numerator": 0, "denominator": 0}
    assert told(second)["opens"] == (2, 2)
    assert third["email_count"] == 0
    totals = answer["totals"]
    assert (totals["email_count"], totals["followed_count"]) == (2, 1)
    assert told(totals)["opens"] == (3, 2)
    assert totals["opens"]["first_at"] == "2026-01-01T00:00:00.000001Z"
    assert totals["opens"]["last_at"] == "2026-01-02T01:00:00.000000Z"
    assert totals["opens"]["human"]["first_at"] == "2026-01-02T00:00:00.000000Z"


async def test_a_manager_sees_everybodys_and_one_sellers(given: Given) -> None:
    await a_life(given)
    for query, emails, clicks in (("", 3, 1), ("&owner=bob", 1, 1), ("&owner=eve", 0, 0)):
        totals = (await given.get(f"/v1/kpis?{RANGE}{query}", **BOSS))["totals"]
        assert (totals["email_count"], totals["clicks"]["count"]) == (emails, clicks)
    own = (await given.get(f"/v1/kpis?{RANGE}&owner=bob", **SALLY))["totals"]
    assert (own["email_count"], own["clicks"]["count"]) == (0, 0)


async def test_a_range_takes_its_first_day_and_not_its_last(given: Given) -> None:
    await a_life(given)
    for span, opens in (("01&to=2026-01-02", 1), ("02&to=2026-01-03", 2), ("02&to=2026-01-02", 0)):
        for more in ("", "&regarding=deal-7"):
            totals = (await given.get(f"/v1/kpis?from=2026-01-{span}{more}", **SALLY))["totals"]
            assert totals["opens"]["count"] == opens
    assert len((await given.get("/v1/kpis", **SALLY))["days"]) == 30


async def test_figures_of_a_person_are_of_what_that_one_did(given: Given) -> None:
    await a_life(given)
    for ref, opens, views, replies in (
        (ANNA, (2, 1), (1, 1), (1, 1)),
        (BERT, (1, 1), (0, 0), (0, 0)),
    ):
        totals = (await given.get(f"/v1/kpis?{RANGE}&recipient={ref}", **SALLY))["totals"]
        assert (totals["email_count"], totals["followed_count"]) == (2, 1)
        assert (told(totals)["opens"], told(totals)["attachment_views"]) == (opens, views)
        assert told(totals)["replies"] == replies
    nobody = (await given.get(f"/v1/kpis?{RANGE}&recipient=c-9", **SALLY))["totals"]
    assert nobody["email_count"] == 0


async def test_a_template_and_a_record_narrow_the_figures(given: Given) -> None:
    await a_life(given)
    for query, emails, opens in (
        ("template=offer", 2, 3),
        ("template=news", 0, 0),
        ("regarding=deal-7", 2, 3),
        ("regarding=deal-8", 0, 0),
        ("template=offer&regarding=deal-7&recipient=" + BERT, 2, 1),
    ):
        totals = (await given.get(f"/v1/kpis?{RANGE}&{query}", **SALLY))["totals"]
        assert (totals["email_count"], totals["opens"]["count"]) == (emails, opens), query


async def test_hours_of_the_week_begin_on_monday_in_utc(given: Given) -> None:
    await a_life(given)
    for more in ("", "&regarding=deal-7"):
        answer = await given.get(f"/v1/kpis?by=hour_of_week{more}", **SALLY)
        # 2026-01-01 is a Thursday
        found = {
            (row["weekday"], row["hour"]): told(row)["opens"]
            for row in answer["hours"]
            if row["opens"]["count"]
        }
        assert found == {(4, 0): (1, 0), (5, 0): (1, 1), (5, 1): (1, 1)}
        assert told(answer["totals"])["opens"] == (3, 2)


async def test_a_held_mail_stands_on_the_day_it_left(given: Given) -> None:
    await given.fold([record(prepared(scheduled_at=Instant(NOW + DAY)), at=NOW)])
    await given.fold([record(opened(), at=NOW + DAY + 9, offset=1)])
    path = f"/v1/kpis?{RANGE}"
    assert (await given.get(path, **SALLY))["totals"]["email_count"] == 0
    await given.fold([record(MessageSent(message_id=message(1)), at=NOW + DAY + 5, offset=2)])
    days = (await given.get(path, **SALLY))["days"]
    assert [day["email_count"] for day in days] == [0, 1, 0]
    assert [day["open_rate"]["numerator"] for day in days] == [0, 1, 0]


@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@law(happened=lives())
async def test_roll_ups_and_history_tell_the_same(given: Given, happened: list[Happened]) -> None:
    for name in (*TABLES, "view_slot", "first_fact", "outbox"):
        await given.writer.execute(f"delete from {name}")  # noqa: S608 - a closed list
    log = [
        record(one.event, identifier=one.id, at=one.at, tenant=one.tenant, offset=offset)
        for offset, one in enumerate(happened)
    ]
    await given.fold(log[::2])
    await given.fold(log[1::2])
    # every mail of these lives is about one record
    for path in (f"/v1/kpis?{RANGE}", "/v1/kpis?by=hour_of_week"):
        rolled = await given.get(path, **BOSS)
        worked_out = await given.get(f"{path}&regarding=deal-7", **BOSS)
        assert rolled == worked_out


@pytest.mark.parametrize("path", ["/v1/kpis?recipient=c-1", "/v1/kpis?by=hour_of_week"])
async def test_without_anything_every_figure_is_nought(given: Given, path: str) -> None:
    totals = (await given.get(path))["totals"]
    assert set(told(totals).values()) == {(0, 0)}
    assert totals["opens"]["first_at"] is None


def test_figures_add_up_by_sum_and_by_first_and_last() -> None:
    one = dict(NOTHING) | {"opens": 2, "first_opened_at": 5, "last_opened_at": 7}
    two = dict(NOTHING) | {"opens": 1, "first_opened_at": 6, "last_opened_at": 9}
    total = add_up([one, two, NOTHING])
    assert (total["opens"], total["first_opened_at"], total["last_opened_at"]) == (3, 5, 9)
    assert (total["clicks"], total["first_clicked_at"]) == (0, None)
    assert add_up([]) == NOTHING
