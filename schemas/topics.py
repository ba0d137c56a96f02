"""The four topics: names, shapes, what travels on each, and the one partitioner of every producer."""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final
from uuid import UUID
from zlib import crc32

from schemas import events, facts, personal, settings
from schemas.identity import RecipientRef, Tenant

KEEP: Final = {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}
# A reader that was away for less than 30 days still sees every tombstone.
COMPACT: Final = {
    "cleanup.policy": "compact",
    "min.cleanable.dirty.ratio": "0.1",
    "delete.retention.ms": "2592000000",
}
MAX_EVENT_BYTES: Final = 262_144
"""One event's value; `DESIGN` §3."""

DEFAULT_PARTITIONS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One topic: whether it is spread by message, and the settings that the broker must show."""

    name: str
    spread: bool
    settings: dict[str, str] = field(default_factory=dict)

    def partitions(self, spread: int) -> int:
        """Say how many partitions it has where the spread topics have ``spread``."""
        return spread if self.spread else 1


EVENTS: Final = Topic(name="engagement.events.v1", spread=True, settings=KEEP)
PERSONAL: Final = Topic(name="engagement.personal.v1", spread=True, settings=COMPACT)
FACTS: Final = Topic(name="engagement.facts.v1", spread=True, settings=KEEP)
SETTINGS: Final = Topic(name="engagement.settings.v1", spread=False, settings=COMPACT)

ALL: Final = (EVENTS, PERSONAL, FACTS, SETTINGS)


def of(event: events.Event) -> Topic:
    """Say on which topic an event travels."""
    match event:
        case personal.MessagePersonal():
            return PERSONAL
        case settings.PreferenceSet() | settings.TenantSet():
            return SETTINGS
        case (
            facts.MessageRegistered()
            | facts.MessageFirstOpened()
            | facts.MessageFirstClicked()
            | facts.MessageFirstAttachmentViewed()
            | facts.MessageFirstReplied()
            | facts.MessageFirstOpenWithdrawn()
        ):
            return FACTS
        case _:
            return EVENTS


@lru_cache(maxsize=65_536)
def message_key(message: UUID) -> bytes:
    """Write the record key of everything about a message: the id's 36 lower-case characters."""
    return str(message).encode("ascii")


def settings_key(tenant: Tenant, ref: RecipientRef | None) -> bytes:
    """Write the record key of a setting: ``tenant``, or ``tenant:ref`` for one recipient's preference."""
    return (tenant if ref is None else f"{tenant}:{ref}").encode("ascii")


def partition_of(key: bytes, partitions: int) -> int:
    """Choose the partition of a key: CRC-32 (ISO 3309, as zlib) of the key's bytes, modulo the count."""
    return crc32(key) % partitions
