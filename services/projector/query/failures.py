"""Why a question was not answered although it was one: by which reason it counts, and what the caller is told.

Each is 503 with `Retry-After`, but for what took too long, which is 504: to ask the same again would take as long.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Final

from prometheus_client import CollectorRegistry, Counter

from services.projector.query.named import NAMED
from services.runtime.errors import Transient
from services.runtime.postgres import PoolBusy
from services.runtime.problem import Problem, Slug

_EXAMPLES: Final = ", ".join(f"`{pair.name}`" for pair in NAMED[:: len(NAMED) // 3])


class Reason(StrEnum):
    """Why there was no answer; a metric label."""

    POOL_BUSY = "pool_busy"
    SERVER_FULL = "server_full"
    LOCKED = "locked"
    TOO_SLOW = "too_slow"
    EXPORTS_BUSY = "exports_busy"
    UNREACHABLE = "unreachable"


Count = Callable[[Reason], None]
"""Takes note of one question that was not answered."""

# PostgreSQL's words: too_many_connections, lock_not_available, query_canceled
_BY_STATE: Final = {
    "53300": Reason.SERVER_FULL,
    "55P03": Reason.LOCKED,
    "57014": Reason.TOO_SLOW,
}
_TOLD: Final = {
    Reason.POOL_BUSY: (2, "All connections of this process are in use; come back a little later."),
    Reason.SERVER_FULL: (5, "The database takes no more connections; come back a little later."),
    Reason.LOCKED: (2, "What you ask for is locked for a moment; come back a little later."),
    Reason.EXPORTS_BUSY: (5, "Other exports are running; come back a little later."),
    Reason.UNREACHABLE: (1, "The database is not there at the moment."),
}


class Failures:
    """Counts the questions that were not answered, by reason."""

    def __init__(self, registry: CollectorRegistry) -> None:
        counter = Counter(
            "inkling_projector_reads_failed",
            "Questions not answered, by reason; `too_slow` was answered with 504, all others with 503.",
            ["reason"],
            registry=registry,
        )
        # all from the start, so that a first one is seen as a rise
        self._children = {reason: counter.labels(reason) for reason in Reason}

    def count(self, reason: Reason) -> None:
        """Take note of one."""
        self._children[reason].inc()


def uncounted(reason: Reason) -> None:
    """Take no note, for what is no door."""


def reason_of(error: Transient) -> Reason:
    """Say why PostgreSQL did not answer."""
    if isinstance(error, PoolBusy):
        return Reason.POOL_BUSY
    state = getattr(error.__cause__, "sqlstate", None) or ""
    return _BY_STATE.get(state, Reason.UNREACHABLE)


def problem(reason: Reason) -> Problem:
    """Return what the caller is told."""
    if reason is Reason.TOO_SLOW:
        return Problem(
            Slug.TIMEOUT,
            "The question took too long; narrow it with a filter, or sort by the time that you filter by. Fast at any "
            f"size are, for example, {_EXAMPLES}; the description of the list names them all.",
        )
    seconds, detail = _TOLD[reason]
    return Problem(Slug.UNAVAILABLE, detail, headers={"Retry-After": str(seconds)})


@contextmanager
def told(count: Count) -> Iterator[None]:
    """Make a problem of what PostgreSQL does not do, or not in time, and count it."""
    try:
        yield
    except TimeoutError as error:
        count(Reason.TOO_SLOW)
        raise problem(Reason.TOO_SLOW) from error
    except Transient as error:
        reason = reason_of(error)
        count(reason)
        raise problem(reason) from error
