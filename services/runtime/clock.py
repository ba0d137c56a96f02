"""The only place that asks what time it is, and how an instant is written at the doors."""

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the time of day and measures durations."""

    def now(self) -> int:
        """Return microseconds since the Unix epoch, UTC; may step when the machine is corrected."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never run backwards, good only for differences."""
        ...


class SystemClock:
    """The clock of this machine."""

    def now(self) -> int:
        """Return microseconds since the Unix epoch, UTC."""
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        """Return seconds that never run backwards."""
        return time.monotonic()


@dataclass(frozen=True, slots=True)
class Deadline:
    """One moment by which several steps must be done together; their budgets do not add up."""

    clock: Clock
    at: float

    @classmethod
    def after(cls, clock: Clock, seconds: float) -> "Deadline":
        """Return the deadline that many seconds from now."""
        return cls(clock, clock.monotonic() + seconds)

    def remaining(self) -> float:
        """Return the seconds left, never negative."""
        return max(0.0, self.at - self.clock.monotonic())

    def expired(self) -> bool:
        """Tell whether nothing is left."""
        return self.remaining() <= 0.0


_RFC3339 = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def parse_instant(written: str) -> int:
    """Read an RFC 3339 time as microseconds since the epoch; finer digits are dropped.

    Raises ValueError for anything else, a missing offset included.
    """
    found = _RFC3339.fullmatch(written)
    if found is None:
        raise ValueError("must be an RFC 3339 time like 2026-01-31T09:30:00Z")
    day, time_of_day, fraction, offset = found.groups()
    digits = (fraction or "")[:6].ljust(6, "0")
    zone = "+00:00" if offset in "Zz" else offset
    try:
        moment = datetime.fromisoformat(f"{day}T{time_of_day}.{digits}{zone}")
        return (moment - _EPOCH) // _MICROSECOND
    except (ValueError, OverflowError):
        raise ValueError("must be a time that exists, like 2026-01-31T09:30:00Z") from None


def format_instant(instant: int) -> str:
    """Write microseconds since the epoch as RFC 3339 in UTC, with microseconds and `Z`."""
    moment = _EPOCH + timedelta(microseconds=instant)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
