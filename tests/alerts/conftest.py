"""Fixtures of the alerts' tests."""

from collections.abc import AsyncIterator, Iterator

import pytest

from deploy.local.postgres import Postgres
from services.alerts.app import PACKAGES, SCHEMA
from tests.alerts.given import Given, open_doors
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
async def given(database: Database) -> AsyncIterator[Given]:
    """The doors over a database of the test's own."""
    async with open_doors(database) as doors:
        yield doors
