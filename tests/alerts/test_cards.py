from uuid import UUID

from schemas.instant import Instant
from services.alerts.cards import AlertType, Card, Contact, contact, shown
from tests.alerts.records import LI, message
from tests.support.clock import START

ID = UUID("d9f55546-9246-5f4c-aa8d-ab7aefba8741")


def a_card(who: Contact | None, subject: str | None = "Your offer") -> Card:
    return Card(
        id=ID,
        type=AlertType.FIRST_OPENED,
        message_id=message(1),
        owner="ana",
        contact=who,
        subject=subject,
        occurred_at=Instant(START),
        created_at=Instant(START + 5),
    )


def test_a_card_says_who_opened_what_and_when() -> None:
    who = contact(LI, {"ref": LI, "address": "li@customer.example", "name": "Li", "id": "c-17"})
    assert shown(a_card(who)) == {
        "id": str(ID),
        "type": "message.first_opened",
        "message_id": str(message(1)),
        "owner": "ana",
        "recipient": {"id": "c-17", "name": "Li", "address": "li@customer.example", "ref": LI},
        "subject": "Your offer",
        "occurred_at": "2026-01-01T00:00:00.000000Z",
        "created_at": "2026-01-01T00:00:00.000005Z",
    }


def test_a_copy_that_several_people_share_names_nobody() -> None:
    assert contact(None, None) is None
    assert shown(a_card(None))["recipient"] is None


def test_of_a_person_who_is_unknown_or_erased_only_the_ref_stays() -> None:
    assert shown(a_card(contact(LI, None), None)) | {} == shown(a_card(Contact(ref=LI), None))
    assert shown(a_card(contact(LI, None), None))["recipient"] == {
        "id": None, "name": None, "address": None, "ref": LI,
    }  # fmt: skip


def test_a_person_without_name_or_id_is_told_by_the_address() -> None:
    found = contact(LI, {"ref": LI, "address": "li@customer.example"})
    assert found == Contact(ref=LI, address="li@customer.example")
