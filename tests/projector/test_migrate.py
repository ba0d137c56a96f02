"""The operator's verb."""

import asyncio

import pytest

from services.projector.migrate import migrate
from tests.support.stack import Database

OWNER_URL = "INKLING_PROJECTOR_OWNER_DATABASE_URL"


async def test_migrating_twice_applies_once(
    bare_database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = {
        OWNER_URL: bare_database.url("projector_owner"),
        "INKLING_KAFKA_SERVERS": "127.0.0.1:1",
    }
    assert await asyncio.to_thread(migrate, environ) == 0
    assert "0001_read_models.sql" in capsys.readouterr().out
    assert await asyncio.to_thread(migrate, environ) == 0
    assert "nothing to apply" in capsys.readouterr().out


def test_without_the_owners_url_it_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert migrate({"INKLING_PROJECTOR_PORTT": "1"}) == 2
    told = capsys.readouterr().err
    assert OWNER_URL in told
    assert "INKLING_PROJECTOR_PORTT" in told


def test_a_database_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert migrate({OWNER_URL: "postgresql://owner:secret@127.0.0.1:1/inkling"}) == 1
    told = capsys.readouterr().err
    assert "postgres" in told
    assert "secret" not in told
