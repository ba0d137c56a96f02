"""Which tables are read models, which are never rebuilt, and how a row of each is named. Pure.

Every table of the schema stands in one of the two lists; a rebuild refuses to begin while one does not.
"""

from collections.abc import Collection, Mapping
from typing import Final

LIVE: Final = "projector"
BESIDE: Final = "projector_beside"
BETWEEN: Final = "projector_between"

# The columns that name a row; a lane is not one of them, since whoever reads adds the lanes up.
READ_MODELS: Final[Mapping[str, tuple[str, ...]]] = {
    "message": ("tenant", "message_id"),
    "recipient": ("tenant", "message_id", "ref"),
    "link": ("tenant", "message_id", "link_index"),
    "attachment": ("tenant", "message_id", "attachment_index"),
    "viewer": ("tenant", "message_id", "attachment_index", "ref"),
    "view_slot": ("tenant", "message_id", "item", "ref", "visitor", "slot"),
    "template": ("tenant", "template_id"),
    "tenant_day": ("tenant", "day", "owner"),
    "hour_of_week": ("tenant", "owner", "hour"),
    "interaction": ("tenant", "event_id"),
    "correspondence": ("tenant", "event_id"),
    "label": ("tenant", "name", "value", "message_id"),
    "personal": ("tenant", "message_id"),
    "person": ("tenant", "message_id", "ref"),
    "tenant_setting": ("tenant",),
}
KEPT: Final = frozenset(
    {"checkpoint", "worker", "quarantine", "gap", "outbox", "first_fact", "schema_version"}
    | {"history_floor"}
)
"""What the runtime knows of its lanes, and what was stated as a fact: it is so once and for all."""
# Indexes of these are what the fold itself finds rows by; those of others are made when the rows are there.
INDEXED_AT_ONCE: Final = frozenset({"interaction", "correspondence", "view_slot"}) | KEPT
# When a copy was recorded is said by the one that was folded first, and of copies on two lanes either may be that.
NOT_COMPARED: Final[Mapping[str, frozenset[str]]] = {"interaction": frozenset({"recorded_at"})}


class UnknownTablesError(Exception):
    """There are tables of which nobody has said whether they are read models."""


def present(tables: Collection[str]) -> tuple[str, ...]:
    """Return the read models among the tables of a schema; raises ``UnknownTablesError``."""
    if unknown := sorted(set(tables) - READ_MODELS.keys() - KEPT):
        raise UnknownTablesError(
            f"{', '.join(unknown)}: neither a read model nor kept; see services/projector/rebuild/tables.py"
        )
    return tuple(name for name in READ_MODELS if name in tables)
