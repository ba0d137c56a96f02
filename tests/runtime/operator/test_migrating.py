"""A schema is brought up to date by its owner, or a sentence says why not."""

import asyncio

import pytest

from services.runtime.config import DatabaseConfig
from services.runtime.operator.migrating import migrate
from tests.support.stack import Database

OWNER = "INKLING_PROJECTOR_OWNER_DATABASE_URL"
PACKAGES = ("services.runtime",)


async def test_what_is_missing_is_applied_once(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = {OWNER: database.url("projector_owner")}
    given = ("projector", PACKAGES, DatabaseConfig, environ)
    assert await asyncio.to_thread(migrate, *given) == 0
    assert "projector: services.runtime/0001_consumer.sql" in capsys.readouterr().out
    assert await asyncio.to_thread(migrate, *given) == 0
    assert capsys.readouterr().out == "projector: nothing to apply\n"


def test_what_is_wrong_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert migrate("projector", PACKAGES, DatabaseConfig, {}) == 2
    assert OWNER in capsys.readouterr().err
    away = {OWNER: "postgresql://owner:secret@127.0.0.1:1/inkling"}
    assert migrate("projector", PACKAGES, DatabaseConfig, away) == 1
    told = capsys.readouterr().err
    assert "postgres" in told
    assert "secret" not in told
