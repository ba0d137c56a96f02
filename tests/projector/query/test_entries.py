from typing import Any
from uuid import UUID

from schemas.identity import MessageId, Tenant, event_id
from schemas.instant import Instant
from services.projector.query.entries import Entry, entry, newest_first, older_than, own
from services.projector.query.shapes import personal

REF = "00112233aabbccdd"
KNOWN = personal(
    "Your offer",
    {
        "recipients": [{"ref": REF, "address": "li@customer.example", "name": "Li", "id": "c-17"}],
        "links": [{"index": 0, "url": "https://shop.example/a", "text": "Offer"}],
        "attachments": [{"index": 0, "name": "offer.pdf"}],
    },
)
MESSAGE = MessageId(UUID(int=9))


def hit(**given: object) -> dict[str, Any]:
    return {
        "event_id": UUID(int=1), "kind": 2, "ref": REF, "item": 0, "occurred_at": 10,
        "recorded_at": 20, "agent": "scanner", "rule": "head_method", "human": False,
        "method": "HEAD", "network": "192.0.2.0/24", "user_agent": "x", "language": None,
        "edge": "edge-1", "requests": 1,
    } | given  # fmt: skip


def letter(**given: object) -> dict[str, Any]:
    return {
        "event_id": UUID(int=2), "kind": None, "type": "reply", "ref": REF, "occurred_at": 10,
        "human": True, "rule": "in_reply_to", "author": "recipient", "returns_at": None,
        "permanent": None, "status": None,
    } | given  # fmt: skip


def test_a_click_names_its_link_its_person_and_the_rule_that_judged_it() -> None:
    shape = entry(hit(), KNOWN).shape
    assert shape["type"] == "link.clicked"
    assert shape["link"] == {"index": 0, "url": "https://shop.example/a", "text": "Offer"}
    assert shape["attachment"] is None
    assert shape["recipient"] == {
        "ref": REF,
        "id": "c-17",
        "name": "Li",
        "address": "li@customer.example",
    }
    assert (shape["human"], shape["verdict"]) == (
        False,
        {"agent": "scanner", "rule": "head_method"},
    )
    assert shape["recorded_at"] == "1970-01-01T00:00:00.000020Z"


def test_a_view_names_its_file_and_a_shared_copys_open_names_nobody() -> None:
    assert entry(hit(kind=3), KNOWN).shape["attachment"] == {"index": 0, "name": "offer.pdf"}
    opened = entry(hit(kind=1, item=None, ref=None), KNOWN).shape
    assert (opened["type"], opened["link"], opened["recipient"]) == ("message.opened", None, None)


def test_a_letter_says_by_which_rule_it_was_matched() -> None:
    assert entry(letter(), KNOWN).shape["correspondence"] == {
        "rule": "in_reply_to",
        "author": "recipient",
        "returns_at": None,
        "permanent": None,
        "status": None,
    }
    for stored, shown in (
        ("reply_of_sender", "reply.received"),
        ("bounce", "message.bounced"),
        ("complaint", "message.complained"),
    ):
        assert entry(letter(type=stored), KNOWN).shape["type"] == shown


def test_what_stands_in_the_messages_row_is_in_the_timeline_under_its_events_id() -> None:
    row = {"prepared_at": 5, "handed_at": None, "cancelled_at": 8}
    found = own(row, Tenant("demo"), MESSAGE)
    assert [(one.shape["type"], one.at) for one in found] == [
        ("message.prepared", 5),
        ("message.cancelled", 8),
    ]
    assert found[0].id == event_id("message.prepared.v1", Tenant("demo"), str(MESSAGE))


def test_entries_are_newest_first_and_go_on_behind_a_position() -> None:
    entries = [
        Entry(at=Instant(at), id=UUID(int=tie), shape={}) for at, tie in ((1, 1), (2, 1), (2, 2))
    ]
    ordered = newest_first(entries)
    assert [(one.at, one.id.int) for one in ordered] == [(2, 2), (2, 1), (1, 1)]
    assert older_than(ordered, 2, UUID(int=2)) == ordered[1:]
