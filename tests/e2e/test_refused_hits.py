"""Refusals are honoured at the hit, for mail that left before: through public doors."""

from typing import Any

from tests.support import mails
from tests.support.doors import Answer, Doors, Mailed, eventually

ADDRESS = "/v1/preferences/p17%40customer.example"


async def _recorded(doors: Doors, url: str, wanted: str) -> Answer:
    """Ask until a hit is answered as recorded or not; a tracker follows the settings within about a second."""
    return await eventually(
        lambda: doors.hit(url), lambda answer: answer.headers["Inkling-Recorded"] == wanted
    )


async def _counts(doors: Doors, mailed: Mailed) -> tuple[int, int]:
    answer = await doors.call("projector", f"/v1/messages/{mailed.message_id}")
    if answer.status == 404:  # the fold has not come to it yet
        return 0, 0
    found = answer.json
    return found["opens"]["count"], found["clicks"]["count"]


async def test_who_refuses_is_not_counted_from_then_on_and_is_served_all_the_same(
    doors: Doors,
) -> None:
    mailed = await doors.mail(mails.mail())
    assert (await doors.hit(mailed.pixel)).headers["Inkling-Recorded"] == "yes"
    put = await doors.call("rewriter", ADDRESS, method="PUT", json={"follow": "do_not_allow"})
    assert put.status == 200, put

    pixel = await _recorded(doors, mailed.pixel, "no")
    assert (pixel.status, pixel.headers["Content-Type"]) == (200, "image/gif")
    click = await doors.hit(mailed.links[0])
    assert (click.status, click.headers["Location"]) == (302, mails.TARGETS[0])
    assert click.headers["Inkling-Recorded"] == "no"
    other = await doors.mail(mails.mail(to=[mails.recipient(18)]))
    assert (await doors.hit(other.pixel)).headers["Inkling-Recorded"] == "yes"
    await eventually(lambda: _counts(doors, other), lambda found: found == (1, 0))
    _, clicks = await eventually(lambda: _counts(doors, mailed), lambda found: found[0] >= 1)
    assert clicks == 0

    put = await doors.call("rewriter", ADDRESS, method="PUT", json={"follow": "allow"})
    assert put.status == 200, put
    await _recorded(doors, mailed.links[0], "yes")
    await eventually(lambda: _counts(doors, mailed), lambda found: found[1] == 1)


async def test_a_tenant_that_switches_engagement_off_records_no_hits(doors: Doors) -> None:
    mailed = await doors.mail(mails.mail())
    tenant = await doors.get("rewriter", "/v1/tenant", role="admin")
    changed: dict[str, Any] = {
        name: value for name, value in tenant.items() if name not in ("since", "by")
    }
    for on, recorded in ((False, "no"), (True, "yes")):
        body = {**changed, "engagement": on}
        put = await doors.call("rewriter", "/v1/tenant", method="PUT", role="admin", json=body)
        assert put.status == 200, put
        assert (await _recorded(doors, mailed.pixel, recorded)).status == 200
