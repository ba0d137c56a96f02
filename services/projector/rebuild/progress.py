"""How far a rebuild has got and when it will be there. Pure."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from services.runtime.leases import Lane

_WINDOW_SECONDS: Final = 15.0
_HOUR: Final = 3600
_MINUTE: Final = 60


class Place(NamedTuple):
    """How far one lane is folded: live, and beside; None where it was never begun."""

    lane: Lane
    live: int | None
    beside: int | None
    halted: str | None
    age: float | None
    """How old the last moment is up to which live is folded, in seconds; None while nobody is at it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Records folded beside, records that live is ahead, records a second of late, and seconds left at that rate."""

    done: int
    left: int
    rate: float
    seconds_left: float | None

    def line(self) -> str:
        """Write it for a person."""
        total = self.done + self.left
        share = 100.0 if total == 0 else 100.0 * self.done / total
        told = "" if self.seconds_left is None else f", {_span(self.seconds_left)} left"
        return (
            f"{self.done:,} of {total:,} records ({share:.1f} %), {self.rate:,.0f} a second{told}"
        )


class Speedometer:
    """Turns where the lanes stand, time after time, into progress; live moves on meanwhile, and that counts."""

    def __init__(self, begins: Mapping[Lane, int]) -> None:
        """`begins` are the lanes' first offsets in the log, so that what is not there is not counted."""
        self._begins = begins
        self._seen: deque[tuple[float, int, int]] = deque()

    def read(self, places: Sequence[Place], now: float) -> Progress:
        """Take in where the lanes stand at a moment, in seconds of any clock that only goes forward."""
        done = sum(max(0, (one.beside or 0) - self._begin(one)) for one in places)
        left = sum(
            max(0, one.live - max(one.beside or 0, self._begin(one)))
            for one in places
            if one.live is not None
        )
        self._seen.append((now, done, left))
        while len(self._seen) > 2 and now - self._seen[0][0] > _WINDOW_SECONDS:
            self._seen.popleft()
        first_at, first_done, first_left = self._seen[0]
        passed = now - first_at
        if passed <= 0:
            return Progress(done=done, left=left, rate=0.0, seconds_left=None)
        gaining = (first_left - left) / passed
        return Progress(
            done=done,
            left=left,
            rate=(done - first_done) / passed,
            seconds_left=left / gaining if gaining > 0 else None,
        )

    def _begin(self, place: Place) -> int:
        return self._begins.get(place.lane, 0)


def _span(seconds: float) -> str:
    whole = round(seconds)
    if whole >= _HOUR:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"
    if whole >= _MINUTE:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    return f"{whole} s"
