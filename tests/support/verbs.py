"""Operators' verbs as real processes."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any, NamedTuple

import orjson

from tests.support.stack import Database

_SECONDS = 60.0


class Said(NamedTuple):
    """How a verb ended, and what it wrote."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Return what it wrote for machines."""
        return orjson.loads(self.out)


def verb(service: str, database: Database, kafka: str, *arguments: str) -> Said:
    """Run `python -m services.<service> …` in the environment of a service."""
    name = service.upper()
    environment = {
        "PATH": os.environ["PATH"],
        "USER": "ann",
        "INKLING_KAFKA_SERVERS": kafka,
        "INKLING_JWKS": "/nowhere.json",
        f"INKLING_{name}_DATABASE_URL": database.url(f"{service}_writer"),
        f"INKLING_{name}_READER_DATABASE_URL": database.url(f"{service}_reader"),
    }
    finished = subprocess.run(  # noqa: S603 - a command of our own
        [sys.executable, "-m", f"services.{service}", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    return Said(finished.returncode, finished.stdout, finished.stderr)
