"""When an attempt is made again, and when no more: from what came back to what is next. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from services.alerts.webhooks.kinds import Dead, Result, State

STEPS_SECONDS: Final = (0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""How long before each attempt, from the one before: ten attempts over about three days."""

JITTER: Final = 0.2
FAILING_SECONDS: Final = 5 * 86_400
"""After so long with nothing but failures an endpoint is disabled."""

_SECOND: Final = 1_000_000
# They say that the endpoint has too much to do, so it is given twice the time.
_SLOW_DOWN: Final = (Result.THROTTLED, Result.OVERLOADED, Result.TIMEOUT)
_BY_STATUS: Final = {
    410: Result.GONE,
    429: Result.THROTTLED,
    502: Result.OVERLOADED,
    503: Result.OVERLOADED,
    504: Result.OVERLOADED,
}
_BY_HUNDRED: Final = {2: Result.DELIVERED, 3: Result.REDIRECTED, 4: Result.REJECTED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """What a delivery is after an attempt; one that is pending is due at that time."""

    state: State
    due_at: int
    dead_reason: Dead | None = None


def judge(status: int) -> Result:
    """Say what a status code means; only 2xx is a success."""
    return _BY_STATUS.get(status) or _BY_HUNDRED.get(status // 100, Result.FAILED)


def after(
    result: Result, failures: int, now: int, *, wanted_seconds: float | None, fraction: float
) -> Next:
    """Decide what follows an attempt that came after so many failures.

    `wanted_seconds` is the endpoint's own wish (`Retry-After`), honoured from one to two times the step; `fraction`,
    from 0 to 1, is the caller's randomness.
    """
    if result is Result.DELIVERED:
        return Next(state=State.DELIVERED, due_at=now)
    if result is Result.GONE:
        return Next(state=State.DEAD, due_at=now, dead_reason=Dead.ENDPOINT_GONE)
    if failures + 1 >= len(STEPS_SECONDS):
        return Next(state=State.DEAD, due_at=now, dead_reason=Dead.EXHAUSTED)
    wait = _step(result, failures + 1, fraction)
    if wanted_seconds is not None:
        wait = max(
            _jittered(failures + 1, fraction), min(wanted_seconds, 2 * STEPS_SECONDS[failures + 1])
        )
    return Next(state=State.PENDING, due_at=now + round(wait * _SECOND))


def _step(result: Result, number: int, fraction: float) -> float:
    return _jittered(number, fraction) * (2 if result in _SLOW_DOWN else 1)


def _jittered(number: int, fraction: float) -> float:
    return STEPS_SECONDS[number] * (1 - JITTER + 2 * JITTER * fraction)


def retry_after(written: str | None, now: int) -> float | None:
    """Read `Retry-After`, seconds or an HTTP date, as seconds from now; None for what cannot be read."""
    if written is None:
        return None
    text = written.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.fromtimestamp(now / _SECOND, UTC)).total_seconds())
