"""`python -m tests.faults.jumping`: the tracker with a time of day that jumps, by each number of `JUMPS` in turn.

Its monotonic clock goes on as ever, as a machine's does when its time of day is corrected.
"""

import os
import sys
import time

from services.runtime import lifecycle
from services.runtime.clock import SystemClock
from services.tracker.workers.command import start

_EVERY_SECONDS = 0.7


class Jumping(SystemClock):
    """A clock that is wrong by one of several amounts, each for a while."""

    jumps = tuple(map(int, os.environ.get("JUMPS", "0").split(",")))

    def now(self) -> int:
        """Return microseconds since the Unix epoch, UTC, as a wrong clock has them."""
        which = int(time.monotonic() / _EVERY_SECONDS) % len(self.jumps)
        return super().now() + self.jumps[which] * 1_000_000


if __name__ == "__main__":
    lifecycle.SystemClock = Jumping  # type: ignore[attr-defined]  # the clock of every life
    start(sys.argv[1:], os.environ)
