"""The value that travels from a hit to safety: an event as it will lie in the log, and who waits for it to be safe.

The contract between the doors, the journal and the spool, and nothing else.
"""

from enum import Enum
from typing import Final, NamedTuple, Protocol

from schemas.envelope import Headers
from schemas.identity import Tenant

RECORDED_TIME: Final = "ce_recordedtime"


class Entry(NamedTuple):
    """An event, ready for the log but for `ce_recordedtime`, which whoever produces it adds at each produce.

    `key` is the record's key, from which the partition follows; spool, retry and replay change none of this.
    A tuple, since every hit becomes one.
    """

    tenant: Tenant
    key: bytes
    value: bytes
    headers: Headers

    def size(self) -> int:
        """Return about how many bytes this takes in a batch, before compression."""
        named = sum(len(name) + len(value) + 4 for name, value in self.headers)
        return len(self.key) + len(self.value) + named + 64


class Where(Enum):
    """Where an event is safe in the end."""

    KAFKA = "kafka"
    """Acknowledged by all in-sync replicas."""
    SPOOL = "spool"
    """On this node's disk, after fdatasync; it will be replayed."""
    NOWHERE = "nowhere"
    """Neither would take it in time; it may exist all the same (a late acknowledgement), under the same id."""


class Waiter(Protocol):
    """Who is told, once, what became of an entry."""

    def settle(self, where: Where) -> None:
        """Take the outcome; called in the event loop, must not raise and not block."""
        ...


class Journaling(Protocol):
    """What the doors ask of the journal."""

    def write(self, entry: Entry, waiter: Waiter, *, filtered: bool = True) -> None:
        """Make an entry safe and tell the waiter, which may happen before this returns.

        `filtered=False`: who refuses was not known when it came in; it is judged before it is produced.
        """
        ...


class Spooling(Protocol):
    """What the journal asks of the spool."""

    def put(self, entry: Entry, waiter: Waiter, *, filtered: bool = True) -> None:
        """Write an entry to the disk with the next group commit and tell the waiter SPOOL, or NOWHERE.

        NOWHERE comes at once, with its reason counted, when the spool is full, the tenant has its share, or the
        disk is dead.
        """
        ...

    def problem(self) -> str | None:
        """Return None, or why the spool takes nothing now."""
        ...
