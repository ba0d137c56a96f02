"""Rules of the tree that hold themselves."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SERVICES = ("tracker", "rewriter", "projector", "alerts")
CODE = (".py", ".sql", ".sh", "Makefile")
VAGUE = {
    "utils",
    "util",
    "helpers",
    "helper",
    "common",
    "misc",
    "base",
    "core",
    "manager",
    "managers",
    "models",
    "types",
}
MAP = ("In:", "Out:", "Promises:", "Read:")


def _tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],  # noqa: S607 git is on the path
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for line in listed.stdout.splitlines() if (path := ROOT / line).is_file()]


FILES = _tracked()
PYTHON = [path for path in FILES if path.suffix == ".py"]
SOURCE = [path for path in PYTHON if path.relative_to(ROOT).parts[0] in ("schemas", "services")]


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_no_file_is_longer_than_400_lines() -> None:
    code = [path for path in FILES if path.name.endswith(CODE)]
    assert [_name(path) for path in code if len(path.read_text("utf-8").splitlines()) > 400] == []


def test_no_file_has_a_name_that_says_nothing() -> None:
    assert [_name(path) for path in PYTHON if path.stem in VAGUE] == []


def test_every_source_file_says_what_it_is_for() -> None:
    missing = [path for path in SOURCE if not ast.get_docstring(ast.parse(path.read_text("utf-8")))]
    assert list(map(_name, missing)) == []


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_the_same_five_files_and_a_map(service: str) -> None:
    folder = ROOT / "services" / service
    for name in ("__init__", "__main__", "app", "config", "metrics"):
        assert (folder / f"{name}.py").exists(), name
    page = ast.get_docstring(ast.parse((folder / "__init__.py").read_text("utf-8"))) or ""
    assert page.startswith(f"{service} — ")
    assert [word for word in MAP if word not in page] == []


@pytest.mark.parametrize("service", SERVICES)
def test_the_reading_order_of_a_service_names_files_that_exist(service: str) -> None:
    folder = ROOT / "services" / service
    page = ast.get_docstring(ast.parse((folder / "__init__.py").read_text("utf-8"))) or ""
    order = page.split("Read:")[1].split("\n\n")[0]
    for name in re.findall(r"[a-z_]+(?:/[a-z_]+)*", order):
        assert list(folder.glob(f"{name}*")), name


def test_every_source_file_has_its_test_file() -> None:
    exempt = {"__init__", "__main__", "app", "metrics", "config"}
    names = {path.stem for path in PYTHON if path.relative_to(ROOT).parts[0] == "tests"}
    missing = [
        path
        for path in SOURCE
        if path.stem not in exempt
        and not any(name.startswith(f"test_{path.stem}") for name in names)
    ]
    assert list(map(_name, missing)) == []


def test_files_named_in_the_architecture_exist() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    named = re.findall(r"`((?:schemas|services|deploy|tests|docs|benchmarks)/[\w./-]+)`", page)
    assert len(named) > 20
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_projection_has_its_statement_and_its_table() -> None:
    folder = ROOT / "services" / "projector"
    tables = set(
        re.findall(
            r"create table (\w+) \(",
            "\n".join(path.read_text() for path in folder.glob("migrations/*.sql")),
        )
    )
    statements = {path.stem for path in (folder / "projections").glob("*.sql")}
    assert {
        "message",
        "recipient",
        "link",
        "attachment",
        "template",
        "interaction",
    } <= tables & statements


def test_locks_carry_hashes_and_no_addresses() -> None:
    for path in ROOT.glob("requirements*.lock"):
        text = path.read_text("utf-8")
        assert "--hash=sha256:" in text
        assert "://" not in text


def test_no_pattern_repeats_a_group_possessively() -> None:
    # Python before 3.11.5 matches them wrongly (cpython issue 106052), and Debian 12 has 3.11.2.
    possessive = re.compile(r"""r?f?["'].*(\)[*+?}]\+|\(\?>)""")
    found = [
        f"{_name(path)}:{number}"
        for path in SOURCE
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if possessive.search(line)
    ]
    assert found == []
