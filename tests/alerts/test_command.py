"""The verbs of an operator."""

import pytest

from services.alerts.command import VERBS, command


def test_a_verb_that_is_not_there_is_told_which_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert command({}, ["dance"]) == 2
    told = capsys.readouterr().err
    assert all(verb in told for verb in VERBS)


def test_a_verb_gets_what_stands_behind_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert command({}, ["migrate", "now"]) == 2
    assert command({}, ["migrate"]) == 2
    assert "INKLING_ALERTS_OWNER_DATABASE_URL" in capsys.readouterr().err
    assert command({}, ["lanes", "dance"]) == 2
    assert "dance" in capsys.readouterr().err
