"""Fixtures of the query API's tests."""

from collections.abc import AsyncIterator

import pytest

from tests.projector.query.given import Given, open_door
from tests.support.stack import Database


@pytest.fixture
async def given(database: Database) -> AsyncIterator[Given]:
    """The query API over a database of the test's own."""
    async with open_door(database) as door:
        yield door
