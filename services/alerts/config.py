"""What the alerts service is told by its environment."""

from dataclasses import dataclass
from typing import Final

from services.runtime.config import (
    AccessConfig,
    DatabaseConfig,
    DoorConfig,
    KafkaConfig,
    ProcessConfig,
    doors,
    group,
)

PORT: Final = 7430


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All of it."""

    process: ProcessConfig = group(ProcessConfig)
    doors: DoorConfig = doors(PORT)
    kafka: KafkaConfig = group(KafkaConfig)
    access: AccessConfig = group(AccessConfig)
    database: DatabaseConfig = group(DatabaseConfig)
