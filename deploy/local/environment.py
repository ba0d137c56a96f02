"""What each service is told on this machine; the names are those of `docs/configuration.md`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from deploy.local.credentials import AUDIENCE, ISSUER, Credentials
from deploy.local.ports import MOST_WORKERS, Ports
from deploy.local.postgres import Postgres

PREFIX = "INKLING_"
PORT_BASE = "INKLING_PORT_BASE"
WORKERS = "INKLING_TRACKER_WORKERS"
WITH_DATABASE = ("projector", "alerts")


def ambient() -> dict[str, str]:
    """This process's environment without Inkling's names: a stack decides those itself."""
    names = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    # A service's last words must be in its log when it is killed.
    return names | {"PYTHONUNBUFFERED": "1"}


def own_wishes() -> dict[str, str]:
    """The settings of services that the person has in the environment, as `INKLING_LOG_LEVEL=debug`."""
    return {
        name: value
        for name, value in os.environ.items()
        if name.startswith(PREFIX) and name != PORT_BASE
    }


def workers(settings: Mapping[str, str]) -> int:
    """How many workers a tracker with these settings has; one whose number cannot be will not start."""
    told = settings.get(WORKERS, "1")
    return int(told) if told.isdecimal() and 1 <= int(told) <= MOST_WORKERS else 1


def of_topics(kafka: str) -> dict[str, str]:
    """For the command that creates the topics."""
    return ambient() | {"INKLING_KAFKA_SERVERS": kafka}


def of_service(
    service: str,
    ports: Ports,
    credentials: Credentials,
    kafka: str,
    postgres: Postgres,
    objects: Path,
) -> dict[str, str]:
    """For one service; `objects` is the folder that stands for an object store."""
    own = f"{PREFIX}{service.upper()}_"
    settings = of_topics(kafka) | {
        "INKLING_JWKS": str(credentials.jwks),
        "INKLING_JWT_ISSUER": ISSUER,
        "INKLING_JWT_AUDIENCE": AUDIENCE,
        f"{own}PORT": str(ports.public(service)),
        f"{own}PRIVATE_PORT": str(ports.private(service)),
    }
    if service in ("tracker", "rewriter"):
        settings["INKLING_TOKEN_KEYS"] = credentials.token_keys
        settings["INKLING_OBJECT_STORE"] = objects.absolute().as_uri()
    if service == "tracker":
        settings["INKLING_TRACKER_SPOOL"] = str(objects.absolute().parent / "spool")
    if service == "rewriter":
        settings["INKLING_REWRITER_RECIPIENT_KEY"] = credentials.recipient_key
        settings["INKLING_REWRITER_TRACKING_URL"] = f"http://127.0.0.1:{ports.public('tracker')}"
    if service == "alerts":
        # Receivers of a local stack are on this machine.
        settings["INKLING_ALERTS_WEBHOOK_ALLOW_LOOPBACK"] = "yes"
    if service in WITH_DATABASE:
        settings[f"{own}DATABASE_URL"] = postgres.url(f"inkling_{service}_writer")
        settings[f"{own}READER_DATABASE_URL"] = postgres.url(f"inkling_{service}_reader")
    return settings


def of_migration(service: str, settings: Mapping[str, str], postgres: Postgres) -> dict[str, str]:
    """For a service's `migrate`: the only one that is told the owner's password."""
    owner = f"{PREFIX}{service.upper()}_OWNER_DATABASE_URL"
    return {**settings, owner: postgres.url(f"inkling_{service}_owner")}
