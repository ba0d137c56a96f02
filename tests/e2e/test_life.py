"""One mail's whole life through public doors."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from tests.support import mails
from tests.support.doors import Doors, Mailed, eventually


async def _message(doors: Doors, mailed: Mailed) -> Any:
    return await doors.get("projector", f"/v1/messages/{mailed.message_id}")


async def _known(doors: Doors, mailed: Mailed) -> None:
    path = f"/v1/messages/{mailed.message_id}"
    await eventually(lambda: doors.call("projector", path), lambda answer: answer.status == 200)


async def test_a_mail_goes_in_is_opened_and_clicked_and_the_seller_sees_it_and_is_told(
    doors: Doors,
) -> None:
    async with doors.stream() as stream:
        mailed = await doors.mail(
            mails.mail(template={"id": "intro", "name": "Intro"}, regarding="deal-9")
        )
        assert mailed.answer["followed"] is True
        assert [link["followed"] for link in mailed.answer["links"]] == [True, True, False]
        await _known(doors, mailed)
        assert (await _message(doors, mailed))["status"]["code"] == "not_opened"

        pixel = await doors.hit(mailed.pixel)
        assert (pixel.status, pixel.headers["Inkling-Recorded"]) == (200, "yes")
        for link, target in zip(mailed.links, mails.TARGETS, strict=False):
            click = await doors.hit(link)
            assert (click.status, click.headers["Location"]) == (302, target)
            assert click.headers["Inkling-Recorded"] == "yes"
        await doors.hit(mailed.links[0])

        _, alert = await stream.next()
        assert alert["type"] == "message.first_opened"
        assert alert["message_id"] == mailed.message_id
        assert alert["recipient"]["id"] == "c-17"
        assert alert["subject"] == "Your offer"

    message = await eventually(
        lambda: _message(doors, mailed), lambda found: found["clicks"]["count"] == 3
    )
    assert message["status"]["code"] == "clicked"
    assert message["opens"]["count"] == message["opens"]["human"]["count"] == 1
    assert message["clicks"]["human"]["count"] == 3
    assert message["opens"]["first_at"] == message["opens"]["last_at"] == alert["occurred_at"]
    assert message["clicks"]["first_at"] < message["clicks"]["last_at"]
    assert message["regarding"] == "deal-9"
    assert [each["id"] for each in message["recipients"]] == ["c-17"]

    path = f"/v1/messages/{mailed.message_id}"
    links = (await doors.get("projector", f"{path}/links"))["data"]
    assert [(each["url"], each["clicks"]["count"]) for each in links][:2] == [
        (mails.TARGETS[0], 2),
        (mails.TARGETS[1], 1),
    ]
    people = (await doors.get("projector", f"{path}/recipients"))["data"]
    assert [(each["id"], each["opens"]["count"], each["clicks"]["count"]) for each in people] == [
        ("c-17", 1, 3)
    ]
    whole = (await doors.get("projector", f"{path}/timeline?view=complete"))["data"]
    times = [each["occurred_at"] for each in whole]
    assert times == sorted(times, reverse=True)
    assert len([each for each in whole if each["type"] in ("link.clicked", "click")]) == 3
    template = await doors.get("projector", "/v1/templates/intro")
    assert (template["email_count"], template["followed_count"]) == (1, 1)
    assert template["open_rate"] == {"value": 1.0, "numerator": 1, "denominator": 1}
    inbox = (await doors.get("alerts", "/v1/alerts"))["data"]
    assert [each["message_id"] for each in inbox] == [mailed.message_id]


async def test_an_answer_says_how_fresh_it_is(doors: Doors) -> None:
    mailed = await doors.mail(mails.mail())
    await _known(doors, mailed)
    await doors.hit(mailed.pixel)
    acknowledged = datetime.now(UTC).isoformat()
    path = f"/v1/messages/{mailed.message_id}"
    fresh = await eventually(
        lambda: doors.get("projector", path), lambda found: (found["as_of"] or "") > acknowledged
    )
    assert fresh["opens"]["count"] == 1
    listed = await doors.get("projector", "/v1/messages")
    assert acknowledged < fresh["as_of"] <= listed["as_of"] < datetime.now(UTC).isoformat()


async def test_machines_count_but_alert_nobody(doors: Doors) -> None:
    mailed = await doors.mail(mails.mail())
    await _known(doors, mailed)
    await doors.hit(mailed.pixel, "Mozilla/5.0")
    await doors.hit(mailed.pixel, "curl/8.5.0")
    await doors.hit(mailed.links[0], method="HEAD")
    message = await eventually(
        lambda: _message(doors, mailed),
        lambda found: found["opens"]["count"] + found["clicks"]["count"] == 3,
    )
    assert (message["opens"]["human"]["count"], message["clicks"]["human"]["count"]) == (0, 0)
    assert message["status"]["code"] == "opened_by_machine"
    person = await doors.mail(mails.mail())
    await doors.hit(person.pixel)
    inbox = await eventually(
        lambda: doors.get("alerts", "/v1/alerts"), lambda found: len(found["data"]) > 0
    )
    assert [each["message_id"] for each in inbox["data"]] == [person.message_id]


async def test_one_mail_to_several_people_tells_them_apart(doors: Doors) -> None:
    people = [mails.recipient(1), mails.recipient(2), mails.recipient(3, "other")]
    mailed = await doors.mail(mails.mail(to=people))
    followed = [each["recipient"] for each in mailed.answer["renditions"] if each["followed"]]
    assert followed == ["c-1", "c-2"]
    plain = [each for each in mailed.answer["renditions"] if not each["followed"]]
    assert [(each["recipient"], each["to"], each["html"]) for each in plain] == [
        (None, ["p3@customer.example"], mails.HTML)
    ]
    await doors.hit(mailed.pixel)
    path = f"/v1/messages/{mailed.message_id}/recipients"
    await _known(doors, mailed)
    found = await eventually(
        lambda: doors.get("projector", path),
        lambda rows: sum(each["opens"]["count"] for each in rows["data"]) == 1,
    )
    assert {each["id"]: each["opens"]["count"] for each in found["data"]} == {
        "c-1": 1,
        "c-2": 0,
        "c-3": 0,
    }


async def test_a_refusal_is_honoured_from_the_next_mail_on_and_says_why(doors: Doors) -> None:
    address = "/v1/preferences/p17%40customer.example"
    put = await doors.call("rewriter", address, method="PUT", json={"follow": "do_not_allow"})
    assert put.status == 200, put
    refused = await doors.mail(mails.mail())
    assert refused.answer["followed"] is False
    assert refused.answer["recipients"][0]["reason"]["code"] == "recipient_refuses"
    assert refused.answer["renditions"][0]["html"] == mails.HTML
    await _known(doors, refused)
    assert (await _message(doors, refused))["status"]["code"] == "not_followed"
    put = await doors.call("rewriter", address, method="PUT", json={"follow": "allow"})
    assert put.status == 200, put
    assert (await doors.mail(mails.mail())).answer["followed"] is True


async def test_a_tenant_that_turned_engagement_off_follows_nothing(doors: Doors) -> None:
    tenant = await doors.get("rewriter", "/v1/tenant", role="admin")
    changed = {name: value for name, value in tenant.items() if name not in ("since", "by")}
    put = await doors.call(
        "rewriter", "/v1/tenant", method="PUT", role="admin", json={**changed, "engagement": False}
    )
    assert put.status == 200, put
    mailed = await doors.mail(mails.mail())
    assert mailed.answer["reason"]["code"] == "engagement_off"


async def test_the_same_call_twice_is_one_message(doors: Doors) -> None:
    body, key = mails.mail(), {"Idempotency-Key": "order-77"}
    first, second = await doors.mail(body, key), await doors.mail(body, key)
    assert first.answer == second.answer
    other = await doors.mail(mails.mail(headers={"Message-ID": "<offer-1@demo.example>"}))
    again = await doors.mail(mails.mail(headers={"Message-ID": "<offer-1@demo.example>"}))
    assert other.message_id == again.message_id != first.message_id
    marker = await doors.mail(mails.mail())
    for each in (first, other, marker):
        await _known(doors, each)
    listed = [row["id"] for row in await doors.all("projector", "/v1/messages?followed=all")]
    assert sorted(listed) == sorted([first.message_id, other.message_id, marker.message_id])


async def test_a_preview_is_the_same_markup_and_leaves_no_trace(doors: Doors) -> None:
    preview = await doors.call(
        "rewriter", "/v1/mail:preview", method="POST", role="sender", json=mails.mail()
    )
    assert preview.status == 200, preview
    html = preview.json["renditions"][0]["html"]
    pixel = html.split('<img src="')[1].split('"')[0]
    answer = await doors.hit(pixel)
    assert (answer.status, answer.headers["Inkling-Recorded"]) == (200, "no")
    marker = await doors.mail(mails.mail())
    await _known(doors, marker)
    listed = [row["id"] for row in await doors.all("projector", "/v1/messages?followed=all")]
    assert listed == [marker.message_id]


async def test_the_stream_resumes_with_exactly_what_was_missed(doors: Doors) -> None:
    sent = [await doors.mail(mails.mail()) for _ in range(3)]
    async with doors.stream() as stream:
        await doors.hit(sent[0].pixel)
        last, _ = await stream.next()
    await doors.hit(sent[1].pixel)
    await doors.hit(sent[2].pixel)
    async with doors.stream(last_event_id=last) as stream:
        missed = [(await stream.next())[1]["message_id"] for _ in range(2)]
    assert sorted(missed) == sorted([sent[1].message_id, sent[2].message_id])


async def test_hits_while_the_projector_is_away_are_counted_when_it_is_back(doors: Doors) -> None:
    mailed = await doors.mail(mails.mail())
    await asyncio.to_thread(doors.stack.stop_service, "projector")
    try:
        answers = [await doors.hit(mailed.pixel) for _ in range(5)]
    finally:
        await asyncio.to_thread(doors.stack.start_service, "projector")
    assert {each.status for each in answers} == {200}
    await _known(doors, mailed)
    message = await eventually(
        lambda: _message(doors, mailed), lambda found: found["opens"]["count"] >= 5
    )
    assert message["opens"]["count"] == 5
