"""The table of what names people: the log's order decides, and tombstones forget."""

import pytest

from schemas.personal import Mailbox, MessagePersonal, PersonalRecipient
from schemas.topics import PERSONAL
from services.runtime.kafka import Record
from services.runtime.leases import Lane
from tests.projector.records import ANNA, message, record
from tests.projector.store import Store, named

LANE = Lane(PERSONAL.name, 3)


def _personal(subject: str, number: int = 1, offset: int = 0) -> Record:
    event = MessagePersonal(
        message_id=message(number),
        subject=subject,
        sender=Mailbox(address="sally@acme.example"),
        recipients=(PersonalRecipient(ref=ANNA, address="anna@example.org", name="Anna", id="c1"),),
    )
    return record(event, offset=offset)


def _tombstone(number: int = 1, offset: int = 9) -> Record:
    return _personal("", number, offset)._replace(value=None, headers=())


async def test_the_latest_in_the_log_holds(store: Store) -> None:
    await store.apply([_personal("one"), _personal("two", offset=1)])
    assert (await store.row("personal"))["subject"] == "two"
    await store.apply([_personal("three", offset=2)])
    row = await store.row("personal")
    assert row["subject"] == "three"
    assert row["body"] == {
        "message_id": str(message(1)),
        "subject": "three",
        "sender": {"address": "sally@acme.example"},
        "recipients": [{"ref": ANNA, "address": "anna@example.org", "name": "Anna", "id": "c1"}],
        "links": [],
        "attachments": [],
    }


@pytest.mark.parametrize("together", [True, False])
async def test_a_tombstone_forgets_its_message_alone(store: Store, together: bool) -> None:
    records = [_personal("one"), _personal("other", 2, 1), _tombstone()]
    for part in [records] if together else [records[:2], records[2:]]:
        assert await store.apply(part) == ()
    assert named(await store.rows("personal", "message_id"), "subject") == [("other",)]


async def test_a_person_is_found_by_the_callers_id_for_as_long_as_it_is_named(store: Store) -> None:
    await store.apply([_personal("one"), _personal("other", 2, 1)])
    listed = named(await store.rows("person", "ref"), "ref", "id")
    assert listed == [(ANNA, "c1"), (ANNA, "c1")]
    nameless = MessagePersonal(
        message_id=message(1),
        subject="one",
        sender=Mailbox(address="sally@acme.example"),
        recipients=(PersonalRecipient(ref=ANNA, address="anna@example.org"),),
    )
    await store.apply([record(nameless, offset=2)])
    assert named(await store.rows("person", "ref"), "message_id") == [(message(2),)]
    await store.apply([_tombstone(2)])
    assert await store.rows("person", "ref") == []


async def test_what_is_said_after_a_tombstone_holds(store: Store) -> None:
    await store.apply([_personal("one"), _tombstone(offset=1), _personal("two", offset=2)])
    assert (await store.row("personal"))["subject"] == "two"


async def test_a_tombstone_that_names_no_message_is_refused(store: Store) -> None:
    (refusal,) = await store.apply([_tombstone()._replace(key=b"\xff")])
    assert refusal.reason == "key_malformed"
