"""Whether the directory is asked at all: not for some seconds after it has failed several times in a row. Pure.

A directory that is dead would cost each mail its deadline. So it is left alone for a while; then one call tries it, and
the others go on without it until that one has succeeded.
"""

from typing import Final

FAILURES: Final = 3
REST_SECONDS: Final = 5.0


class Patience:
    """Told what each call came to; times are monotonic seconds."""

    def __init__(self) -> None:
        self._failures = 0
        self._rest_until = 0.0
        self._trying = False

    @property
    def exhausted(self) -> bool:
        """Whether the directory has failed so often that only trials are made."""
        return self._failures >= FAILURES

    def may_ask(self, now: float) -> bool:
        """Tell whether to make a call now; who is told yes must say how it went."""
        if not self.exhausted:
            return True
        if self._trying or now < self._rest_until:
            return False
        self._trying = True
        return True

    def answered(self) -> None:
        """Take note that a call was answered as agreed."""
        self._failures, self._trying = 0, False

    def failed(self, now: float) -> None:
        """Take note that a call failed, in whatever way."""
        self._failures += 1
        self._trying = False
        self._rest_until = now + REST_SECONDS
