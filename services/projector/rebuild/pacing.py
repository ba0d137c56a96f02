"""How fast a rebuild may go: no faster than it is told, and giving way when live falls behind. Pure."""

from dataclasses import dataclass
from typing import Final

# A fifth of the time is left to a rebuild that is in live's way, so that it gets on also when live never recovers.
_GIVING_WAY: Final = 4.0
# A turn should not be longer than this when a rate is given.
_TURN_SECONDS: Final = 0.5
_LEAST_RECORDS: Final = 50
MOST_RECORDS: Final = 10_000
"""In a slice: far more than live takes, because nobody waits for what is rebuilt to be seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """What is allowed: records a second at most, and how many seconds live may be behind before it gets our time."""

    rate: float | None = None
    behind_seconds: float = 5.0

    def rest(self, records: int, took: float, behind: float | None) -> float:
        """Return for how many seconds to rest after records that took so long; live is that far behind, if at work."""
        wanted = 0.0 if self.rate is None else max(0.0, records / self.rate - took)
        if behind is not None and behind > self.behind_seconds:
            wanted = max(wanted, took * _GIVING_WAY)
        return wanted

    def slice_records(self, lanes: int) -> int:
        """Return how many records to fold at once, given how many lanes bring as many."""
        if self.rate is None:
            return MOST_RECORDS
        return max(
            _LEAST_RECORDS, min(MOST_RECORDS, int(self.rate * _TURN_SECONDS / max(1, lanes)))
        )
