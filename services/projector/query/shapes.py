"""How rows become the objects of the doors: one shape for each kind of thing, everywhere the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, Protocol

from schemas.instant import SECOND, Instant, text
from services.projector.query.reasons import sentence
from services.projector.query.status import Course, status

Shape = dict[str, object]
"""A JSON object as a door answers it; the OpenAPI document has its schema."""


Member = Mapping[str, Any]
"""A recipient, link or file of a personal record."""


class Fields(Protocol):
    """A row: values by column name."""

    def __getitem__(self, key: str, /) -> Any: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Personal:
    """What names people and content of one message; empty when it was forgotten or has not come yet."""

    subject: str | None = None
    recipients: Mapping[str, Member] = field(default_factory=dict)
    links: Mapping[int, Member] = field(default_factory=dict)
    attachments: Mapping[int, Member] = field(default_factory=dict)


NOBODY: Final = Personal()

# name at the door → the columns' words for its count and its times
INTERACTIONS: Final[Mapping[str, str]] = {
    "opens": "opened",
    "clicks": "clicked",
    "attachment_views": "attachment_viewed",
    "replies": "replied",
}


def personal(subject: str | None, body: Mapping[str, Any]) -> Personal:
    """Index what a message's personal record holds, by ref and by index."""
    return Personal(
        subject=subject,
        recipients={one["ref"]: one for one in body.get("recipients") or ()},
        links={one["index"]: one for one in body.get("links") or ()},
        attachments={one["index"]: one for one in body.get("attachments") or ()},
    )


def moment(instant: int | None) -> str | None:
    """Write a time of the tables as the doors do."""
    if instant is None:
        return None
    seconds, fraction = divmod(instant, SECOND)
    day, second = divmod(seconds, _DAY)
    return f"{_date(day)}{_clock(second)}.{fraction:06d}Z"


# An export writes a dozen times for each of a million rows, so their parts are remembered.
@lru_cache(maxsize=4096)
def _date(day: int) -> str:
    return text(Instant(day * _DAY * SECOND))[:11]


@lru_cache(maxsize=24 * 3600)
def _clock(second: int) -> str:
    return f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"


_DAY: Final = 24 * 3600


def reason(code: str | None) -> Shape | None:
    """Write why something is not followed: the code for programs, a sentence for the seller."""
    return None if code is None else {"code": code, "detail": sentence(code)}


def interactions(row: Fields, *names: str) -> Shape:
    """Write the counts, firsts and lasts of some kinds of interaction: all, and people's."""
    found: Shape = {}
    for name in names:
        count, first, last, human_count, human_first, human_last = _COLUMNS[name]
        found[name] = {
            "count": row[count],
            "first_at": None if (at := row[first]) is None else moment(at),
            "last_at": None if (at := row[last]) is None else moment(at),
            "human": {
                "count": row[human_count],
                "first_at": None if (at := row[human_first]) is None else moment(at),
                "last_at": None if (at := row[human_last]) is None else moment(at),
            },
        }
    return found


_COLUMNS: Final = {
    name: tuple(
        column
        for whose in ("", "human_")
        for column in (f"{whose}{name}", f"{whose}first_{verb}_at", f"{whose}last_{verb}_at")
    )
    for name, verb in INTERACTIONS.items()
}


def message(row: Fields, people: Sequence[Fields], known: Personal, now: Instant) -> Shape:
    """Write one message with those of its recipients that were read."""
    return {
        "id": str(row["message_id"]),
        "subject": known.subject,
        "owner": row["owner"],
        "sent_at": moment(row["sent_at"]),
        "scheduled_at": moment(row["scheduled_at"]),
        # The wish is what the rewriter looks at first, so its reason says whether there was one; in old records too.
        "follow_requested": row["reason"] != "not_requested",
        "followed": row["followed"],
        "reason": reason(row["reason"]),
        "renditions": row["renditions"],
        "template": _template_of(row),
        "regarding": row["regarding"],
        "labels": row["labels"] or {},
        "recipients": [person(one, known) for one in people],
        "recipient_count": row["recipient_count"],
        "status": state(row, now),
        **interactions(row, *INTERACTIONS),
    }


