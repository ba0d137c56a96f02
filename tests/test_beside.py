"""Which tests stay together when `make test` runs them in several processes."""

import pytest

from tests.support import beside
from tests.support.beside import together


@pytest.mark.parametrize(
    ("nodeid", "group"),
    [
        ("tests/schemas/test_token.py::test_a[x::y]", "tests/schemas/test_token.py"),
        ("tests/e2e/test_life.py::test_a", "stack"),
        ("tests/deploy/local/test_stack_workers.py::test_a[True]", "stack"),
        ("tests/deploy/local/test_ports.py::test_a", "tests/deploy/local/test_ports.py"),
        ("tests/faults/test_edge.py::test_a[E1]", "ground"),
        ("tests/faults/test_kills.py::test_a", "stack"),
        ("tests/faults/test_judging.py::test_a", "tests/faults/test_judging.py"),
    ],
)
def test_a_file_stays_together_and_so_does_what_shares_something(nodeid: str, group: str) -> None:
    assert together(nodeid) == group


def test_half_a_surrogate_pair_is_told_in_letters() -> None:
    telling = beside.writable()
    next(telling)
    with pytest.raises(StopIteration) as told:
        telling.send({"text\udcff": ["a\udcff", ("b", 1)]})
    assert told.value.value == {"text\\udcff": ["a\\udcff", ("b", 1)]}
