"""From a command line to a verb."""

from collections.abc import Mapping, Sequence

import pytest

from services.runtime.operator.verbs import dispatch, without_arguments


def test_a_verb_gets_the_environment_and_what_stands_behind_it() -> None:
    got: list[tuple[Mapping[str, str], Sequence[str]]] = []

    def walk(environ: Mapping[str, str], arguments: Sequence[str]) -> int:
        got.append((environ, arguments))
        return 7

    assert dispatch("alerts", {"walk": walk}, {"A": "b"}, ["walk", "far", "--on"]) == 7
    assert got == [({"A": "b"}, ["far", "--on"])]


def test_a_verb_that_is_not_there_is_told_which_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch("alerts", {"walk": lambda *_: 0, "run": lambda *_: 0}, {}, ["dance"]) == 2
    assert capsys.readouterr().err == "usage: python -m services.alerts [walk | run]\n"


def test_what_takes_no_arguments_refuses_them(capsys: pytest.CaptureFixture[str]) -> None:
    verb = without_arguments("alerts", "rest", lambda environ: len(environ))
    assert verb({"A": "b"}, []) == 1
    assert verb({}, ["now"]) == 2
    assert capsys.readouterr().err == "usage: python -m services.alerts rest\n"
