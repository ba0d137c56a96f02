from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as law
from hypothesis import strategies as st

from services.projector.query.ordering import MESSAGES, TEMPLATES
from services.projector.query.status import StatusCode
from tests.projector.query.given import DAY, REF, Given
from tests.support.clock import START

OTHER_REF = "ffeeddccbbaa9988"


async def ids(given: Given, query: str = "", **who: Any) -> list[int]:
    rows = (await given.get(f"/v1/messages{query}", **who))["data"]
    return [int(row["id"].rpartition("-")[2], 16) for row in rows]


async def test_a_list_shows_followed_emails_newest_first_with_people_and_status(
    given: Given,
) -> None:
    first = await given.message(
        template_id="intro", template_version="1", regarding="deal-9", labels={"step": "1"},
        opens=3, first_opened_at=START - 5, last_opened_at=START - 1, human_opens=1,
        human_first_opened_at=START - 1, human_last_opened_at=START - 1,
    )  # fmt: skip
    await given.recipient(first)
    await given.recipient(
        first, ref=OTHER_REF, position=1, followed=False, reason="recipient_refuses"
    )
    await given.personal(first)
    await given.template(name="Old", named_at=1)
    await given.template(lane=1, name="Intro", named_at=2)
    await given.message()
    await given.message(followed=False, reason="no_html")
    answer = await given.get("/v1/messages")
    assert [row["id"][-1] for row in answer["data"]] == ["2", "1"]
    row = answer["data"][1]
    assert (row["subject"], row["owner"], row["regarding"]) == ("Your offer", "ana", "deal-9")
    assert row["template"] == {"id": "intro", "name": "Intro", "version": "1"}
    assert row["status"] == {"code": "opened", "text": "Last opened just now"}
    assert (row["opens"]["count"], row["opens"]["human"]["count"]) == (3, 1)
    assert [(who["id"], who["followed"]) for who in row["recipients"]] == [
        ("c-17", True),
        (None, False),
    ]
    assert row["recipients"][1]["reason"] == {
        "code": "recipient_refuses",
        "detail": "A recipient does not allow following.",
    }
    assert row["recipient_count"] == 2
    assert (answer["next"], answer["as_of"]) == (None, None), "no fold has looked at the log"


async def test_unfollowed_emails_are_found_with_their_reason(given: Given) -> None:
    await given.message()
    await given.message(followed=False, reason="no_html")
    (row,) = (await given.get("/v1/messages?followed=false"))["data"]
    assert (row["reason"]["code"], row["status"]["code"]) == ("no_html", "not_followed")
    assert await ids(given, "?followed=all") == [2, 1]


async def test_hits_that_came_before_their_mail_are_not_listed(given: Given) -> None:
    await given.message(prepared_at=None, owner=None, followed=None, opens=1)
    assert await ids(given, "?followed=all", roles=["manager"]) == []


async def test_filters_narrow_the_list_and_add_up(given: Given) -> None:
    one = await given.message(template_id="intro", regarding="deal-9")
    two = await given.message(template_id="intro", owner="ben")
    await given.message(regarding="deal-9")
    await given.recipient(one)
    await given.personal(one)
    await given.recipient(two, ref=OTHER_REF)
    await given.personal(
        two,
        subject="100% off",
        recipients=[
            {"ref": OTHER_REF, "address": "bo@customer.example", "name": "Bo", "id": "c-2"}
        ],
    )
    manager = {"roles": ["manager"]}
    for query, found in (
        ("?template=intro", [2, 1]),
        ("?regarding=deal-9", [3, 1]),
        ("?regarding=deal-9&template=intro", [1]),
        ("?owner=ben", [2]),
        ("?owner=nobody", []),
        (f"?recipient={REF}", [1]),
        ("?recipient=c-2", [2]),
        ("?recipient=c-3", []),
        ("?q=OFFER", [1]),
        ("?q=bo%40customer", [2]),
        ("?q=LI", [1]),
        ("?q=100%25", [2]),
        ("?q=%25", [2]),
        ("?q=_", []),
        ("?q=", [3, 2, 1]),
    ):
        assert await ids(given, query, **manager) == found, query


async def test_a_range_of_sent_times_includes_its_start_and_not_its_end(given: Given) -> None:
    for at in (1, 2, 3):
        await given.message(prepared_at=START + at)
    await given.message(prepared_at=START + 2, scheduled_at=START + DAY)
    between = "?from=2026-01-01T00:00:00.000002Z&to=2026-01-01T00:00:00.000003Z"
    assert await ids(given, between) == [2]
    assert await ids(given) == [3, 2, 1, 4]
    assert await ids(given, "?sort=sent_at") == [1, 2, 3, 4]


async def test_emails_without_the_time_sorted_by_come_last_both_ways(given: Given) -> None:
    await given.message()
    await given.message(last_opened_at=5)
    await given.message(last_opened_at=9)
    assert await ids(given, "?sort=-last_opened_at") == [3, 2, 1]
    assert await ids(given, "?sort=last_opened_at") == [2, 3, 1]


