"""Which events may be folded at all: those on the right topic, in time, with an id that fits. Pure."""

from enum import StrEnum
from typing import Final

from schemas import identity, topics
from schemas.envelope import Received
from schemas.events import AttachmentViewed, LinkClicked, MessageOpened
from schemas.instant import SECOND

DAY: Final = 24 * 3600 * SECOND
# Longer than any spool may age: hits are deduplicated for at least this long.
LATENESS_WINDOW: Final = 7 * DAY
# An edge whose clock is further ahead of the producer's than this is not believed.
FUTURE_LIMIT: Final = DAY
# A hit's id and time come from one reading of one clock; the id has milliseconds only.
ID_TOLERANCE: Final = SECOND
_HITS: Final = (MessageOpened, LinkClicked, AttachmentViewed)


class Reason(StrEnum):
    """Why an event that is well formed is set aside; a quarantine reason and a metric label."""

    WRONG_TOPIC = "wrong_topic"
    LATE = "late"
    FUTURE = "future"
    ID_VERSION = "id_version"
    ID_TIME = "id_time"
    OUT_OF_RANGE = "out_of_range"
    KEY_MALFORMED = "key_malformed"


def refuse(received: Received, topic: str, *, accept_late: bool = False) -> Reason | None:
    """Say why an event must not be folded; None when it may be. An operator may accept what is late."""
    if topics.of(received.event).name != topic:
        return Reason.WRONG_TOPIC
    if received.envelope.occurred_at - received.recorded_at > FUTURE_LIMIT:
        return Reason.FUTURE
    return _refuse_hit(received, accept_late) if isinstance(received.event, _HITS) else None


def _refuse_hit(received: Received, accept_late: bool) -> Reason | None:
    identifier, occurred_at = received.envelope.id, received.envelope.occurred_at
    if received.recorded_at - occurred_at > LATENESS_WINDOW and not accept_late:
        return Reason.LATE
    if identifier.version != 7:
        return Reason.ID_VERSION
    if abs(identity.milliseconds_of(identifier) * 1000 - occurred_at) > ID_TOLERANCE:
        return Reason.ID_TIME
    return None
