"""What a record of the facts topic says was stated."""

from uuid import UUID

from schemas.events import Fact
from schemas.facts import (
    MessageFirstClicked,
    MessageFirstOpened,
    MessageFirstOpenWithdrawn,
    MessageRegistered,
)
from services.projector import stated
from services.projector.stated import Stated
from services.runtime.records import Record
from tests.projector.records import ACME, ANNA, NOW, message, opened, record

CAUSE = UUID(int=7)


def _read(fact: Fact) -> Stated:
    one = stated.read(record(fact, identifier=UUID(int=9)))
    assert one is not None
    assert (one.fact_id, one.tenant, one.message_id) == (UUID(int=9), ACME, message(1))
    assert one.occurred_at == NOW
    return one


def test_a_first_is_remembered_by_its_place_and_its_cause() -> None:
    first = MessageFirstOpened(message_id=message(1), ordinal=2, event_id=CAUSE, ref=ANNA)
    one = _read(first)
    assert (one.type, one.ref, one.ordinal) == ("message.first_opened", ANNA, 2)
    assert one.event_id == CAUSE


def test_what_is_about_the_whole_message_has_an_empty_ref() -> None:
    shared = MessageFirstClicked(message_id=message(1), ordinal=1, event_id=CAUSE, link_index=0)
    assert _read(shared).ref == ""
    registered = _read(MessageRegistered(message_id=message(1), owner="o", followed=True))
    assert (registered.type, registered.ref) == ("message.registered", "")
    assert registered.ordinal == 1


def test_a_withdrawal_is_a_fact_of_its_own() -> None:
    one = _read(MessageFirstOpenWithdrawn(message_id=message(1), ordinal=3, rule="burst", ref=ANNA))
    assert (one.type, one.ordinal) == ("message.first_open_withdrawn", 3)


def test_what_is_no_fact_of_ours_is_nothing() -> None:
    first = MessageFirstOpened(message_id=message(1), ordinal=40_000, event_id=CAUSE, ref=ANNA)
    empty = Record("t", 0, 0, b"k", None, (), 0)
    assert [stated.read(one) for one in (record(first), record(opened()), empty)] == [None] * 3
