"""Fixtures of the rebuild's tests."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from deploy.local.stack import Stack
from tests.projector.rebuild.rig import PARTITIONS, Rig, a_rig
from tests.support.brokers import create_topics
from tests.support.stack import a_stack, prepare_template


@pytest.fixture(scope="session")
def rebuilding() -> Iterator[Stack]:
    """A Kafka and a PostgreSQL of our own, since our topics have the names that others use."""
    with a_stack() as stack:
        stack.broker.start()
        asyncio.run(create_topics(stack.kafka, PARTITIONS))
        stack.postgres.start()
        prepare_template(stack.postgres)
        yield stack


@pytest.fixture
async def rig(rebuilding: Stack) -> AsyncIterator[Rig]:
    """Empty topics, an empty database, and a history to be told."""
    async with a_rig(rebuilding) as fresh:
        yield fresh
