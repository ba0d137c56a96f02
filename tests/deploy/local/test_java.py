from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from deploy.local import java


def fake_java(folder: Path, answer: str) -> Path:
    """A program named `java` that gives an answer to `-version`."""
    folder.mkdir(parents=True)
    program = folder / "java"
    program.write_text(f"#!/bin/sh\n{answer}\n")
    program.chmod(0o755)
    return program


def announcing(version: str) -> str:
    return f"echo 'openjdk version \"{version}\" 2026-01-01' >&2"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (announcing("17.0.15"), 17),
        (announcing("25"), 25),
        (announcing("1.8.0_402"), 1),
        (f"{announcing('21.0.1')}; exit 1", 0),
        ("exit 1", 0),
    ],
)
def test_the_release_is_read_from_what_it_says(tmp_path: Path, answer: str, expected: int) -> None:
    assert java.version(fake_java(tmp_path / "bin", answer)) == expected


def test_a_program_that_is_not_there_has_no_release(tmp_path: Path) -> None:
    assert java.version(tmp_path / "java") == 0


def test_java_home_comes_before_the_path_unless_it_is_too_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = fake_java(tmp_path / "new" / "bin", announcing("21.0.1"))
    old = fake_java(tmp_path / "old" / "bin", announcing("11.0.2"))
    on_path = fake_java(tmp_path / "path", announcing("17.0.1"))
    monkeypatch.setenv("PATH", str(on_path.parent), prepend=":")
    monkeypatch.setenv("JAVA_HOME", str(new.parent.parent))
    assert java.find() == new
    monkeypatch.setenv("JAVA_HOME", str(old.parent.parent))
    assert java.find() == on_path


@pytest.mark.usefixtures("kafka_servers")
def test_what_is_found_runs() -> None:
    subprocess.run([java.find(), "-version"], capture_output=True, timeout=60, check=True)  # noqa: S603 -- ours
