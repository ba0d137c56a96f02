import pytest

from services.alerts.app import PACKAGES
from services.alerts.migrate import migrate
from services.runtime.migrations import collect
from tests.support.stack import Database

OWNER = "INKLING_ALERTS_OWNER_DATABASE_URL"


def test_it_applies_what_is_missing_and_says_what(
    bare_database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = {OWNER: bare_database.url("alerts_owner"), "INKLING_ALERTS_PORT": "7430"}
    assert migrate(environ) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"alerts: {one.package}/{one.name}" for one in collect(PACKAGES)
    ]
    assert migrate(environ) == 0
    assert capsys.readouterr().out == "alerts: nothing to apply\n"


def test_it_names_what_it_was_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert migrate({"INKLING_ALERTS_COLOUR": "red"}) == 2
    told = capsys.readouterr().err
    assert OWNER in told
    assert "INKLING_ALERTS_COLOUR" in told


def test_a_database_that_is_away_is_an_error(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    url = database.url("alerts_owner").replace("inkling_test", "nowhere")
    assert migrate({OWNER: url}) == 1
    assert "alerts: postgres" in capsys.readouterr().err
