import pytest

from schemas.events import TYPE_OF, Event, MessageOpened
from schemas.facts import (
    MessageFirstAttachmentViewed,
    MessageFirstClicked,
    MessageFirstReplied,
)
from services.alerts.facts import Slice
from services.runtime.kafka import Record
from tests.alerts.records import (
    CAUSE,
    DEMO,
    LI,
    PERSONAL,
    fact_id,
    message,
    opened,
    personal,
    record,
    registered,
    tombstone,
    withdrawn,
)


def taken(*records: Record) -> tuple[Slice, list[str]]:
    ready = Slice()
    refused = [ready.take(one) for one in records]
    return ready, [one.reason for one in refused if one is not None]


def test_facts_are_taken_in_by_what_they_say() -> None:
    events: list[Event] = [registered(1), opened(1), opened(1, None), withdrawn(2)]
    ready, refused = taken(*map(record, events))
    assert refused == []
    assert ready.registered == {(DEMO, message(1)): events[0]}
    assert {one.ref for one in ready.opened.values()} == {LI, None}
    assert [one.message_id for one in ready.withdrawn.values()] == [message(2)]
    assert ready.touched() == sorted([message(1), message(2)])


def test_an_alert_has_the_id_of_its_fact_and_its_withdrawal_names_the_same() -> None:
    ready, _ = taken(record(opened(1)), record(withdrawn(1)))
    assert list(ready.opened) == [fact_id(opened(1))] == list(ready.withdrawn)


def test_a_repetition_is_one_and_counted() -> None:
    ready, _ = taken(*[record(opened(1))] * 3, record(opened(1, ordinal=2)))
    assert len(ready.opened) == 2
    assert ready.read[TYPE_OF[type(opened(1))]] == 4


def test_what_is_personal_is_what_was_said_last() -> None:
    ready, _ = taken(record(personal(1, "old")), tombstone(1), record(personal(1, "new")))
    assert ready.personal[message(1)] == (DEMO, personal(1, "new"))
    ready, _ = taken(record(personal(1, "old")), tombstone(1))
    assert ready.personal == {message(1): None}


@pytest.mark.parametrize(
    "event",
    [
        MessageFirstClicked(message_id=message(1), ordinal=1, event_id=CAUSE, link_index=0),
        MessageFirstAttachmentViewed(
            message_id=message(1), ordinal=1, event_id=CAUSE, attachment_index=0
        ),
        MessageFirstReplied(message_id=message(1), ordinal=1, event_id=CAUSE),
    ],
)
def test_facts_that_do_not_alert_are_counted_and_told(event: Event) -> None:
    ready, refused = taken(record(event))
    assert refused == []
    assert ready.read == {TYPE_OF[type(event)]: 1}
    assert list(ready.told) == [fact_id(event)]
    assert ready.touched() == [message(1)]


def test_what_is_told_says_what_only_its_type_has() -> None:
    clicked = MessageFirstClicked(message_id=message(1), ordinal=1, event_id=CAUSE, link_index=3)
    viewed = MessageFirstAttachmentViewed(
        message_id=message(1), ordinal=2, event_id=CAUSE, attachment_index=0, ref=LI
    )
    events: list[Event] = [registered(1), opened(1), clicked, viewed, withdrawn(1)]
    ready, _ = taken(*map(record, events))
    assert [(one.type, one.ref, one.ordinal, dict(one.detail)) for one in ready.told.values()] == [
        ("message.first_opened", LI, 1, {}),
        ("message.first_clicked", None, 1, {"link_index": 3}),
        ("message.first_attachment_viewed", LI, 2, {"attachment_index": 0}),
        ("message.first_open_withdrawn", LI, 1, {"rule": "burst"}),
    ]
    assert list(ready.told) == [fact_id(one) for one in events[1:]]


def test_what_is_none_of_ours_is_refused_with_its_reason() -> None:
    good = record(opened(1))
    hit = MessageOpened(
        message_id=message(1), refs=(LI,), method="GET", edge="edge-1", user_agent="x"
    )
    refused = taken(
        good._replace(value=b"{"),
        good._replace(value=None),
        good._replace(key=b"other"),
        good._replace(headers=()),
        good._replace(topic=PERSONAL.topic),
        record(personal(1))._replace(topic=good.topic),
        record(hit)._replace(topic=good.topic),
        record(hit),
        tombstone(1)._replace(key=b"no id"),
        tombstone(1)._replace(key=None),
    )[1]
    assert refused == [
        "not_json", "empty", "key_mismatch", "header_missing", "wrong_topic", "wrong_topic",
        "wrong_topic", "wrong_topic", "key_malformed", "key_malformed",
    ]  # fmt: skip
