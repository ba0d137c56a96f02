"""How `make test` divides the tests among processes that run beside each other, each with servers of its own."""

from collections.abc import Generator
from typing import Any

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# What is slow to start and heavy while it runs is one for all who ask. The longest come first, so that the processes
# end together. A test is told apart by where it stands, since nothing else of it is known to who hands the tests out.
_SHARED = {
    "ground": ("tests/faults/test_edge.py", "tests/faults/test_projector.py"),
    "stack": (
        "tests/e2e/",
        "tests/faults/test_kills.py",
        "tests/faults/test_webhook_kills.py",
        "tests/deploy/local/test_stack",
    ),
    "rebuilding": ("tests/projector/rebuild/",),
}


def arrange(items: list[pytest.Item]) -> None:
    """Put those first who share something, then who needs servers; else the order stays.

    Raises pytest.UsageError for a test that shares something elsewhere than where this file knows of.
    """
    for item in items:
        asked = _SHARED.keys() & set(item.fixturenames if isinstance(item, pytest.Function) else ())
        if not asked <= {together(item.nodeid)}:
            message = f"{item.nodeid} asks for {asked}: say so in tests/support/beside.py"
            raise pytest.UsageError(message)
    items.sort(key=_turn)


def scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Hand out whole files, in their order, so that what a file shares is made once; and whole groups."""
    made = LoadScopeScheduling(config, log)
    made._split_scope = together
    return made


def together(nodeid: str) -> str:
    """Return what a test shares with those of other files, else its own file."""
    file = nodeid.partition("::")[0]
    return next((name for name, places in _SHARED.items() if file.startswith(places)), file)


@pytest.hookimpl(wrapper=True)
def writable() -> Generator[None, Any, Any]:
    """Tell of a test in text that can be handed from process to process: no half of a surrogate pair can."""
    return _writable((yield))


def _writable(told: Any) -> Any:
    if isinstance(told, str):
        return told.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(told, dict):
        return {_writable(name): _writable(one) for name, one in told.items()}
    if isinstance(told, list | tuple):
        return type(told)(map(_writable, told))
    return told


def _turn(item: pytest.Item) -> int:
    group = together(item.nodeid)
    if group in _SHARED:
        return list(_SHARED).index(group)
    return len(_SHARED) + (item.get_closest_marker("servers") is None)
