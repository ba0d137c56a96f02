from __future__ import annotations

import sys
from pathlib import Path

import pytest

from deploy.local.interpreter import NEWEST, Trial, choose, commands, quickest, tried
from deploy.local.requirements import OLDEST_PYTHON


def trial(
    name: str, seconds: float, version: tuple[int, int] = OLDEST_PYTHON, usable: bool = True
) -> Trial:
    return Trial(Path(name), version, usable, seconds)


@pytest.mark.parametrize(
    ("trials", "taken"),
    [
        ([], None),
        ([trial("a", 1.0)], "a"),
        ([trial("a", 1.0), trial("b", 0.8)], "b"),
        # A little may be chance; then the first of the path stays.
        ([trial("a", 1.0), trial("b", 0.96)], "a"),
        ([trial("a", 1.0), trial("b", 0.9), trial("c", 0.8)], "c"),
        # What lacks its modules, is too old, or newer than what was tried, is not taken, however quick.
        ([trial("a", 1.0), trial("b", 0.1, usable=False)], "a"),
        ([trial("a", 1.0), trial("b", 0.1, version=(3, 10))], "a"),
        ([trial("a", 1.0), trial("b", 0.1, version=(NEWEST[0], NEWEST[1] + 1))], "a"),
        ([trial("a", 0.1, version=(3, 10)), trial("b", 1.0)], "b"),
        ([trial("a", 0.1, usable=False)], None),
    ],
)
def test_the_first_is_taken_unless_another_is_clearly_quicker(
    trials: list[Trial], taken: str | None
) -> None:
    assert quickest(trials) == (None if taken is None else Path(taken))


def program(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    written = folder / name
    written.write_text(f"#!/bin/sh\n{text}\n")
    written.chmod(0o755)
    return written


def test_interpreters_are_found_by_name_in_the_order_of_the_path(tmp_path: Path) -> None:
    for folder, name in (("b", "python3.12"), ("b", "python3"), ("a", "python3")):
        program(tmp_path / folder, name, "")
    for name in ("python3-config", "python", "python3.12-dbg"):
        program(tmp_path / "a", name, "")
    (tmp_path / "a" / "python3.9").mkdir()
    found = commands(f"{tmp_path}/b::{tmp_path}/nowhere:{tmp_path}/a")
    assert [str(one.relative_to(tmp_path)) for one in found] == [
        "b/python3",
        "b/python3.12",
        "a/python3",
    ]


def test_whatever_is_no_interpreter_is_passed_over(tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    program(folder, "python3", f'exec "{sys.executable}" "$@"')
    program(folder, "python3.10", "exit 1")
    program(folder, "python3.11", "echo no interpreter")
    program(folder, "python3.12", "echo '{}'")
    program(folder, "python3.13", f'exec "{sys.executable}" "$@"')
    (folder / "python3.14").write_bytes(b"\x7fELF")
    found = tried(commands(str(folder)))
    # The wrappers lead to one interpreter, so that it is there once.
    assert [one.executable for one in found] == [Path(sys.executable)]
    assert found[0].version == sys.version_info[:2]
    assert found[0].seconds > 0
    assert choose(str(folder)) == Path(sys.executable)


def test_one_that_never_answers_is_passed_over(tmp_path: Path) -> None:
    hangs = program(tmp_path / "bin", "python3", "exec tail -f /dev/null")
    assert tried([hangs], seconds=0.1) == []
    assert choose(str(tmp_path / "nowhere")) == Path(sys.executable)
