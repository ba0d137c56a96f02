"""Fixtures for every test: real servers on demand, no way out of this machine, repeatable laws."""

from __future__ import annotations

import ipaddress
import sys
from collections.abc import Iterator

import hypothesis
import pytest

from deploy.local.postgres import Postgres
from deploy.local.stack import Stack
from tests.support import beside
from tests.support.stack import Database, a_database, a_stack, prepare_template

pytest_xdist_make_scheduler = beside.scheduler
pytest_report_to_serializable = beside.writable

_SERVER_FIXTURES = {
    "kafka_servers",
    "postgres_server",
    "database",
    "stack",
    "servers",
    "ground",
    "rebuilding",
}

hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None)
hypothesis.settings.register_profile(
    "fuzz", max_examples=10_000, deadline=None, print_blob=True, derandomize=False
)
hypothesis.settings.load_profile("repeatable")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark a test as one that needs servers for the only reason that it asks for one, and say what runs when."""
    for item in items:
        if isinstance(item, pytest.Function) and _SERVER_FIXTURES & set(item.fixturenames):
            item.add_marker(pytest.mark.servers)
    beside.arrange(items)


def _refuse_the_outside(event: str, arguments: tuple[object, ...]) -> None:
    if event != "socket.connect":
        return
    address = arguments[1]
    host = address[0] if isinstance(address, tuple) else None
    if isinstance(host, str) and host != "localhost" and not ipaddress.ip_address(host).is_loopback:
        message = f"a test may not reach {host}"
        raise PermissionError(message)


sys.addaudithook(_refuse_the_outside)


@pytest.fixture(scope="session")
def servers() -> Iterator[Stack]:
    """The stack of this run, of which each fixture below starts what it needs."""
    with a_stack() as stack:
        yield stack


@pytest.fixture(scope="session")
def kafka_servers(servers: Stack) -> str:
    """The bootstrap address of a real Kafka; topics are the tests' own, so name them uniquely."""
    servers.broker.start()
    return servers.kafka


@pytest.fixture(scope="session")
def postgres_server(servers: Stack) -> Postgres:
    """A real PostgreSQL, with the template of `database`."""
    servers.postgres.start()
    prepare_template(servers.postgres)
    return servers.postgres


@pytest.fixture
def bare_database(postgres_server: Postgres) -> Iterator[Database]:
    """A fresh database of a real PostgreSQL, without tables."""
    with a_database(postgres_server) as fresh:
        yield fresh


@pytest.fixture
def database(bare_database: Database) -> Database:
    """A database of one test's own; in the folders of a service it is that service's, migrated and empty."""
    return bare_database


@pytest.fixture(scope="session")
def stack(servers: Stack) -> Stack:
    """Four real services over real Kafka and PostgreSQL; one stack for the whole run."""
    servers.start()
    return servers
