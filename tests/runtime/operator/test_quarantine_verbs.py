"""What is not understood of `quarantine` is told before anything is done; the rest as processes: `test_operator`."""

import pytest

from services.projector.operator import quarantine


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["dance"],
        ["show", "events/1"],
        ["list", "--since", "yesterday"],
        ["redrive", "--offset", "x"],
    ],
)
def test_what_is_not_understood_is_told(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert quarantine({}, arguments) == 2
    assert "usage: python -m services.projector quarantine" in capsys.readouterr().err


def test_a_database_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    nowhere = "postgresql://writer:secret@127.0.0.1:1/inkling"
    environ = {
        "INKLING_KAFKA_SERVERS": "127.0.0.1:1",
        "INKLING_JWKS": "/nowhere.json",
        "INKLING_PROJECTOR_DATABASE_URL": nowhere,
        "INKLING_PROJECTOR_READER_DATABASE_URL": nowhere,
    }
    assert quarantine(environ, ["list", "--since", "2026-01-31T12:00Z"]) == 1
    told = capsys.readouterr().err
    assert "postgres" in told
    assert "secret" not in told
