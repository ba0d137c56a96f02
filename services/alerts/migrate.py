"""The operator's verb that brings the schema up to date, as its owner."""

from collections.abc import Mapping

from services.alerts.app import PACKAGES, SCHEMA
from services.alerts.config import Config
from services.runtime.operator import migrating


def migrate(environ: Mapping[str, str]) -> int:
    """Apply what is missing, saying what; returns the exit code."""
    return migrating.migrate(SCHEMA, PACKAGES, Config, environ)
