"""The verbs of an operator."""

import pytest

from services.projector.command import VERBS, command


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_is_reached_and_says_what_it_was_not_given(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command({}, [verb, "dance"]) == 2
    told = capsys.readouterr().err
    assert verb in told
    assert "services.projector" in told


def test_it_reads_the_environment(capsys: pytest.CaptureFixture[str]) -> None:
    assert command({}, ["migrate"]) == 2
    assert "INKLING_PROJECTOR_OWNER_DATABASE_URL" in capsys.readouterr().err
    assert command({}, ["dance"]) == 2
    told = capsys.readouterr().err
    assert all(verb in told for verb in VERBS)
