"""A journal in memory that keeps the contract of `services.tracker.entry.Journaling`."""

from schemas.instant import Instant, text
from services.tracker.entry import RECORDED_TIME, Entry, Waiter, Where


class MemoryJournal:
    """Keeps entries in `entries`; `where` is what becomes of them, `held` keeps waiters waiting until `release`.

    What was not judged goes to the spool where it would have gone to Kafka.
    """

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.unfiltered: list[Entry] = []
        self.where = Where.KAFKA
        self.held = False
        self._waiting: list[tuple[Entry, Waiter, bool]] = []

    def write(self, entry: Entry, waiter: Waiter, *, filtered: bool = True) -> None:
        """Keep an entry and tell its waiter at once, or when released."""
        if not filtered:
            self.unfiltered.append(entry)
        self._waiting.append((entry, waiter, filtered))
        if not self.held:
            self.release()

    def waiting(self) -> int:
        """Return how many are held."""
        return len(self._waiting)

    def release(self) -> None:
        """Settle what is held."""
        self.held = False
        waiting, self._waiting = self._waiting, []
        for entry, waiter, filtered in waiting:
            where = self.where
            if where is not Where.NOWHERE:
                self.entries.append(entry)
                where = where if filtered else Where.SPOOL
            waiter.settle(where)


def recorded(entry: Entry, at: Instant) -> tuple[tuple[str, bytes], ...]:
    """Return the headers of the record that would be produced then."""
    return (*entry.headers, (RECORDED_TIME, text(at).encode()))
