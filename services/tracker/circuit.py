"""Decides whether hits are offered to Kafka or go to the spool at once: a state machine, told what happens."""

from enum import Enum
from typing import Final

MISSES: Final = 2
"""So many batches in a row without an acknowledgement in time are no accident."""
GOOD_REPLAYS: Final = 3
"""So many of the replay's batches in a row show that Kafka does its work again."""
DOUBT_SECONDS: Final = 10.0
"""After a trial that failed, a connection alone counts for nothing for so long; the replay can shorten it."""


class State(Enum):
    """Where hits go."""

    OPEN = "open"
    """To the spool; nothing is offered to Kafka."""
    TRIAL = "trial"
    """To Kafka; the first miss opens again."""
    CLOSED = "closed"
    """To Kafka."""


class Circuit:
    """Open at first, since nobody is connected.

    Closes when a new producer is up, and the replay, which has a producer of its own, has shown that Kafka works or has
    nothing to show it with. Until the first acknowledgement this is a trial. When one fails, hits have waited in vain;
    it is not repeated at once on the mere ground that there is nothing to replay.
    """

    def __init__(self, kafka_seconds: float) -> None:
        """`kafka_seconds`: within which a batch is to be acknowledged."""
        self._overdue_seconds: Final = 2 * kafka_seconds
        self._up = False
        self._idle = False
        self._replays = 0
        self._misses = 0
        self._since: float | None = None
        self._doubt_until: float | None = None
        self.state = State.OPEN
        self.openings = 0

    def acknowledged(self) -> None:
        """Take note of a batch that Kafka acknowledged in time."""
        self._misses = 0
        if self.state is State.TRIAL:
            self.state = State.CLOSED
            self._doubt_until = None

    def missed(self, now: float) -> None:
        """Take note of a batch that Kafka did not acknowledge in time."""
        if self.state is State.OPEN:
            return
        self._misses += 1
        if self.state is State.TRIAL or self._misses >= MISSES:
            self._open(now)

    def waiting(self, seconds: float, now: float) -> None:
        """Take note of how long Kafka has had the oldest batch that it has not acknowledged."""
        if self.state is not State.OPEN and seconds >= self._overdue_seconds:
            self._open(now)

    def failed(self, now: float) -> None:
        """Take note that a batch failed for good, or that the producer died."""
        self._open(now)

    def came_up(self, now: float) -> None:
        """Take note of a new producer, connected."""
        self._up = True
        self._reconsider(now)

    def replayed(self, now: float) -> None:
        """Take note of a batch of the replay that Kafka acknowledged."""
        self._replays += 1
        self._reconsider(now)

    def replay_failed(self) -> None:
        """Take note of a batch of the replay that Kafka did not acknowledge."""
        self._replays = 0

    def replay_idle(self, now: float, *, idle: bool) -> None:
        """Take note, again and again, of whether the replay has nothing that it could offer to Kafka."""
        self._idle = idle
        self._reconsider(now)

    def open_seconds(self, now: float) -> float:
        """Return how long it has been open, since the first failure; 0 when it is not, or never was closed."""
        return 0.0 if self._since is None else now - self._since

    def _open(self, now: float) -> None:
        if self.state is State.TRIAL:
            self._doubt_until = now + DOUBT_SECONDS
        if self.state is not State.OPEN:
            self.state = State.OPEN
            self.openings += 1
            self._since = now
        self._up = False
        self._replays = 0
        self._misses = 0

    def _reconsider(self, now: float) -> None:
        if self.state is State.OPEN and self._up and self._shown(now):
            self.state = State.TRIAL
            self._misses = 0
            self._since = None

    def _shown(self, now: float) -> bool:
        if not self._idle:
            return self._replays >= GOOD_REPLAYS
        return self._replays > 0 or self._doubt_until is None or now >= self._doubt_until
