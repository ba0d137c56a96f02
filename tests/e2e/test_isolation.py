"""What a stranger's token shows: nothing."""

import pytest

from tests.support import mails
from tests.support.doors import Answer, Doors, Mailed, eventually

SECRET = "zxcanary"


async def _a_life(doors: Doors) -> Mailed:
    """Give a tenant a message with everything that could leak, all of it marked."""
    mailed = await doors.mail(
        mails.mail(
            to=[
                {
                    **mails.recipient(),
                    "address": f"{SECRET}@customer.example",
                    "name": SECRET,
                    "id": SECRET,
                }
            ],
            subject=f"Offer {SECRET}",
            template={"id": SECRET, "name": SECRET},
            regarding=SECRET,
            owner=doors.subject,
            html=mails.HTML.replace("/offer", f"/{SECRET}"),
        )
    )
    await doors.hit(mailed.pixel)
    await doors.hit(mailed.links[0])
    path = f"/v1/messages/{mailed.message_id}"
    await eventually(
        lambda: doors.call("projector", path),
        lambda answer: answer.status == 200 and answer.json["clicks"]["count"] == 1,
    )
    await eventually(
        lambda: doors.get("alerts", "/v1/alerts"), lambda inbox: len(inbox["data"]) == 1
    )
    return mailed


def _paths(mailed: Mailed, ref: str) -> list[tuple[str, str]]:
    message = f"/v1/messages/{mailed.message_id}"
    return [
        ("projector", "/v1/messages"),
        ("projector", "/v1/messages?followed=all&limit=500"),
        ("projector", f"/v1/messages?recipient={ref}"),
        ("projector", f"/v1/messages?recipient={SECRET}"),
        ("projector", f"/v1/messages?template={SECRET}"),
        ("projector", f"/v1/messages?regarding={SECRET}"),
        ("projector", f"/v1/messages?q={SECRET}"),
        ("projector", message),
        ("projector", f"{message}/timeline"),
        ("projector", f"{message}/timeline?view=complete"),
        ("projector", f"{message}/links"),
        ("projector", f"{message}/recipients"),
        ("alerts", "/v1/alerts"),
    ]


def _shows_nothing(path: str, answer: Answer, mailed: Mailed) -> None:
    assert answer.status in (200, 404), (path, answer)
    if answer.status == 200:
        assert answer.json["data"] == [], path
    assert SECRET.encode() not in answer.body.replace(path.encode(), b""), path
    assert answer.status == 404 or mailed.message_id.encode() not in answer.body, path


@pytest.mark.parametrize("role", ["seller", "manager", "admin"])
async def test_tenant_a_sees_nothing_of_tenant_b(doors: Doors, strangers: Doors, role: str) -> None:
    mailed = await _a_life(doors)
    ref = (await doors.get("projector", f"/v1/messages/{mailed.message_id}"))["recipients"][0][
        "ref"
    ]
    templates = [("projector", "/v1/templates"), ("projector", f"/v1/templates/{SECRET}")]
    for service, path in [*_paths(mailed, ref), *templates]:
        _shows_nothing(path, await strangers.call(service, path, role=role), mailed)
    preference = await strangers.call(
        "rewriter", f"/v1/preferences/{SECRET}%40customer.example", role=role
    )
    assert preference.json["since"] is None


async def test_a_seller_sees_nothing_of_another_sellers_but_templates_are_everybodys(
    doors: Doors,
) -> None:
    mailed = await _a_life(doors)
    other = Doors(doors.stack, doors.session, doors.tenant, subject="ben")
    ref = (await doors.get("projector", f"/v1/messages/{mailed.message_id}"))["recipients"][0][
        "ref"
    ]
    for service, path in [
        *_paths(mailed, ref),
        ("projector", f"/v1/messages?owner={doors.subject}"),
    ]:
        _shows_nothing(path, await other.call(service, path), mailed)
    assert (await other.get("projector", f"/v1/templates/{SECRET}"))["email_count"] == 1
    seen = await other.get("projector", f"/v1/messages?owner={doors.subject}", role="manager")
    assert [each["id"] for each in seen["data"]] == [mailed.message_id]


async def test_the_live_stream_shows_a_person_only_what_is_theirs(
    doors: Doors, strangers: Doors
) -> None:
    other_seller = Doors(doors.stack, doors.session, doors.tenant, subject="ben")
    async with (
        strangers.stream("manager") as foreign,
        other_seller.stream() as others,
        doors.stream("manager") as own,
    ):
        mailed = await _a_life(doors)
        theirs = await strangers.mail(mails.mail(owner=strangers.subject))
        bens = await doors.mail(mails.mail(owner="ben"))
        await strangers.hit(theirs.pixel)
        await doors.hit(bens.pixel)
        assert (await foreign.next())[1]["message_id"] == theirs.message_id
        assert (await others.next())[1]["message_id"] == bens.message_id
        seen = [(await own.next())[1]["message_id"] for _ in range(2)]
        assert seen == [mailed.message_id, bens.message_id]
