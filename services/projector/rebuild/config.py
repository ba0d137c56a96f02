"""What the verbs of a rebuild are told by their environment: what the projector is told, and the owner's way in."""

from dataclasses import dataclass

from services.runtime.config import DatabaseConfig, KafkaConfig, OwnerConfig, ProcessConfig, group


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildConfig:
    """All of it."""

    process: ProcessConfig = group(ProcessConfig)
    kafka: KafkaConfig = group(KafkaConfig)
    database: DatabaseConfig = group(DatabaseConfig)
    owner: OwnerConfig = group(OwnerConfig)
