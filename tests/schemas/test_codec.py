from dataclasses import fields
from uuid import UUID

from schemas import codec, instant
from schemas.events import MessagePrepared, MessageRescheduled, PreparedLink, Renditions
from schemas.identity import MessageId
from schemas.settings import TenantSet, WorkingWeek

MESSAGE = MessageId(UUID(int=1))


def test_what_is_none_is_left_out() -> None:
    written = codec.write(MessagePrepared(message_id=MESSAGE, owner="ana", followed=False))
    assert "reason" not in written
    assert written["message_id"] == str(MESSAGE)
    assert written["labels"] == {}


def test_null_and_absent_take_the_default_and_unknown_members_pass_by() -> None:
    data = {"message_id": str(MESSAGE), "owner": "ana", "followed": True, "reason": None, "x": 1}
    assert codec.read(MessagePrepared, data) == MessagePrepared(
        message_id=MESSAGE, owner="ana", followed=True, renditions=Renditions.RECIPIENT
    )


def test_instants_and_nested_values_have_their_wire_form() -> None:
    at = instant.parse("2026-12-02T08:00:00Z")
    moved = MessageRescheduled(message_id=MESSAGE, scheduled_at=at)
    assert codec.write(moved)["scheduled_at"] == "2026-12-02T08:00:00.000000Z"
    assert codec.read(MessageRescheduled, codec.write(moved)) == moved
    tenant = TenantSet(since=at, by="root", working_week=WorkingWeek(days=(1,)))
    assert codec.read(TenantSet, codec.write(tenant)) == tenant


def test_members_are_written_in_the_order_of_the_fields_whatever_is_left_out() -> None:
    link = PreparedLink(index=1, position=2, followed=False, reason="anchor")
    assert list(codec.write(link).items()) == [
        ("index", 1),
        ("position", 2),
        ("followed", False),
        ("reason", "anchor"),
    ]
    mail = MessagePrepared(message_id=MESSAGE, owner="ana", followed=True, links=(link, link))
    assert codec.write(mail)["links"] == (codec.write(link),) * 2
    assert codec.write(mail)["renditions"] == "recipient"
    names = [each.name for each in fields(mail) if each.name in codec.write(mail)]
    assert list(codec.write(mail)) == names
