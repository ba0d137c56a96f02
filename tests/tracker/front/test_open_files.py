"""The process may open as many files as the system lets it."""

import io
import resource
from collections.abc import Iterator

import orjson
import pytest

from services.runtime import log
from services.tracker.front.open_files import raise_limit


@pytest.fixture
def few() -> Iterator[int]:
    """A soft limit below the hard one; gives the hard one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(512, hard), hard))
    yield hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_limit_is_raised(few: int) -> None:
    assert raise_limit(100) == few
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (few, few)
    assert raise_limit(100) == few


def test_too_low_a_limit_is_told(few: int) -> None:
    told = io.BytesIO()
    log.configure("tracker", "info", told)
    raise_limit(few)
    line = orjson.loads(told.getvalue().splitlines()[-1])
    assert (line["event"], line["limit"], line["level"]) == ("few_open_files", few, "warning")
