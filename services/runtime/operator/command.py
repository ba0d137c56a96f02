"""What the verbs of all services have in common: configuration, a pool, and failures as exit codes.

Exit codes: 0 done, 1 not done, 2 not understood or refused.
"""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar

from services.runtime.config import ConfigError, DatabaseConfig, KafkaConfig, OwnerConfig, load
from services.runtime.errors import Fatal, Poison, Transient
from services.runtime.folder import Fold
from services.runtime.operator.resuming import Refused
from services.runtime.postgres import Pool

D = TypeVar("D")
_CONNECTIONS: Final = 2


class Configured(Protocol):
    """A service's configuration, as far as verbs need it."""

    @property
    def database(self) -> DatabaseConfig:
        """PostgreSQL."""
        ...

    @property
    def kafka(self) -> KafkaConfig:
        """Where Kafka is."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Service(Generic[D]):
    """The service whose verbs these are; `name` is its consumer's too."""

    name: str
    schema: str
    config: type[Any]
    compacted: Collection[str]
    fold: Callable[[bool], Fold[D]]
    """Makes the fold for records that are re-driven; told whether late ones are accepted."""
    lateness: bool = False
    """Whether there is anything that can be late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context(Generic[D]):
    """What a verb works with."""

    service: Service[D]
    pool: Pool
    servers: str
    options: argparse.Namespace

    def say(self, text: str) -> None:
        """Tell something that is no result."""
        sys.stderr.write(f"{self.service.name}: {text}\n")


Verb = Callable[[Context[Any]], Awaitable[int]]


def perform(
    service: Service[D],
    parser: argparse.ArgumentParser,
    environ: Mapping[str, str],
    arguments: Sequence[str],
) -> int:
    """Do the verb that a parser found as `verb`; returns the exit code."""
    try:
        options = parser.parse_args(arguments)
    except SystemExit as end:
        return int(end.code or 0)
    if getattr(options, "by", "") is None:
        options.by = environ.get("USER") or environ.get("LOGNAME") or "unknown"
    try:
        config: Configured = load(service.config, environ, service.name, beside=[OwnerConfig])
    except ConfigError as error:
        for problem in error.problems:
            sys.stderr.write(f"{service.name}: {problem}\n")
        return 2
    try:
        return asyncio.run(_within(service, config, options))
    except Refused as refused:
        sys.stderr.write(f"{service.name}: {refused}\n")
        return 2
    except (Transient, Poison, Fatal) as error:
        sys.stderr.write(f"{service.name}: {error}\n")
        return 1


async def _within(service: Service[D], config: Configured, options: argparse.Namespace) -> int:
    application = f"inkling-{service.name}-operator"
    async with Pool(
        config.database.writer_url,
        application=application,
        schema=service.schema,
        size=_CONNECTIONS,
    ) as pool:
        verb: Verb = options.verb
        return await verb(
            Context(service=service, pool=pool, servers=config.kafka.servers, options=options)
        )
