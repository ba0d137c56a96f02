"""Fixtures of the projector's tests."""

from collections.abc import AsyncIterator, Iterator

import pytest

from deploy.local.postgres import Postgres
from services.projector.app import PACKAGES, SCHEMA
from tests.projector.store import Store, open_store
from tests.support.shelf import Shelf, a_shelf
from tests.support.stack import Database


@pytest.fixture(scope="session")
def shelf(postgres_server: Postgres) -> Iterator[Shelf]:
    """Where the databases of these tests come from."""
    with a_shelf(postgres_server, SCHEMA, PACKAGES) as shelf:
        yield shelf


@pytest.fixture
def database(shelf: Shelf) -> Iterator[Database]:
    """A migrated and empty database of the test's own."""
    with shelf.database() as database:
        yield database


@pytest.fixture
async def store(database: Database) -> AsyncIterator[Store]:
    """A fold into a fresh database."""
    async with open_store(database) as fresh:
        yield fresh
