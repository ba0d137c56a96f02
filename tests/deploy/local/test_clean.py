from __future__ import annotations

from pathlib import Path

import pytest

from deploy.local.clean import clean
from deploy.local.processes import AlreadyRunningError, supervising


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for folder in (".run/tests/one", ".venv/bin", "services/tracker/__pycache__", "docs"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "services" / "tracker" / "hits.py").touch()
    return tmp_path


def test_what_was_made_is_removed_and_nothing_else(checkout: Path) -> None:
    clean(checkout)
    left = {str(path.relative_to(checkout)) for path in checkout.rglob("*")}
    assert left == {"services", "services/tracker", "services/tracker/hits.py", "docs"}


@pytest.mark.parametrize("running", [".run", ".run/tests/one"])
def test_nothing_is_removed_while_a_stack_runs(checkout: Path, running: str) -> None:
    with supervising(checkout / running), pytest.raises(AlreadyRunningError):
        clean(checkout)
    assert (checkout / ".venv" / "bin").exists()


def test_a_fresh_checkout_is_clean_already(tmp_path: Path) -> None:
    clean(tmp_path)
    assert list(tmp_path.iterdir()) == []
