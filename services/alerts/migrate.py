"""The operator's verb that brings the schema up to date, as its owner."""

import asyncio
import sys
from collections.abc import Mapping

from services.alerts.app import PACKAGES, SCHEMA
from services.alerts.config import Config
from services.runtime import migrations
from services.runtime.config import ConfigError, OwnerConfig, load
from services.runtime.errors import Fatal, Poison, Transient


def migrate(environ: Mapping[str, str]) -> int:
    """Apply what is missing, saying what; returns the exit code."""
    try:
        config = load(OwnerConfig, environ, SCHEMA, beside=[Config])
    except ConfigError as error:
        for problem in error.problems:
            sys.stderr.write(f"alerts: {problem}\n")
        return 2
    try:
        applied = asyncio.run(migrations.apply(config.owner_url, SCHEMA, PACKAGES))
    except (Transient, Poison, Fatal) as error:
        sys.stderr.write(f"alerts: {error}\n")
        return 1
    for name in applied or ["nothing to apply"]:
        sys.stdout.write(f"alerts: {name}\n")
    return 0
