"""A tenant of its own for each test of the running stack."""

from collections.abc import AsyncIterator
from uuid import uuid4

import aiohttp
import pytest

from deploy.local.stack import Stack
from tests.support.doors import Doors


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        yield session


@pytest.fixture
def doors(stack: Stack, session: aiohttp.ClientSession) -> Doors:
    return Doors(stack, session, f"t-{uuid4().hex[:10]}")


@pytest.fixture
def strangers(stack: Stack, session: aiohttp.ClientSession) -> Doors:
    return Doors(stack, session, f"t-{uuid4().hex[:10]}", subject="eve")