def state(row: Fields, now: Instant) -> Shape:
    """Write what became of a message."""
    found = status(course(row), now)
    return {"code": found.code, "text": found.text}


def course(row: Fields) -> Course:
    """Read off a message's row what its status depends on."""
    return Course(
        followed=bool(row["followed"]),
        sent_at=row["sent_at"],
        scheduled_at=row["scheduled_at"],
        cancelled_at=row["cancelled_at"],
        bounced_at=row["bounced_at"],
        human_replied_at=row["human_last_replied_at"],
        human_clicked_at=row["human_last_clicked_at"],
        human_viewed_at=row["human_last_attachment_viewed_at"],
        human_opened_at=row["human_last_opened_at"],
        opened_at=row["last_opened_at"],
        engaged=row["opens"] is not None,
    )


def _template_of(row: Fields) -> Shape | None:
    if row["template_id"] is None:
        return None
    return {
        "id": row["template_id"],
        "name": row["template_name"],
        "version": row["template_version"],
    }


def identity(ref: str, known: Personal) -> Shape:
    """Write who a ref stands for, as far as that is still known."""
    member = known.recipients.get(ref, {})
    return {"ref": ref, **{name: member.get(name) for name in ("id", "name", "address")}}


def person(row: Fields, known: Personal) -> Shape:
    """Write one recipient without figures, as a message shows it."""
    return {
        **identity(row["ref"], known),
        "kind": row["kind"],
        "field": row["field"],
        "followed": row["followed"],
        "reason": reason(row["reason"]),
    }


def recipient(row: Fields, known: Personal) -> Shape:
    """Write one recipient with the figures."""
    return {
        **person(row, known),
        "time_zone": row["time_zone"],
        **interactions(row, *INTERACTIONS),
    }


def link(row: Fields, known: Personal) -> Shape:
    """Write one link with its clicks."""
    return {
        **link_identity(row["link_index"], known),
        "host": row["host"],
        "followed": row["followed"],
        "reason": reason(row["reason"]),
        **interactions(row, "clicks"),
    }


def link_identity(index: int, known: Personal) -> Shape:
    """Write which link of a mail, where it leads and what it says."""
    member = known.links.get(index, {})
    return {"index": index, "url": member.get("url"), "text": member.get("text")}


def attachment(
    row: Fields, viewers: Sequence[Fields], viewer_count: int | None, known: Personal
) -> Shape:
    """Write one file with its views, and with those of its viewers that were read."""
    return {
        **attachment_identity(row["attachment_index"], known),
        "size": row["size"],
        "content_type": row["content_type"],
        "followed": row["followed"],
        "reason": reason(row["reason"]),
        **interactions(row, "attachment_views"),
        "viewer_count": viewer_count,
        "viewers": [
            {**identity(one["ref"], known), **interactions(one, "attachment_views")}
            for one in viewers
        ],
    }


def attachment_identity(index: int, known: Personal) -> Shape:
    """Write which file of a mail and what it is called."""
    return {"index": index, "name": known.attachments.get(index, {}).get("name")}


RATES: Final[Mapping[str, str]] = {
    "open_rate": "opened",
    "click_rate": "clicked",
    "attachment_view_rate": "viewed",
    "reply_rate": "replied",
}


def template(row: Fields) -> Shape:
    """Write one template: counts of emails, rates with their inputs, and interactions."""
    return {
        "id": row["id"],
        "name": row["name"],
        "version": row["version"],
        **figures(row),
    }


def figures(row: Fields) -> Shape:
    """Write how many emails there were, what became of them, and every interaction."""
    return {
        "email_count": row["email_count"],
        "followed_count": row["followed_count"],
        "emails": {
            verb: {"count": row[f"{verb}_count"], "human": row[f"human_{verb}_count"]}
            for verb in RATES.values()
        },
        **{name: _rate(row, verb) for name, verb in RATES.items()},
        **interactions(row, *INTERACTIONS),
    }


def _rate(row: Fields, verb: str) -> Shape:
    return rate(row[f"human_{verb}_count"], row["followed_count"])


def rate(numerator: int | None, denominator: int) -> Shape:
    """Write a share with what it is made of; there is none of nothing."""
    share = None if numerator is None or not denominator else numerator / denominator
    return {"value": share, "numerator": numerator, "denominator": denominator}
