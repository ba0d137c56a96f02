"""What the alerts service is told by its environment."""

from dataclasses import dataclass
from typing import Final

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

PORT: Final = 7430


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookConfig:
    """Where webhooks may go, and how many at once."""

    allow_loopback: bool = setting(
        "INKLING_{SERVICE}_WEBHOOK_ALLOW_LOOPBACK",
        parsers.boolean(),
        default="no",
        help="whether webhooks may go to this machine, without TLS and to any port; only for a local stack",
    )
    # More let a fast endpoint take more, and give a slow one more calls to hold.
    concurrency: int = setting(
        "INKLING_{SERVICE}_WEBHOOK_CONCURRENCY",
        parsers.integer(1, 8),
        default="2",
        help="the calls that one process makes to one endpoint at a time",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All of it."""

    process: ProcessConfig = group(ProcessConfig)
    doors: DoorConfig = doors(PORT)
    kafka: KafkaConfig = group(KafkaConfig)
    access: AccessConfig = group(AccessConfig)
    database: DatabaseConfig = group(DatabaseConfig)
    webhooks: WebhookConfig = group(WebhookConfig)
