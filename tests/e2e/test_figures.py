"""Key figures, one person, and engagement switched off: through public doors."""

from typing import Any

from tests.support import mails
from tests.support.doors import PERSON, Doors, Mailed, eventually

MACHINE = "curl/8.5.0"


async def _life(doors: Doors) -> Mailed:
    """Send a mail about a deal; a machine opens it, a person opens it and follows a link."""
    mailed = await doors.mail(mails.mail(regarding="deal-9"))
    await doors.hit(mailed.pixel, MACHINE)
    await doors.hit(mailed.pixel, PERSON)
    await doors.hit(mailed.links[0], PERSON)
    path = f"/v1/messages/{mailed.message_id}"
    await eventually(
        lambda: doors.call("projector", path),
        lambda seen: (
            seen.status == 200
            and seen.json["clicks"]["count"] == 1
            and seen.json["opens"]["count"] == 2
        ),
    )
    return mailed


def _counts(figures: Any) -> tuple[int, int, int, int]:
    opens, clicks = figures["opens"], figures["clicks"]
    return figures["email_count"], opens["count"], opens["human"]["count"], clicks["human"]["count"]


async def test_key_figures_of_a_tenant_a_record_and_a_person_agree(
    doors: Doors, strangers: Doors
) -> None:
    mailed = await _life(doors)
    other = await doors.mail(mails.mail(to=[mails.recipient(2)], regarding="deal-10"))
    await eventually(
        lambda: doors.get("projector", "/v1/kpis"),
        lambda found: found["totals"]["email_count"] == 2,
    )
    whole = await doors.get("projector", "/v1/kpis")
    assert _counts(whole["totals"]) == (2, 2, 1, 1)
    assert sum(day["opens"]["count"] for day in whole["days"]) == 2
    assert whole["totals"]["open_rate"] == {"value": 0.5, "numerator": 1, "denominator": 2}
    deal = await doors.get("projector", "/v1/kpis?regarding=deal-9")
    assert _counts(deal["totals"]) == (1, 2, 1, 1)
    person = await doors.get("projector", "/v1/kpis?recipient=c-17")
    assert _counts(person["totals"]) == (1, 2, 1, 1)
    hours = await doors.get("projector", "/v1/kpis?by=hour_of_week")
    assert sum(hour["opens"]["count"] for hour in hours["hours"]) == 2
    assert _counts((await strangers.get("projector", "/v1/kpis", role="manager"))["totals"]) == (
        0,
        0,
        0,
        0,
    )
    assert mailed.message_id != other.message_id


async def test_one_persons_page_shows_history_totals_and_how_far_to_trust_the_opens(
    doors: Doors, strangers: Doors
) -> None:
    mailed = await _life(doors)
    page = await doors.get("projector", "/v1/recipients/c-17")
    assert page["recipient"]["address"] == "p17@customer.example"
    assert [each["id"] for each in page["data"]] == [mailed.message_id]
    assert page["totals"]["opens"]["human"]["count"] == 1
    assert page["open_reliability"]["code"] in ("unknown", "unreliable", "mixed", "reliable")
    by_ref = await doors.get("projector", f"/v1/recipients/{page['recipient']['ref']}")
    assert by_ref["data"] == page["data"]
    for who in (strangers, Doors(doors.stack, doors.session, doors.tenant, subject="ben")):
        assert (await who.call("projector", "/v1/recipients/c-17")).status == 404


async def test_switched_off_the_columns_are_empty_with_the_reason_and_back_when_on(
    doors: Doors,
) -> None:
    mailed = await _life(doors)
    path = f"/v1/messages/{mailed.message_id}"
    before = await doors.get("projector", path)
    tenant = await doors.get("rewriter", "/v1/tenant", role="admin")
    changed = {name: value for name, value in tenant.items() if name not in ("since", "by")}

    async def switch(on: bool) -> Any:
        body = {**changed, "engagement": on}
        put = await doors.call("rewriter", "/v1/tenant", method="PUT", role="admin", json=body)
        assert put.status == 200, put
        return await eventually(
            lambda: doors.get("projector", path), lambda found: found["engagement"]["on"] is on
        )

    off = await switch(False)
    assert off["engagement"]["reason"]["code"] == "engagement_off"
    assert (off["opens"]["count"], off["opens"]["human"]["count"], off["subject"]) == (
        None,
        None,
        "Your offer",
    )
    on = await switch(True)
    assert (on["opens"], on["clicks"], on["status"]["code"]) == (
        before["opens"],
        before["clicks"],
        "clicked",
    )
