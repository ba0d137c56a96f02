"""Instants: whole microseconds since the Unix epoch, UTC; RFC 3339 on the wire."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final, NewType

Instant = NewType("Instant", int)
"""Microseconds since 1970-01-01T00:00:00Z."""

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)
SECOND: Final = 1_000_000
EARLIEST: Final = (datetime(1, 1, 1, tzinfo=UTC) - EPOCH) // MICROSECOND
LATEST: Final = (datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC) - EPOCH) // MICROSECOND
RFC3339: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)


def parse(text: str) -> Instant:
    """Read an RFC 3339 date-time with its offset; digits past the microsecond are cut.

    Raises ``ValueError`` when the text is not one.
    """
    if not RFC3339.fullmatch(text):
        raise ValueError("not an RFC 3339 date-time with an offset")
    instant = Instant((datetime.fromisoformat(text.upper()) - EPOCH) // MICROSECOND)
    if not EARLIEST <= instant <= LATEST:
        raise ValueError("outside the years 1 to 9999 in UTC")
    return instant


def from_datetime(moment: datetime) -> Instant:
    """Convert an aware ``datetime``; a naive one raises ``TypeError``."""
    return Instant((moment - EPOCH) // MICROSECOND)


def to_datetime(instant: Instant) -> datetime:
    """Convert to an aware UTC ``datetime``; raises ``OverflowError`` outside the years 1 to 9999."""
    return EPOCH + instant * MICROSECOND


def text(instant: Instant) -> str:
    """Write RFC 3339 in UTC with six decimals and ``Z``."""
    return to_datetime(instant).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"