async def test_a_page_goes_on_where_it_ended_although_rows_came_in_between(given: Given) -> None:
    for _ in range(4):
        await given.message()
    page = await given.get("/v1/messages?limit=2")
    await given.message()
    rest = await ids(given, f"?limit=2&cursor={page['next']}")
    assert rest == [2, 1]


async def test_every_sort_is_answered_with_every_filter_at_once(given: Given) -> None:
    everything = "from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z&q=a&recipient=a"
    everything += "&template=a&regarding=a&owner=ana&status=opened"
    for sort in MESSAGES.choices():
        await given.get(f"/v1/messages?sort={sort}&{everything}")
    for sort in TEMPLATES.choices():
        await given.get(f"/v1/templates?sort={sort}&q=a")


SEEN: st.SearchStrategy[Any] = st.none() | st.just(START)
PASSED = (
    "scheduled_at",
    "handed_at",
    "cancelled_at",
    "bounced_at",
    "human_last_replied_at",
    "human_last_clicked_at",
    "human_last_attachment_viewed_at",
    "human_last_opened_at",
    "last_opened_at",
)
COURSES = st.fixed_dictionaries(dict.fromkeys(PASSED, SEEN) | {"followed": st.booleans()})


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@law(st.lists(COURSES, min_size=1, max_size=12))
async def test_the_filter_by_status_finds_what_has_that_status(
    given: Given, courses: list[dict[str, Any]]
) -> None:
    await given.writer.execute("delete from message")
    for columns in courses:
        await given.message(**columns)
    every = (await given.get("/v1/messages?followed=all"))["data"]
    assert len(every) == len(courses)
    for code in StatusCode:
        listed = (await given.get(f"/v1/messages?followed=all&status={code}"))["data"]
        assert listed == [row for row in every if row["status"]["code"] == code], code
    unfollowed = (await given.get("/v1/messages?status=not_followed"))["data"]
    assert unfollowed == [row for row in every if row["status"]["code"] == "not_followed"]


async def test_templates_are_added_up_over_the_lanes(given: Given) -> None:
    await given.template(
        name="Intro", version="1", named_at=5, emails=3, followed_emails=2, opened_emails=2,
        human_opened_emails=1, opens=5, first_opened_at=20, last_opened_at=30, human_opens=1,
        human_first_opened_at=30, human_last_opened_at=30,
    )  # fmt: skip
    await given.template(
        lane=1, name="Intro!", version="2", named_at=9, emails=2, followed_emails=2, opens=1,
        opened_emails=1, first_opened_at=10, last_opened_at=10, human_replied_emails=1,
        replied_emails=1, replies=1, human_replies=1,
    )  # fmt: skip
    await given.template(template_id="bare", emails=9)
    data = (await given.get("/v1/templates", subject="ben"))["data"]
    assert [row["id"] for row in data] == ["bare", "intro"]
    assert data[0]["open_rate"] == {"value": None, "numerator": 0, "denominator": 0}
    intro = data[1]
    assert (intro["name"], intro["version"]) == ("Intro!", "2")
    assert (intro["email_count"], intro["followed_count"]) == (5, 4)
    assert intro["open_rate"] == {"value": 0.25, "numerator": 1, "denominator": 4}
    assert intro["reply_rate"] == {"value": 0.25, "numerator": 1, "denominator": 4}
    assert intro["emails"]["opened"] == {"count": 3, "human": 1}
    assert intro["opens"]["count"] == 6
    assert intro["opens"]["first_at"] == "1970-01-01T00:00:00.000010Z"
    one = await given.get("/v1/templates/intro")
    assert {name: one[name] for name in intro} == intro
    found = await given.get("/v1/templates?q=intro%21&sort=-open_rate")
    assert [row["id"] for row in found["data"]] == ["intro"]


async def test_a_template_nobody_used_is_not_there(given: Given) -> None:
    answer = await given.ask("/v1/templates/nope")
    assert (answer.status, answer.json["field"]) == (404, "id")


@pytest.mark.parametrize("name", ["a/b", "50%", "ä b"])
async def test_a_templates_id_may_be_any_text(given: Given, name: str) -> None:
    await given.template(template_id=name)
    path = given.client.make_url("/v1/templates") / name.replace("/", "%2F")
    if "/" not in name:
        assert (await given.get(path.path_qs))["id"] == name
    assert (await given.get("/v1/templates"))["data"][0]["id"] == name


async def test_the_wish_to_follow_and_what_became_of_it_are_both_shown(given: Given) -> None:
    followed = await given.message()
    blocked = await given.message(followed=False, reason="recipient_refuses")
    unasked = await given.message(followed=False, reason="not_requested")
    shown = {
        row["id"]: (row["follow_requested"], row["followed"])
        for row in (await given.get("/v1/messages?followed=all"))["data"]
    }
    expected = {followed: (True, True), blocked: (True, False), unasked: (False, False)}
    assert shown == {str(message): both for message, both in expected.items()}
    for message, both in expected.items():
        one = await given.get(f"/v1/messages/{message}")
        assert (one["follow_requested"], one["followed"]) == both
