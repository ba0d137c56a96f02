"""Fixtures of the alerts' tests."""

from collections.abc import AsyncIterator

import pytest

from tests.alerts.given import Given, open_doors
from tests.support.stack import Database


@pytest.fixture
async def given(database: Database) -> AsyncIterator[Given]:
    """The doors over a database of the test's own."""
    async with open_doors(database) as doors:
        yield doors
