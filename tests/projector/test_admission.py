"""Which events are folded, and why the others are not."""

from uuid import UUID

import pytest

from schemas.envelope import Envelope, Received
from schemas.events import Event, MessageComplained
from schemas.instant import SECOND, Instant
from schemas.topics import EVENTS, PERSONAL
from services.projector import admission
from services.projector.admission import DAY, LATENESS_WINDOW, Reason
from tests.projector.records import ACME, NOW, clicked, hit_id, message, opened, prepared, viewed

NAMED = UUID("5b7a3a52-5f0b-5d8e-9a0e-0d2c3c1f7a11")


def _received(
    event: Event, recorded_after: int = SECOND, identifier: UUID | None = None
) -> Received:
    envelope = Envelope(
        id=identifier or hit_id(NOW, 1), source="/test", tenant=ACME, occurred_at=NOW
    )
    return Received(envelope=envelope, event=event, recorded_at=Instant(NOW + recorded_after))


@pytest.mark.parametrize("hit", [opened(), clicked(), viewed()])
def test_a_hit_may_be_recorded_as_late_as_the_window_and_no_later(hit: Event) -> None:
    assert admission.refuse(_received(hit, LATENESS_WINDOW), EVENTS.name) is None
    assert admission.refuse(_received(hit, LATENESS_WINDOW + 1), EVENTS.name) is Reason.LATE


def test_what_is_no_hit_has_a_key_of_its_own_and_may_be_late() -> None:
    late = LATENESS_WINDOW * 10
    assert admission.refuse(_received(prepared(), late, NAMED), EVENTS.name) is None
    complaint = MessageComplained(message_id=message(1), rule="arf")
    assert admission.refuse(_received(complaint, late, NAMED), EVENTS.name) is None


@pytest.mark.parametrize("event", [opened(), prepared()])
def test_an_event_from_more_than_a_day_ahead_is_refused(event: Event) -> None:
    assert admission.refuse(_received(event, -DAY), EVENTS.name) is None
    assert admission.refuse(_received(event, -DAY - 1), EVENTS.name) is Reason.FUTURE


def test_a_hits_id_must_be_of_version_7() -> None:
    assert admission.refuse(_received(opened(), identifier=NAMED), EVENTS.name) is Reason.ID_VERSION


@pytest.mark.parametrize("off", [-1, 1])
def test_a_hits_id_must_be_of_its_time_to_the_second(off: int) -> None:
    near, far = hit_id(NOW + off * SECOND, 1), hit_id(NOW + off * 1_001_000, 1)
    assert admission.refuse(_received(opened(), identifier=near), EVENTS.name) is None
    assert admission.refuse(_received(opened(), identifier=far), EVENTS.name) is Reason.ID_TIME


def test_an_event_on_a_topic_that_is_not_its_own_is_refused() -> None:
    assert admission.refuse(_received(opened()), PERSONAL.name) is Reason.WRONG_TOPIC
