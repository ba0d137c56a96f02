"""What a request asks of a list: filters, order, page size and cursor, read from its query parameters."""

import re
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Final

from schemas.instant import Instant, to_datetime
from services.projector.admission import DAY
from services.projector.query.cursor import BadCursor, Position, binding, decode, encode
from services.projector.query.filters import FILTERS, MAX_TEXT, MessageFilter, person
from services.projector.query.ordering import MESSAGES, TEMPLATES, Order
from services.projector.query.scope import Scope
from services.runtime.problem import FieldError, Problem, Slug, invalid_parameter
from services.runtime.requests import Query

DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 500
# far above any cursor, so that a wrong one is refused as a cursor
MAX_CURSOR: Final = 65536
PAGE: Final = frozenset({"limit", "cursor"})
MESSAGE_LIST: Final = PAGE | FILTERS | {"sort"}
TEMPLATE_LIST: Final = PAGE | {"q", "sort"}
TIMELINE: Final = PAGE | {"view"}
VIEWS: Final = ("summary", "complete")
KPIS: Final = frozenset({"by", "from", "to", "owner", "template", "regarding", "recipient"})
PERIODS: Final = ("day", "hour_of_week")
FIRST_DAY: Final = date(1970, 1, 1)
DAYS_SHOWN: Final = 30
MAX_DAYS: Final = 366
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageOf:
    """Which page of which list: the order, from where on, how many rows."""

    bound: bytes
    order: Order
    after: Position | None
    limit: int

    def cursor(self, position: Position | None) -> str | None:
        """Return the cursor that goes on after a position of this list."""
        return None if position is None else encode(self.bound, position)


def pattern(words: str) -> str:
    """Make a pattern of ``ilike`` that finds a text anywhere, taken literally."""
    escaped = words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


@dataclass(frozen=True, slots=True, kw_only=True)
class KpiFilter:
    """Which figures: of which days (UTC), the first included, the last not; ``None`` is any owner, record or person."""

    first: date
    last: date
    owner: str | None = None
    template: str | None = None
    regarding: str | None = None
    recipient_ref: str | None = None
    recipient_id: str | None = None

    @property
    def particular(self) -> bool:
        """Whether they are of something smaller than an owner."""
        filters = (self.template, self.regarding, self.recipient_ref, self.recipient_id)
        return any(one is not None for one in filters)


def kpi_filter(query: Query, now: Instant) -> KpiFilter:
    """Read the filter of the key figures; without a range they are those of the last days, today included."""
    last = _day(query, "to") or to_datetime(now).date() + timedelta(days=1)
    first = _day(query, "from") or max(FIRST_DAY, last - timedelta(days=DAYS_SHOWN))
    if last < first:
        raise invalid_parameter("to", "It must not be before from.")
    if (last - first).days > MAX_DAYS:
        raise invalid_parameter("from", f"It must be at most {MAX_DAYS} days before to.")
    recipient_ref, recipient_id = person(query.text("recipient", maximum=MAX_TEXT))
    return KpiFilter(
        first=first,
        last=last,
        owner=query.text("owner", maximum=MAX_TEXT),
        template=query.text("template", maximum=MAX_TEXT),
        regarding=query.text("regarding", maximum=MAX_TEXT),
        recipient_ref=recipient_ref,
        recipient_id=recipient_id,
    )


def _day(query: Query, name: str) -> date | None:
    """Read a day, written as such or as its first instant in UTC."""
    written = query.text(name, maximum=MAX_TEXT)
    if written is None:
        return None
    if _DATE.fullmatch(written):
        try:
            day = date.fromisoformat(written)
        except ValueError as error:
            raise invalid_parameter(name, "It must be a day of the calendar.") from error
    else:
        instant = query.instant(name) or 0
        if instant % DAY:
            raise invalid_parameter(name, "It must be a day, or the first instant of one in UTC.")
        day = to_datetime(Instant(instant)).date()
    if day < FIRST_DAY:
        raise invalid_parameter(name, f"It must not be before {FIRST_DAY}.")
    return day


def message_page(query: Query, scope: Scope, wanted: MessageFilter) -> PageOf:
    """Read which page of the message list."""
    # a range has the order of its own time, which is the one that its index has
    usual = f"-{wanted.time}"
    order = MESSAGES.order(query.choice("sort", MESSAGES.choices()) or usual)
    return page_of(query, scope, order, "messages", asdict(wanted))


def template_page(query: Query, scope: Scope, words: str | None) -> PageOf:
    """Read which page of the template list; every role sees the same one."""
    order = TEMPLATES.order(query.choice("sort", TEMPLATES.choices()))
    everybody = Scope(tenant=scope.tenant, owner=None)
    return page_of(query, everybody, order, "templates", words)


def page_of(query: Query, scope: Scope, order: Order, *listed: object) -> PageOf:
    """Read which page of a list in this order; the cursor must be of this list, as ``listed`` says it."""
    bound = binding(scope.tenant, scope.owner, order.name, *listed)
    written = query.text("cursor", maximum=MAX_CURSOR)
    return PageOf(
        bound=bound,
        order=order,
        after=None if written is None else _position(bound, order, written),
        limit=query.integer("limit", default=DEFAULT_LIMIT, minimum=1, maximum=MAX_LIMIT),
    )


def _position(bound: bytes, order: Order, written: str) -> Position:
    try:
        return decode(
            bound,
            written,
            key=order.key_kind,
            nullable=order.nullable,
            tie=order.tie_kind,
        )
    except BadCursor as error:
        detail = "It does not belong to this list with this filter and sort; start without one."
        fault = FieldError(field="cursor", detail=detail, slug=Slug.INVALID_CURSOR)
        raise Problem(Slug.INVALID_CURSOR, detail, errors=[fault]) from error
