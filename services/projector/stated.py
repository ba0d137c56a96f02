"""From a record of the facts topic to the row that remembers it; nothing when it is no fact of ours. Pure."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from schemas import envelope, identity
from schemas.envelope import Received
from schemas.errors import Refused
from schemas.events import TYPE_OF, MessagePrepared
from schemas.facts import (
    MessageFirstAttachmentViewed,
    MessageFirstClicked,
    MessageFirstOpened,
    MessageFirstOpenWithdrawn,
    MessageFirstReplied,
    MessageRegistered,
)
from services.projector.facts import FIRST
from services.runtime.records import Record

# What the columns hold; the contract sets no upper bound.
_LARGEST_SMALLINT: Final = 2**15 - 1
_LARGEST_BIGINT: Final = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """A row of `first_fact`, with the id under which the fact was published; times in microseconds."""

    fact_id: UUID
    tenant: str
    message_id: UUID
    ref: str
    type: str
    ordinal: int
    event_id: UUID
    occurred_at: int


def read(record: Record) -> Stated | None:
    """Return what a record of the facts topic stated; None for what no version of ours wrote there."""
    try:
        received = envelope.decode(record.key, record.value, record.headers)
    except Refused:
        return None
    one = _row(received)
    if one is None or one.ordinal > _LARGEST_SMALLINT or abs(one.occurred_at) > _LARGEST_BIGINT:
        return None
    return one


def _row(received: Received) -> Stated | None:
    about, fact = received.envelope, received.event
    match fact:
        case MessageRegistered():
            key = str(fact.message_id)
            cause = identity.event_id(TYPE_OF[MessagePrepared], about.tenant, key)
            ordinal, ref = FIRST, None
        case MessageFirstOpenWithdrawn():
            ordinal, ref, cause = fact.ordinal, fact.ref, about.id
        case (
            MessageFirstOpened()
            | MessageFirstClicked()
            | MessageFirstAttachmentViewed()
            | MessageFirstReplied()
        ):
            ordinal, ref, cause = fact.ordinal, fact.ref, fact.event_id
        case _:
            return None
    return Stated(
        fact_id=about.id,
        tenant=about.tenant,
        message_id=fact.message_id,
        ref=ref or "",
        type=TYPE_OF[type(fact)].rpartition(".")[0],
        ordinal=ordinal,
        event_id=cause,
        occurred_at=about.occurred_at,
    )
