"""How long to wait before the next attempt; pure, so that waiting stays with the caller."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Waits that grow by a factor up to a ceiling; the `jitter` part of each is left to chance."""

    first_seconds: float
    ceiling_seconds: float
    factor: float = 2.0
    jitter: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.first_seconds <= self.ceiling_seconds:
            raise ValueError("the first wait is positive and not above the ceiling")
        if self.factor < 1 or not 0 <= self.jitter <= 1:
            raise ValueError("the factor is at least 1 and jitter between 0 and 1")

    def delay(self, attempt: int, fraction: float) -> float:
        """Return the seconds before attempt number `attempt` (0 is the first retry).

        `fraction`, from 0 to 1, is the caller's randomness: 1 gives the whole wait, 0 the shortest.
        """
        wait = self.first_seconds
        for _ in range(attempt):
            if wait >= self.ceiling_seconds:
                break
            wait *= self.factor
        return min(wait, self.ceiling_seconds) * (1 - self.jitter + self.jitter * fraction)
