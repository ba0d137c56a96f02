"""One person: found by ref or by the caller's id, with the history of what was written to them, and no more."""

from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, settings
from hypothesis import given as law
from hypothesis import strategies as st

from tests.projector.query.given import DAY, REF, Given
from tests.support.clock import START

OTHER_REF = "ffeeddccbbaa9988"
PRIVACY = {"agent": "privacy_prefetch", "rule": "apple_privacy_agent", "human": False}


async def a_mail(given: Given, ref: str = REF, **columns: Any) -> UUID:
    """Put a mail to one person there; what is not a message's column is the recipient's."""
    own = ("owner", "prepared_at", "followed", "tenant", "scheduled_at")
    found = await given.message(**{name: columns.pop(name) for name in own if name in columns})
    await given.recipient(found, ref=ref, **columns)
    return found


async def test_a_person_is_shown_with_every_mail_to_them_newest_first(given: Given) -> None:
    one = await a_mail(given, kind="lead")
    await given.personal(one)
    two = await a_mail(
        given, time_zone="Asia/Singapore", opens=3, first_opened_at=START, last_opened_at=START + 9,
        human_opens=1, human_first_opened_at=START + 9, human_last_opened_at=START + 9,
    )  # fmt: skip
    await given.personal(two, subject="Again")
    await a_mail(given, ref=OTHER_REF, opens=5)
    answer = await given.get(f"/v1/recipients/{REF}")
    assert answer["recipient"] == {
        "ref": REF, "refs": [REF], "id": "c-17", "name": "Li", "address": "li@customer.example",
        "kind": "contact", "time_zone": "Asia/Singapore",
    }  # fmt: skip
    assert [row["subject"] for row in answer["data"]] == ["Again", "Your offer"]
    latest = answer["data"][0]
    assert (latest["id"], latest["field"], latest["owner"]) == (str(two), "to", "ana")
    assert (latest["opens"]["count"], latest["status"]["code"]) == (3, "opened")
    totals = answer["totals"]
    assert (totals["email_count"], totals["opens"]["count"]) == (2, 3)
    assert totals["open_rate"] == {"value": 0.5, "numerator": 1, "denominator": 2}
    by_id = await given.get("/v1/recipients/c-17")
    assert by_id == answer


async def test_the_callers_id_brings_a_persons_addresses_together(given: Given) -> None:
    one, two = await a_mail(given), await a_mail(given, ref=OTHER_REF)
    await given.personal(one)
    person = {"ref": OTHER_REF, "address": "li@new.example", "name": "Li", "id": "c-17"}
    await given.personal(two, recipients=[person])
    answer = await given.get("/v1/recipients/c-17")
    assert answer["recipient"]["refs"] == [REF, OTHER_REF]
    assert answer["recipient"]["address"] == "li@new.example"
    assert [row["ref"] for row in answer["data"]] == [OTHER_REF, REF]
    assert (await given.get(f"/v1/recipients/{REF}"))["totals"]["email_count"] == 1


async def test_a_person_whom_nobody_names_any_more_is_still_a_ref(given: Given) -> None:
    await a_mail(given, opens=1)
    answer = await given.get(f"/v1/recipients/{REF}")
    assert (answer["recipient"]["name"], answer["recipient"]["address"]) == (None, None)
    assert answer["data"][0]["subject"] is None
    assert (await given.ask("/v1/recipients/c-17")).status == 404


async def test_nobody_a_strangers_and_another_sellers_are_the_same_404(given: Given) -> None:
    bens = await a_mail(given, owner="ben")
    await given.personal(bens)
    foreign = await a_mail(given, ref="0" * 16, tenant="other", followed=True)
    await given.writer.execute(
        "update recipient set tenant = 'other' where message_id = $1", foreign
    )
    await a_mail(given, ref="1" * 16, prepared_at=None, owner=None)
    await given.recipient(await given.message(), ref="2" * 16, position=None)
    told = []
    for name in (REF, "c-17", "0" * 16, "1" * 16, "2" * 16, "c-99", "f" * 16):
        answer = await given.ask(f"/v1/recipients/{name}")
        assert (answer.status, answer.json["field"]) == (404, "id")
        told.append({**answer.json, "instance": None})
    assert all(one == told[0] for one in told)
    assert (await given.get("/v1/recipients/c-17", subject="ben"))["recipient"]["ref"] == REF


