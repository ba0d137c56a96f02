"""A spool in memory that keeps what `services.tracker.entry.Spooling` promises, and waiters that note their outcome."""

import asyncio
from typing import NamedTuple

from schemas.identity import Tenant
from services.tracker.entry import Entry, Waiter, Where


class Put(NamedTuple):
    """What was given to the spool."""

    entry: Entry
    filtered: bool


class MemorySpool:
    """Takes everything, or nothing while there is `trouble`."""

    def __init__(self) -> None:
        self.taken: list[Put] = []
        self.trouble: str | None = None

    def put(self, entry: Entry, waiter: Waiter, *, filtered: bool = True) -> None:
        """Keep an entry and settle its waiter a little later, or refuse it at once."""
        if self.trouble is not None:
            waiter.settle(Where.NOWHERE)
            return
        self.taken.append(Put(entry, filtered))
        asyncio.get_running_loop().call_soon(waiter.settle, Where.SPOOL)

    def problem(self) -> str | None:
        """Return the trouble that was set."""
        return self.trouble

    def values(self) -> list[bytes]:
        """Return what was taken."""
        return [put.entry.value for put in self.taken]


class Noting:
    """A waiter that remembers what it was told, once."""

    def __init__(self) -> None:
        self.where: Where | None = None
        self._told = asyncio.Event()

    def settle(self, where: Where) -> None:
        """Take the outcome."""
        assert self.where is None, "settled twice"
        self.where = where
        self._told.set()

    async def told(self, seconds: float = 10.0) -> Where:
        """Wait for the outcome."""
        async with asyncio.timeout(seconds):
            await self._told.wait()
        assert self.where is not None
        return self.where


def an_entry(number: int, *, size: int = 0) -> Entry:
    """Return an entry that can be told from others by its value, of at least `size` bytes."""
    value = b'{"n":%d}' % number
    return Entry(
        Tenant("acme"), b"message-%d" % number, value.ljust(size), (("ce_id", b"id-%d" % number),)
    )
