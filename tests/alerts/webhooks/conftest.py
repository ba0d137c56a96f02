"""Fixtures of the webhooks' tests."""

from collections.abc import AsyncIterator

import pytest

from tests.alerts.webhooks.given import Post, open_post
from tests.support.stack import Database


@pytest.fixture
async def post(database: Database) -> AsyncIterator[Post]:
    """Everything from the fold to a receiver, over a database of the test's own."""
    async with open_post(database) as one:
        yield one
