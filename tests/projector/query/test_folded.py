"""The two halves of the projector together: what was folded is what is answered."""

from schemas import identity
from schemas.events import Event, ReplyAuthor, ReplyKind, ReplyReceived
from schemas.personal import Mailbox, MessagePersonal, PersonalLink, PersonalRecipient
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
