"""What is not understood of `lanes` is told before anything is done; the rest as processes: `test_operator`."""

import pytest

from services.projector.operator import lanes


@pytest.mark.parametrize(
    "arguments",
    [
        ["resume"],
        ["resume", "events/1", "--at", "-1"],
        ["resume", "events/1", "--at", "1", "--from-start"],
        ["resume", "events/1", "--skip-to", "END"],
        ["halt"],
    ],
)
def test_what_is_not_understood_is_told(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert lanes({}, arguments) == 2
    assert "usage: python -m services.projector lanes" in capsys.readouterr().err


def test_help_is_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    assert lanes({}, ["resume", "--help"]) == 0
    assert "--skip-to OFFSET|end" in capsys.readouterr().out


def test_what_the_environment_lacks_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert lanes({}, []) == 2
    assert "INKLING_PROJECTOR_DATABASE_URL" in capsys.readouterr().err
