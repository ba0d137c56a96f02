"""Real servers for tests: one Kafka and one PostgreSQL for a whole run, a database for each test."""

from __future__ import annotations

import itertools
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from deploy.local import unprivileged
from deploy.local.ports import free_ports
from deploy.local.postgres import SUPERUSER, Postgres
from deploy.local.processes import AlreadyRunningError, end_leftovers, supervising
from deploy.local.stack import Stack
from deploy.local.unprivileged import CHECKOUT

_RUNS = CHECKOUT / ".run" / "tests"
_TEMPLATE = "inkling_template"
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """A database with the roles and schemas of `roles.sql` and nothing else; one test's own."""

    server: Postgres
    name: str

    def url(self, role: str) -> str:
        """The connection URL of a role: `projector_writer`, `alerts_owner` and so on, or `postgres`."""
        login = role if role == SUPERUSER else f"inkling_{role}"
        return self.server.url(login, self.name)

    def execute(self, script: str) -> str:
        """Run a psql script as the superuser and return what it printed."""
        return self.server.execute(script, self.name)


@contextmanager
def a_directory() -> Iterator[Path]:
    """A directory for one stack that is gone afterwards, with those of runs that were killed."""
    _sweep()
    directory = _RUNS / secrets.token_hex(4)
    with supervising(directory):
        yield directory
        _remove(directory)


@contextmanager
def a_stack(**settings: str) -> Iterator[Stack]:
    """A stack of its own that nothing is started of yet; stopped and removed afterwards."""
    with a_directory() as directory:
        stack = Stack(directory, free_ports(), fsync=False, settings=settings)
        try:
            yield stack
        finally:
            stack.stop()


@contextmanager
def a_database(server: Postgres, template: str = _TEMPLATE) -> Iterator[Database]:
    """A fresh database, copied from a template."""
    name = f"inkling_test_{next(_numbers)}"
    server.execute(f"create database {name} template {template} strategy file_copy")
    try:
        yield Database(server=server, name=name)
    finally:
        server.execute(f"drop database {name} with (force)")


def prepare_template(server: Postgres) -> None:
    """Make what each test's database is copied from."""
    server.prepare(_TEMPLATE)


def _sweep() -> None:
    for directory in _RUNS.glob("*"):
        # One that is held belongs to a run beside this one.
        with suppress(AlreadyRunningError), supervising(directory):
            end_leftovers(directory)
            _remove(directory)


def _remove(directory: Path) -> None:
    # A run beside this one may sweep at the same moment; what it has removed is removed.
    shutil.rmtree(directory, ignore_errors=True)
    shutil.rmtree(unprivileged.place_of(directory / "postgres"), ignore_errors=True)
