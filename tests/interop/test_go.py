"""Programs in Go are built when they are wanted, and what the machine lacks is said."""

import os
import shutil
from pathlib import Path
from typing import Final

import pytest

from tests.interop import _go
from tests.support.debian import NotToBeHadError

SOURCE: Final = Path(__file__).with_name("mail_parser.go")


def test_a_machine_without_go_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(NotToBeHadError, match=r"^Go is missing\. Debian: .+$"):
        _go.build(SOURCE, tmp_path / "scaler")


def test_what_go_says_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go = tmp_path / "go"
    go.write_text("#!/bin/sh\necho go.mod requires go \\>= 9.9; exit 1\n")
    go.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(
        NotToBeHadError, match=r"does not build mail_parser.go: go\.mod requires go >= 9"
    ):
        _go.build(SOURCE, tmp_path / "scaler")


def test_what_is_built_is_built_anew_only_when_its_source_is_newer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go, source, built = tmp_path / "go", tmp_path / "source", tmp_path / "built"
    go.write_text("#!/bin/sh\necho built >> $PWD/../log; touch $4\n")
    go.chmod(0o755)
    source.mkdir()
    (source / "go.mod").write_text("module m\n")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    os.utime(source / "go.mod", (0, 0))
    _go.build(source, built)
    _go.build(source, built)
    assert (tmp_path / "log").read_text() == "built\n"
    os.utime(source / "go.mod", (2**32, 2**32))
    _go.build(source, built)
    assert (tmp_path / "log").read_text() == "built\nbuilt\n"
