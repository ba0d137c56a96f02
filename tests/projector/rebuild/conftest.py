"""Fixtures of the rebuild's tests."""

from collections.abc import AsyncIterator, Iterator

import pytest

from deploy.local.stack import Stack
from tests.projector.rebuild.rig import PARTITIONS, Rig, a_rig
from tests.support.brokers import a_whole_stack


@pytest.fixture(scope="session")
def rebuilding() -> Iterator[Stack]:
    """A Kafka and a PostgreSQL of our own, since our topics have the names that others use."""
    with a_whole_stack(PARTITIONS) as stack:
        yield stack


@pytest.fixture
async def rig(rebuilding: Stack) -> AsyncIterator[Rig]:
    """Empty topics, an empty database, and a history to be told."""
    async with a_rig(rebuilding) as fresh:
        yield fresh
