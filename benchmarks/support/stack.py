"""A stack that keeps what it is told: as for tests, but PostgreSQL waits for the disk."""

from collections.abc import Iterator
from contextlib import contextmanager

from deploy.local.ports import free_ports
from deploy.local.stack import Stack
from tests.support.stack import a_directory


@contextmanager
def durable_stack() -> Iterator[Stack]:
    """A stack of its own with fsync on, of which nothing is started yet; stopped and removed afterwards."""
    with a_directory() as directory:
        stack = Stack(directory, free_ports(), fsync=True)
        try:
            yield stack
        finally:
            stack.stop()
