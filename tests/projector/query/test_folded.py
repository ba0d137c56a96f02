"""The two halves of the projector together: what was folded is what is answered."""

from schemas import identity
from schemas.events import (
    Event,
    Hit,
    MessageBounced,
    MessageCancelled,
    MessageSent,
    ReplyAuthor,
    ReplyKind,
    ReplyReceived,
)
from schemas.instant import SECOND, Instant
from schemas.personal import Mailbox, MessagePersonal, PersonalLink, PersonalRecipient
from schemas.settings import TenantSet
from tests.projector.query.given import Given
from tests.projector.records import (
    ACME,
    ANNA,
    APPLE,
    NOW,
    clicked,
    message,
    opened,
    prepared,
    record,
    viewed,
)

SALLY = {"tenant": "acme", "subject": "sally"}


def _reply(kind: ReplyKind, author: ReplyAuthor) -> Event:
    return ReplyReceived(
        message_id=message(1), kind=kind, author=author, rule="in_reply_to", ref=ANNA
    )


# each event is folded after those before it
COURSE: list[tuple[Event, str]] = [
    (prepared(scheduled_at=Instant(NOW + 60 * SECOND)), "scheduled"),
    (MessageSent(message_id=message(1)), "not_opened"),
    (_reply(ReplyKind.HUMAN, ReplyAuthor.SENDER), "not_opened"),
    (_reply(ReplyKind.AUTOMATIC, ReplyAuthor.RECIPIENT), "not_opened"),
    (opened(agent=APPLE), "opened_by_machine"),
    (opened(), "opened"),
    (viewed(method="HEAD"), "opened"),
    (viewed(), "viewed"),
    (clicked(), "clicked"),
    (_reply(ReplyKind.HUMAN, ReplyAuthor.OTHER), "replied"),
    (MessageBounced(message_id=message(1), permanent=False, rule="dsn"), "replied"),
    (MessageBounced(message_id=message(1), permanent=True, rule="dsn"), "bounced"),
    (MessageCancelled(message_id=message(1)), "cancelled"),
]


async def test_a_message_goes_through_every_status(given: Given) -> None:
    for number, (event, code) in enumerate(COURSE):
        name = f"{number}"
        identifier = None if isinstance(event, Hit) else identity.event_id("x.v1", ACME, name)
        at = NOW + number * SECOND
        await given.fold([record(event, identifier=identifier, at=at, offset=number)])
        row = await given.get(f"/v1/messages/{message(1)}", **SALLY)
        assert row["status"]["code"] == code, number
        (listed,) = (await given.get(f"/v1/messages?status={code}", **SALLY))["data"]
        assert listed["status"] == row["status"]
    row = await given.get(f"/v1/messages/{message(1)}", **SALLY)
    assert (row["replies"]["count"], row["replies"]["human"]["count"]) == (2, 1)
    assert (row["attachment_views"]["count"], row["opens"]["human"]["count"]) == (1, 1)
    (file,) = (await given.get(f"/v1/messages/{message(1)}/attachments", **SALLY))["data"]
    assert [one["ref"] for one in file["viewers"]] == [ANNA]
    assert file["viewers"][0]["attachment_views"]["human"]["count"] == 1
    await given.fold([record(prepared(2, followed=False), at=NOW, offset=50)])
    (listed,) = (await given.get("/v1/messages?status=not_followed", **SALLY))["data"]
    assert listed["id"] == str(message(2))


async def test_engagement_goes_off_and_on_with_the_settings_in_the_log(given: Given) -> None:
    await given.fold([record(prepared()), record(opened(), offset=1)])
    for offset, on in enumerate((False, True)):
        setting = TenantSet(since=NOW, by="ada", engagement=on)
        await given.fold([record(setting, offset=offset)])
        (row,) = (await given.get("/v1/messages", **SALLY))["data"]
        assert row["opens"]["count"] == (1 if on else None)


async def test_a_folded_life_is_answered_at_every_door(given: Given) -> None:
    personal = MessagePersonal(
        message_id=message(1),
        subject="Your offer",
        sender=Mailbox(address="sally@acme.example"),
        recipients=(PersonalRecipient(ref=ANNA, address="anna@x.example", id="c-1"),),
        links=(PersonalLink(index=1, url="https://example.net/b", text="b"),),
    )
    reply = ReplyReceived(
        message_id=message(1), kind=ReplyKind.HUMAN, author=ReplyAuthor.RECIPIENT,
        rule="in_reply_to", ref=ANNA,
    )  # fmt: skip
    events: list[Event] = [
        prepared(),
        personal,
        opened(agent=APPLE),
        opened(),
        clicked(link=1),
        viewed(),
        reply,
    ]
    names = {
        0: identity.event_id("message.prepared.v1", ACME, str(message(1))),
        6: identity.event_id("reply.received.v1", ACME, "<r@x.example>"),
    }
    await given.fold(
        [
            record(event, identifier=names.get(number), at=NOW + number, offset=number)
            for number, event in enumerate(events)
        ]
    )

    (listed,) = (await given.get("/v1/messages?q=offer&recipient=c-1", **SALLY))["data"]
    assert (listed["status"]["code"], listed["template"]["name"]) == ("replied", "offer 1")
    assert (listed["opens"]["count"], listed["opens"]["human"]["count"]) == (2, 1)
    path = f"/v1/messages/{message(1)}"
    timeline = (await given.get(f"{path}/timeline", **SALLY))["data"]
    assert [row["type"] for row in timeline] == [
        "reply.received", "attachment.viewed", "link.clicked", "message.opened", "message.opened",
        "message.prepared",
    ]  # fmt: skip
    assert timeline[4]["verdict"]["rule"] == "apple_privacy_agent"
    assert timeline[2]["link"]["url"] == "https://example.net/b"
    assert timeline[5]["id"] == str(names[0])
    links = (await given.get(f"{path}/links", **SALLY))["data"]
    assert [row["clicks"]["human"]["count"] for row in links] == [0, 1]
    people = (await given.get(f"{path}/recipients", **SALLY))["data"]
    assert {row["ref"]: row["opens"]["count"] for row in people}[ANNA] == 2
    template = await given.get("/v1/templates/offer", **SALLY)
    assert template["open_rate"] == {"value": 1.0, "numerator": 1, "denominator": 1}
    assert template["reply_rate"]["value"] == 1.0
