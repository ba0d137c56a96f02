"""From a record of the log to its place in a slice, or to the reason why it cannot be folded. Pure."""

from schemas import envelope, identity, topics
from schemas.errors import BadIdentity, Refused
from services.projector import admission, hits
from services.projector.admission import Reason
from services.projector.staging import Slice
from services.runtime.quarantine import Refusal
from services.runtime.records import Record


def take(ready: Slice, record: Record, *, accept_late: bool = False) -> Refusal | None:
    """Read, admit and judge a record, the quick way where it is a hit as our trackers write it."""
    hit = hits.read(record)
    if hit is None:
        return take_fully(ready, record, accept_late=accept_late)
    ready.add_hit(hit, record.key or b"", record.partition)
    return None


def take_fully(ready: Slice, record: Record, *, accept_late: bool = False) -> Refusal | None:
    """Read, admit and judge any record; a refusal names the field at fault."""
    if record.value is None and record.topic == topics.PERSONAL.name:
        return _take_tombstone(ready, record)
    if record.value is None and record.topic == topics.SETTINGS.name:
        ready.unset((record.key or b"").decode("ascii", "replace"))
        return None
    try:
        received = envelope.decode(record.key, record.value, record.headers)
    except Refused as refused:
        detail = f"{refused.field} {refused.detail}".strip()
        return Refusal(record=record, reason=refused.reason, detail=detail)
    reason = admission.refuse(received, record.topic, accept_late=accept_late)
    reason = reason or ready.add(received, record.partition)
    return None if reason is None else Refusal(record=record, reason=reason)


def _take_tombstone(ready: Slice, record: Record) -> Refusal | None:
    try:
        ready.forget(identity.message_id((record.key or b"").decode("ascii", "replace")))
    except BadIdentity as error:
        return Refusal(record=record, reason=Reason.KEY_MALFORMED, detail=error.detail)
    return None
