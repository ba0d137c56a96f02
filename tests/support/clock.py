"""A clock that moves only when a test says so."""

START = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z


class ManualClock:
    """Time of day and duration that advance together, by hand."""

    def __init__(self, now: int = START) -> None:
        self._now = now
        self._monotonic = 1000.0

    def now(self) -> int:
        """Return microseconds since the Unix epoch, UTC."""
        return self._now

    def monotonic(self) -> float:
        """Return seconds that never run backwards."""
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Let time pass, for both clocks."""
        self._now += round(seconds * 1_000_000)
        self._monotonic += seconds

    def step(self, seconds: float) -> None:
        """Correct the time of day only, as NTP does; may go backwards."""
        self._now += round(seconds * 1_000_000)
