"""What the projector is told by its environment."""

from dataclasses import dataclass
from typing import Final

from services.projector.expiry import LEAST_DAYS
from services.runtime import parsers
from services.runtime.config import (
    AccessConfig,
    DatabaseConfig,
    DoorConfig,
    KafkaConfig,
    ProcessConfig,
    doors,
    group,
    setting,
)

PORT: Final = 7420
FOLD: Final = "fold"
QUERY: Final = "query"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All of it."""

    process: ProcessConfig = group(ProcessConfig)
    doors: DoorConfig = doors(PORT)
    kafka: KafkaConfig = group(KafkaConfig)
    access: AccessConfig = group(AccessConfig)
    database: DatabaseConfig = group(DatabaseConfig)
    roles: frozenset[str] = setting(
        "INKLING_PROJECTOR_ROLES",
        parsers.names(FOLD, QUERY),
        default="fold,query",
        help="whether this process folds the log, answers queries, or both",
    )
    retention_days: int | None = setting(
        "INKLING_PROJECTOR_RETENTION_DAYS",
        parsers.optional(parsers.integer(LEAST_DAYS, 36_500)),
        default="",
        help="for how many days single hits are kept where a tenant says nothing; empty: for ever",
    )
