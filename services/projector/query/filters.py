"""Which messages a request asks for: the filter of the message list, read from its query parameters."""

from dataclasses import dataclass
from typing import Final

from schemas.identity import REF_PATTERN
from services.projector.query.ordering import ABOUT_MAIL, TIMES
from services.projector.query.status import StatusCode
from services.runtime.problem import invalid_parameter
from services.runtime.requests import Query

MAX_SEARCH: Final = 200
MAX_TEXT: Final = 256
MAX_LABEL: Final = 321
MAX_REPEATED: Final = 8
FILTERS: Final = frozenset(
    {"followed", "owner", "template", "regarding", "recipient", "status", "q"}
    | {"by", "range", "from", "to"}
)
REPEATABLE: Final = frozenset({"label", "engaged", "not_engaged"})
WHO: Final = ("human", "all")
# the words of statuses for what a reader can do → the columns' words
ENGAGEMENTS: Final = {
    "opened": "opened",
    "clicked": "clicked",
    "viewed": "attachment_viewed",
    "replied": "replied",
}
_FOLLOWED: Final = {"true": True, "false": False, "all": None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A label by its name, and its value unless any will do."""

    name: str
    value: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFilter:
    """Which messages; ``None`` is any. The range is of one time of theirs, the first instant included, the last not."""

    followed: bool | None
    owner: str | None = None
    template: str | None = None
    regarding: str | None = None
    status: StatusCode | None = None
    recipient_ref: str | None = None
    recipient_id: str | None = None
    terms: tuple[str, ...] = ()
    labels: tuple[Label, ...] = ()
    engaged: tuple[str, ...] = ()
    not_engaged: tuple[str, ...] = ()
    time: str = "sent_at"
    first: int | None = None
    last: int | None = None

    @property
    def about_engagement(self) -> bool:
        """Whether it asks what readers did, by a column of it."""
        ranged = self.first is not None or self.last is not None
        of_engagement = self.time not in ABOUT_MAIL
        return bool(self.engaged or self.not_engaged) or (ranged and of_engagement)


def message_filter(query: Query) -> MessageFilter:
    """Read the filter of the message list; it lists followed emails unless others are asked for."""
    first, last = query.instant("from"), query.instant("to")
    if first is not None and last is not None and last < first:
        raise invalid_parameter("to", "It must not be before from.")
    recipient_ref, recipient_id = person(query.text("recipient", maximum=MAX_TEXT))
    word = query.choice("status", tuple(StatusCode))
    usual = "false" if word == StatusCode.NOT_FOLLOWED else "true"
    whose = "" if query.choice("by", WHO) == "all" else "human_"
    return MessageFilter(
        followed=_FOLLOWED[query.choice("followed", tuple(_FOLLOWED)) or usual],
        owner=query.text("owner", maximum=MAX_TEXT),
        template=query.text("template", maximum=MAX_TEXT),
        regarding=query.text("regarding", maximum=MAX_TEXT),
        status=None if word is None else StatusCode(word),
        recipient_ref=recipient_ref,
        recipient_id=recipient_id,
        terms=_terms(query),
        labels=tuple(map(_label, query.all("label", maximum=MAX_LABEL, most=MAX_REPEATED))),
        engaged=_columns(query, "engaged", whose),
        not_engaged=_columns(query, "not_engaged", whose),
        time=query.choice("range", TIMES) or "sent_at",
        first=first,
        last=last,
    )


def person(name: str | None) -> tuple[str | None, str | None]:
    """Tell what names a person: a ref, or else the caller's own id."""
    by_ref = name is not None and REF_PATTERN.fullmatch(name) is not None
    return (name, None) if by_ref else (None, name)


def search(query: Query) -> str | None:
    """Read what is searched for; blanks alone are no search."""
    return (query.text("q", maximum=MAX_SEARCH) or "").strip() or None


def _terms(query: Query) -> tuple[str, ...]:
    terms = tuple(dict.fromkeys((search(query) or "").split()))
    if len(terms) > MAX_REPEATED:
        raise invalid_parameter("q", f"It must be at most {MAX_REPEATED} words.")
    return terms


def _label(written: str) -> Label:
    name, colon, value = written.partition(":")
    if not name:
        raise invalid_parameter("label", "It must be a name, or a name, a colon and a value.")
    return Label(name=name, value=value if colon else None)


def _columns(query: Query, name: str, whose: str) -> tuple[str, ...]:
    words = query.all(name, maximum=MAX_TEXT, most=MAX_REPEATED)
    for word in words:
        if word not in ENGAGEMENTS:
            raise invalid_parameter(name, f"It must be one of {', '.join(ENGAGEMENTS)}.")
    return tuple(f"{whose}last_{ENGAGEMENTS[word]}_at" for word in words)
