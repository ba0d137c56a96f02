"""What of a file is due to a client: all of it, a part, or nothing since it has it already (RFC 9110 §13).

Pure; never raises, whatever the headers hold.
"""

import re
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Final, NamedTuple

from schemas import instant
from schemas.instant import Instant
from services.tracker.files import ranges
from services.tracker.files.ranges import Part, Window

_TAG: Final = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\U0010ffff]*")')


class Conditions(NamedTuple):
    """The headers as received; of `If-None-Match` all lines."""

    range: str | None = None
    none_match: str | None = None
    modified_since: str | None = None
    if_range: str | None = None


class Validators(NamedTuple):
    """What tells one content from another: a strong entity tag and the second it was stored in."""

    etag: str
    last_modified: str
    stored: datetime


def validators(digest: str, stored_at: Instant) -> Validators:
    """Derive the validators of a content: equal digests mean equal bytes, so the tag is strong."""
    stored = instant.to_datetime(stored_at).replace(microsecond=0)
    return Validators(f'"{digest}"', format_datetime(stored, usegmt=True), stored)


def unchanged(conditions: Conditions, content: Validators) -> bool:
    """Whether the client has this content already: then 304. A tag counts before a date."""
    if conditions.none_match is not None:
        tags = _TAG.findall(conditions.none_match)
        return conditions.none_match.strip() == "*" or content.etag in tags
    since = _date(conditions.modified_since)
    return since is not None and content.stored <= since


def range_fits(conditions: Conditions, content: Validators) -> bool:
    """Whether a range may be taken from this content: no `If-Range`, or exactly our tag or our date."""
    return conditions.if_range is None or conditions.if_range.strip() in (
        content.etag,
        content.last_modified,
    )


class Due(NamedTuple):
    """What the answer is to be: 200 with all, 206 with a part, 304 or 416 with nothing; the window is what 200 or 206
    give, empty only for an empty file.
    """

    status: int
    window: Window


def due(method: str, asked: Conditions, content: Validators, size: int) -> Due:
    """Decide what is due. Preconditions come before ranges, and ranges are defined for GET alone."""
    whole = Due(200, Window(0, size))
    if unchanged(asked, content):
        return Due(304, Window(0, 0))
    if method != "GET" or not range_fits(asked, content):
        return whole
    match ranges.asked(asked.range, size):
        case Part.WHOLE:
            return whole
        case Part.NONE:
            return Due(416, Window(0, 0))
        case window:
            return Due(206, window)


def _date(header: str | None) -> datetime | None:
    if header is None:
        return None
    try:
        date = parsedate_to_datetime(header)
        return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
