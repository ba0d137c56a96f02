"""Fixtures of the projector's tests."""

from collections.abc import AsyncIterator

import pytest

from tests.projector.store import Store, open_store
from tests.support.stack import Database


@pytest.fixture
async def store(database: Database) -> AsyncIterator[Store]:
    """A fold into a fresh database."""
    async with open_store(database) as fresh:
        yield fresh
