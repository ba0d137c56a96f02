"""The verb that brings a service's schema up to date, as its owner."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from services.runtime import migrations
from services.runtime.config import ConfigError, OwnerConfig, load
from services.runtime.errors import Fatal, Poison, Transient


def migrate(
    service: str, packages: Sequence[str], config: type[Any], environ: Mapping[str, str]
) -> int:
    """Apply what is missing, saying what; returns the exit code. A service's schema has the service's name."""
    try:
        owner = load(OwnerConfig, environ, service, beside=[config])
    except ConfigError as error:
        for problem in error.problems:
            sys.stderr.write(f"{service}: {problem}\n")
        return 2
    try:
        applied = asyncio.run(migrations.apply(owner.owner_url, service, packages))
    except (Transient, Poison, Fatal) as error:
        sys.stderr.write(f"{service}: {error}\n")
        return 1
    for name in applied or ["nothing to apply"]:
        sys.stdout.write(f"{service}: {name}\n")
    return 0
