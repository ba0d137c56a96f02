"""The operator's verb `facts reseed`: remember as stated all that the facts topic has, from its first record on."""

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from services.projector.app import SCHEMA
from services.projector.config import Config
from services.projector.reseeding import Reseeding
from services.runtime.config import (
    ConfigError,
    DatabaseConfig,
    KafkaConfig,
    OwnerConfig,
    ProcessConfig,
    group,
    load,
)
from services.runtime.errors import Fatal, Poison, Transient
from services.runtime.kafka import Consumer
from services.runtime.postgres import Pool

_CLOSE_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FactsConfig:
    """What the verb is told by its environment."""

    process: ProcessConfig = group(ProcessConfig)
    kafka: KafkaConfig = group(KafkaConfig)
    database: DatabaseConfig = group(DatabaseConfig)


def facts(environ: Mapping[str, str], arguments: Sequence[str]) -> int:
    """Do what the verb says; returns the exit code: 0 done, 1 not done, 2 not understood."""
    parser = argparse.ArgumentParser(prog="python -m services.projector facts")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("reseed", help="read the facts topic from its beginning into first_fact")
    try:
        parser.parse_args(arguments)
    except SystemExit as end:
        return int(end.code or 0)
    try:
        config = load(FactsConfig, environ, SCHEMA, beside=[Config, OwnerConfig])
    except ConfigError as error:
        for problem in error.problems:
            sys.stderr.write(f"projector: {problem}\n")
        return 2
    try:
        added = asyncio.run(_reseed(config))
    except (Transient, Poison, Fatal) as error:
        sys.stderr.write(f"projector: {error}\n")
        return 1
    sys.stdout.write(f"projector: {added} facts were not remembered, and are now\n")
    return 0


async def _reseed(config: FactsConfig) -> int:
    reader = Consumer(config.kafka.servers, "projector-facts-reseed")
    async with Pool(
        config.database.writer_url, application="inkling-projector-facts", schema=SCHEMA, size=1
    ) as pool:
        try:
            return await Reseeding(pool, reader).once(whole=True)
        finally:
            await reader.close(_CLOSE_SECONDS)
