"""The verb that reseeds facts: what it understands; what it does is shown with the topic, in `test_reseeding.py`."""

import pytest

from services.projector.fact_verbs import facts


def test_a_verb_that_is_not_understood_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert facts({}, []) == 2
    assert facts({}, ["forget"]) == 2
    assert facts({}, ["reseed"]) == 2
    told = capsys.readouterr().err
    assert "reseed" in told
    assert "INKLING_KAFKA_SERVERS" in told


def test_a_database_that_does_not_answer_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    environ = {
        "INKLING_KAFKA_SERVERS": "127.0.0.1:1",
        "INKLING_PROJECTOR_DATABASE_URL": nowhere,
        "INKLING_PROJECTOR_READER_DATABASE_URL": nowhere,
    }
    assert facts(environ, ["reseed"]) == 1
    assert capsys.readouterr().err.startswith("projector: kafka")
