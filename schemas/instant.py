"""Instants: whole microseconds since the Unix epoch, UTC; RFC 3339 on the wire."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, NewType

Instant = NewType("Instant", int)
"""Microseconds since 1970-01-01T00:00:00Z."""

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)
SECOND: Final = 1_000_000
EARLIEST: Final = (datetime(1, 1, 1, tzinfo=UTC) - EPOCH) // MICROSECOND
LATEST: Final = (datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC) - EPOCH) // MICROSECOND
_WRITTEN: Final = len("2026-11-24T09:30:00.123456Z")
_POINT: Final = ord(".")
_ZULU: Final = ord("Z")
_TO_THE_SECOND: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}", re.ASCII)
RFC3339: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)


@lru_cache(maxsize=1024)
def _seconds(text: str) -> int:
    """Read date and time up to the second, as UTC, in microseconds; raises ``ValueError``."""
    if not _TO_THE_SECOND.fullmatch(text):
        raise ValueError("not a date-time")
    return (datetime.fromisoformat(f"{text}+00:00") - EPOCH) // MICROSECOND


@lru_cache(maxsize=1024)
def _whole_seconds(raw: bytes) -> int:
    return _seconds(raw.decode("ascii"))


@lru_cache(maxsize=1024)
def _text(seconds: int) -> str:
    return to_datetime(Instant(seconds * SECOND)).isoformat().removesuffix("+00:00")


def parse(text: str) -> Instant:
    """Read an RFC 3339 date-time with its offset; digits past the microsecond are cut.

    Raises ``ValueError`` when the text is not one.
    """
    # As we write it, which nearly all are: neighbours in the log share the second.
    if len(text) == _WRITTEN and text[19] == "." and text[26] == "Z" and text.isascii():
        digits = text[20:26]
        if digits.isdigit():
            return Instant(_seconds(text[:19]) + int(digits))
    if not RFC3339.fullmatch(text):
        raise ValueError("not an RFC 3339 date-time with an offset")
    instant = Instant((datetime.fromisoformat(text.upper()) - EPOCH) // MICROSECOND)
    if not EARLIEST <= instant <= LATEST:
        raise ValueError("outside the years 1 to 9999 in UTC")
    return instant


def parse_written(raw: bytes) -> Instant:
    """Read what ``text`` writes, as it lies in a header; raises ``ValueError`` for any other form of an instant."""
    digits = raw[20:26]
    if len(raw) != _WRITTEN or raw[19] != _POINT or raw[26] != _ZULU or not digits.isdigit():
        raise ValueError("not in the form in which we write instants")
    return _whole_seconds(raw[:19]) + int(digits)  # type: ignore[return-value]  # spares a call


def from_datetime(moment: datetime) -> Instant:
    """Convert an aware ``datetime``; a naive one raises ``TypeError``."""
    return Instant((moment - EPOCH) // MICROSECOND)


def to_datetime(instant: Instant) -> datetime:
    """Convert to an aware UTC ``datetime``; raises ``OverflowError`` outside the years 1 to 9999."""
    return EPOCH + instant * MICROSECOND


def text(instant: Instant) -> str:
    """Write RFC 3339 in UTC with six decimals and ``Z``."""
    seconds, microseconds = divmod(instant, SECOND)
    return f"{_text(seconds)}.{microseconds:06d}Z"
