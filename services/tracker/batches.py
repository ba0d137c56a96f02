"""The batches of the journal: for each partition one that is open, and at most one that Kafka has been offered."""

from enum import StrEnum
from typing import Final

from services.runtime.leases import Lane
from services.tracker.entry import Entry, Waiter

# Key, headers and what Python needs for them; the value comes on top.
_AROUND_BYTES: Final = 1024


class Why(StrEnum):
    """Why events were handed to the spool."""

    OPEN = "open"
    """The circuit was open, or the topic never seen."""
    LATE = "late"
    """Kafka did not acknowledge them in time; it may have them all the same."""
    FAILED = "failed"
    """Their batch failed, or one beside it."""
    FULL = "full"
    """Too many bytes were under way."""
    UNFILTERED = "unfiltered"
    """Who refuses was not known."""
    DRAINING = "draining"


def size_of(entry: Entry) -> int:
    """Return about how many bytes an entry takes while it is under way; asked for each hit, so no sum of its parts."""
    return len(entry.value) + _AROUND_BYTES


class Flight:
    """A batch that was taken out of its partition, to be offered to Kafka or handed to the spool."""

    __slots__ = ("count", "entries", "late", "partition", "sent", "since", "size", "waiters")

    def __init__(self, partition: "Partition", sent: float) -> None:
        self.partition: Final = partition
        self.entries = partition.entries
        self.waiters = partition.waiters
        self.count = len(self.entries)
        self.size = partition.size
        self.since = partition.since
        self.sent = sent
        self.late = False
        """Whether it was handed to the spool; Kafka may take it all the same."""

    def put_back(self, taken: int) -> None:
        """Keep the first entries only; the others are the partition's open batch again, which is empty."""
        partition = self.partition
        partition.entries, partition.waiters = self.entries[taken:], self.waiters[taken:]
        partition.size = sum(map(size_of, partition.entries))
        partition.since = self.since
        partition.due = True
        self.entries, self.waiters = self.entries[:taken], self.waiters[:taken]
        self.size -= partition.size
        self.count = taken


class Partition:
    """The open batch of a partition; the journal fills it in place."""

    __slots__ = ("due", "entries", "flight", "lane", "retired", "since", "size", "waiters")

    def __init__(self, lane: Lane) -> None:
        self.lane: Final = lane
        self.entries: list[Entry] = []
        self.waiters: list[Waiter] = []
        self.size = 0
        self.since = 0.0
        """When its oldest entry came in, at the earliest."""
        self.due = False
        """Whether it is to be sent as soon as no other is under way."""
        self.flight: Flight | None = None
        self.retired = False
        """Whether its producer is gone."""

    def take(self, now: float) -> Flight:
        """Take the open batch out."""
        flight = Flight(self, now)
        self.entries, self.waiters, self.size, self.due = [], [], 0, False
        return flight
