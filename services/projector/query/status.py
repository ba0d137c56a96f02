"""What became of a message, in one word for programs and one phrase for people.

The first that holds; all but the last two look at people only, never at machines.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from schemas.instant import SECOND, Instant, to_datetime

MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAYS_IN_WORDS: Final = 7


class StatusCode(StrEnum):
    """The stable names of what became of a message, in the order in which they are tried."""

    CANCELLED = "cancelled"
    SCHEDULED = "scheduled"
    BOUNCED = "bounced"
    NOT_FOLLOWED = "not_followed"
    REPLIED = "replied"
    CLICKED = "clicked"
    VIEWED = "viewed"
    OPENED = "opened"
    OPENED_BY_MACHINE = "opened_by_machine"
    NOT_OPENED = "not_opened"


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What happened to a message so far; ``human_…`` is the last time a person did it."""

    followed: bool
    sent_at: Instant | None = None
    scheduled_at: Instant | None = None
    cancelled_at: Instant | None = None
    bounced_at: Instant | None = None
    human_replied_at: Instant | None = None
    human_clicked_at: Instant | None = None
    human_viewed_at: Instant | None = None
    human_opened_at: Instant | None = None
    opened_at: Instant | None = None
    engaged: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """A status and how to say it; the phrase is English and counts days in UTC. Empty where it is not to be told."""

    code: StatusCode | None
    text: str | None


NOT_TOLD: Final = Status(code=None, text=None)
ABOUT_SENDING: Final = frozenset(
    {StatusCode.CANCELLED, StatusCode.SCHEDULED, StatusCode.BOUNCED, StatusCode.NOT_FOLLOWED}
)
"""What is told also where email engagement is off."""


def status(course: Course, now: Instant) -> Status:
    """Say what became of a message, as seen at ``now``."""
    code, at = _first(course)
    if not course.engaged and code not in ABOUT_SENDING:
        return NOT_TOLD
    return Status(code=code, text=_phrase(code, at, now))


def ago(then: Instant, now: Instant) -> str:
    """Say how long ago something was: ``just now``, ``5 minutes ago``, ``yesterday``, ``on 3 March``, …"""
    passed = now - then
    if passed < MINUTE:  # also when the edge's clock is ahead of ours
        return "just now"
    if passed < HOUR:
        return _count(passed // MINUTE, "minute")
    moment, today = to_datetime(then), to_datetime(now)
    days = (today.date() - moment.date()).days
    if days == 0:
        return _count(passed // HOUR, "hour")
    if days == 1:
        return "yesterday"
    if days < DAYS_IN_WORDS:
        return _count(days, "day")
    return f"on {_date(moment, today)}"


def _first(course: Course) -> tuple[StatusCode, Instant | None]:
    if course.cancelled_at is not None:
        return StatusCode.CANCELLED, course.cancelled_at
    if course.scheduled_at is not None and course.sent_at is None:
        return StatusCode.SCHEDULED, course.scheduled_at
    if course.bounced_at is not None:
        return StatusCode.BOUNCED, course.bounced_at
    if not course.followed:
        return StatusCode.NOT_FOLLOWED, None
    for code, at in (
        (StatusCode.REPLIED, course.human_replied_at),
        (StatusCode.CLICKED, course.human_clicked_at),
        (StatusCode.VIEWED, course.human_viewed_at),
        (StatusCode.OPENED, course.human_opened_at),
        (StatusCode.OPENED_BY_MACHINE, course.opened_at),
    ):
        if at is not None:
            return code, at
    return StatusCode.NOT_OPENED, None


_WITH_TIME: Final = {
    StatusCode.CANCELLED: "Cancelled",
    StatusCode.BOUNCED: "Bounced",
    StatusCode.REPLIED: "Last replied to",
    StatusCode.CLICKED: "Last clicked",
    StatusCode.VIEWED: "Attachment last viewed",
    StatusCode.OPENED: "Last opened",
    StatusCode.OPENED_BY_MACHINE: "Last opened by a machine",
}
_WITHOUT_TIME: Final = {
    StatusCode.NOT_FOLLOWED: "Not followed",
    StatusCode.NOT_OPENED: "Not yet opened",
}


def _phrase(code: StatusCode, at: Instant | None, now: Instant) -> str:
    if at is None:
        return _WITHOUT_TIME[code]
    if code is StatusCode.SCHEDULED:
        moment = to_datetime(at)
        return f"Scheduled for {_date(moment, to_datetime(now))}, {moment:%H:%M} UTC"
    return f"{_WITH_TIME[code]} {ago(at, now)}"


def _count(number: int, unit: str) -> str:
    return f"{number} {unit}{'' if number == 1 else 's'} ago"


def _date(moment: datetime, today: datetime) -> str:
    year = "" if moment.year == today.year else f" {moment.year}"
    return f"{moment.day} {_MONTHS[moment.month - 1]}{year}"


# strftime's %B follows the machine's locale
_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
