from __future__ import annotations

from pathlib import Path

import pytest

from deploy.local import requirements
from deploy.local.unprivileged import CHECKOUT


def test_a_machine_without_maven_is_told_so_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert requirements.missing() == ["Maven"]
    assert requirements.main() == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("Maven is missing.")


@pytest.mark.parametrize(
    "name", ["Python 3.11 or newer", "Python's venv module", "Java 17 or newer", "Maven"]
)
def test_each_sentence_has_a_command_for_each_family_of_systems(name: str) -> None:
    sentence = requirements.sentence(name)
    assert "\n" not in sentence
    for manager in ("Debian: apt install", "macOS: brew install", "Fedora: dnf install"):
        assert manager in sentence


def test_the_makefile_says_of_python_what_is_said_here() -> None:
    assert requirements.sentence("Python 3.11 or newer") in (CHECKOUT / "Makefile").read_text()
