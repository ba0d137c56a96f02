"""What a request asks of a list: filters, order, page size and cursor, read from its query parameters."""

from dataclasses import asdict, dataclass
from typing import Final

from schemas.identity import REF_PATTERN
from services.projector.query.cursor import BadCursor, Position, binding, decode, encode
from services.projector.query.ordering import MESSAGES, TEMPLATES, Order
from services.projector.query.scope import Scope
from services.runtime.problem import FieldError, Problem, Slug, invalid_parameter
from services.runtime.requests import Query

DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 500
MAX_SEARCH: Final = 200
MAX_TEXT: Final = 256
# far above any cursor, so that a wrong one is refused as a cursor
MAX_CURSOR: Final = 65536
PAGE: Final = frozenset({"limit", "cursor"})
MESSAGE_LIST: Final = PAGE | {
    "followed", "owner", "template", "regarding", "recipient", "q", "from", "to", "sort",
}  # fmt: skip
TEMPLATE_LIST: Final = PAGE | {"q", "sort"}
TIMELINE: Final = PAGE | {"view"}
VIEWS: Final = ("summary", "complete")


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


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFilter:
    """Which messages; ``None`` is any. Times are of sending, the first included, the last not."""

    followed: bool | None
    owner: str | None
    template: str | None
    regarding: str | None
    recipient_ref: str | None
    recipient_id: str | None
    search: str | None
    sent_from: int | None
    sent_to: int | None


def message_filter(query: Query) -> MessageFilter:
    """Read the filter of the message list; without ``followed`` it lists followed emails."""
    sent_from, sent_to = query.instant("from"), query.instant("to")
    if sent_from is not None and sent_to is not None and sent_to < sent_from:
        raise invalid_parameter("to", "It must not be before from.")
    recipient = query.text("recipient", maximum=MAX_TEXT)
    by_ref = recipient is not None and REF_PATTERN.fullmatch(recipient) is not None
    return MessageFilter(
        followed=_FOLLOWED[query.choice("followed", tuple(_FOLLOWED)) or "true"],
        owner=query.text("owner", maximum=MAX_TEXT),
        template=query.text("template", maximum=MAX_TEXT),
        regarding=query.text("regarding", maximum=MAX_TEXT),
        recipient_ref=recipient if by_ref else None,
        recipient_id=None if by_ref else recipient,
        search=search(query),
        sent_from=sent_from,
        sent_to=sent_to,
    )


_FOLLOWED: Final = {"true": True, "false": False, "all": None}


def search(query: Query) -> str | None:
    """Read what is searched for; blanks alone are no search."""
    return (query.text("q", maximum=MAX_SEARCH) or "").strip() or None


def pattern(words: str) -> str:
    """Make a pattern of ``ilike`` that finds a text anywhere, taken literally."""
    escaped = words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def message_page(query: Query, scope: Scope, wanted: MessageFilter) -> PageOf:
    """Read which page of the message list."""
    order = MESSAGES.order(query.choice("sort", MESSAGES.choices()))
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