async def test_a_seller_sees_a_shared_persons_own_mails_alone(given: Given) -> None:
    mine = await a_mail(given, opens=1)
    await a_mail(given, owner="ben", opens=7)
    answer = await given.get(f"/v1/recipients/{REF}")
    assert [row["id"] for row in answer["data"]] == [str(mine)]
    assert answer["totals"]["opens"]["count"] == 1
    manager = await given.get(f"/v1/recipients/{REF}", roles=["manager"])
    assert (manager["totals"]["email_count"], manager["totals"]["opens"]["count"]) == (2, 8)


async def test_opens_by_the_privacy_proxy_alone_are_unreliable(given: Given) -> None:
    found = await a_mail(given, opens=2)
    for at in (1, 2):
        await given.hit(found, 1, START + at, **PRIVACY)
    await given.hit(found, 1, START + 3, ref=None)
    told = (await given.get(f"/v1/recipients/{REF}"))["open_reliability"]
    assert told["code"] == "unreliable"
    assert "Apple's privacy proxy" in told["detail"]
    assert told["machine_share"] == {"value": 1.0, "numerator": 2, "denominator": 2}
    assert told["rules"] == [PRIVACY | {"opens": 2}]


async def test_reactions_without_opens_say_that_pictures_are_not_loaded(given: Given) -> None:
    await a_mail(given, human_clicks=1, clicks=1)
    await a_mail(given)
    told = (await given.get(f"/v1/recipients/{REF}"))["open_reliability"]
    assert (told["code"], told["unopened_share"]["numerator"]) == ("unreliable", 1)
    assert told["unopened_share"]["denominator"] == 1
    assert (await given.get(f"/v1/recipients/{REF}"))["totals"]["click_rate"]["value"] == 0.5


async def test_a_bounce_of_somebody_else_is_not_this_persons(given: Given) -> None:
    found = await a_mail(given)
    await given.recipient(found, ref=OTHER_REF, position=1)
    await given.letter(found, "bounce", START, permanent=True, human=False, ref=OTHER_REF)
    for ref, code in ((REF, "not_opened"), (OTHER_REF, "bounced")):
        (row,) = (await given.get(f"/v1/recipients/{ref}"))["data"]
        assert row["status"]["code"] == code


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@law(
    st.lists(st.tuples(st.none() | st.integers(0, 2), st.booleans()), min_size=1, max_size=9),
    st.integers(1, 4),
)
async def test_all_pages_of_a_history_are_every_mail_once_and_in_order(
    given: Given, mails: list[tuple[int | None, bool]], limit: int
) -> None:
    for table in ("message", "recipient", "person", "personal"):
        await given.writer.execute(f"delete from {table}")  # noqa: S608 - a closed list
    for day, twice in mails:
        held: dict[str, Any] = {"scheduled_at": START}
        found = await a_mail(given, **(held if day is None else {"prepared_at": START + day * DAY}))
        named = [{"ref": REF, "address": "a@x.example", "name": "A", "id": "c-1"}]
        if twice:
            await given.recipient(found, ref=OTHER_REF, position=1)
            named.append({"ref": OTHER_REF, "address": "b@x.example", "name": "A", "id": "c-1"})
        await given.personal(found, recipients=named)
    pages = await given.walk("/v1/recipients/c-1", limit)
    assert pages == (await given.get("/v1/recipients/c-1?limit=500"))["data"]
    assert len(pages) == len(mails) + sum(twice for _, twice in mails)
    times = [row["sent_at"] or "" for row in pages]
    assert times == sorted(times, reverse=True)
