"""The lists of messages and templates: filter, order, one page, and what names the people in it."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from schemas.instant import Instant
from services.projector.query import shapes
from services.projector.query.filters import MessageFilter
from services.projector.query.ordering import TEMPLATES
from services.projector.query.paging import Conditions, read_page
from services.projector.query.parameters import PageOf, pattern
from services.projector.query.scope import Scope
from services.projector.query.selection import Asked, message_conditions, read_messages
from services.projector.query.shapes import NOBODY, Personal, Shape
from services.projector.query.standing import Standing
from services.projector.query.status import ABOUT_SENDING
from services.runtime.postgres import Connection, Queries, Row

QUERIES: Final = Queries.load(__package__ or "", "lists.sql")


async def messages(
    connection: Connection,
    scope: Scope,
    standing: Standing,
    wanted: MessageFilter,
    page_of: PageOf,
    now: Instant,
) -> Shape:
    """Read one page of messages."""
    order = page_of.order.told(standing.engaged)
    asked = Asked(scope=scope, wanted=wanted, order=order, frame=QUERIES["messages"])
    conditions = told_conditions(scope, standing, wanted)
    page = await read_messages(
        connection, asked, conditions, after=page_of.after, limit=page_of.limit
    )
    return {
        "data": shaped(standing, page.rows, now),
        "next": page_of.cursor(page.next),
    }


def told_conditions(scope: Scope, standing: Standing, wanted: MessageFilter) -> Conditions:
    """Say in SQL which messages are wanted, as far as that may be told."""
    conditions = message_conditions(scope, wanted)
    of_readers = wanted.about_engagement or wanted.status not in {None, *ABOUT_SENDING}
    if of_readers and not standing.engaged:
        conditions.add(QUERIES["where_untold"])
    return conditions


def shaped(standing: Standing, rows: Iterable[Row], now: Instant) -> list[Shape]:
    """Write rows of messages with whom they went to."""
    return [
        shapes.message(standing.seen(row), row["people"] or (), _personal(row["named"]), now)
        for row in rows
    ]


def _personal(named: Mapping[str, Any] | None) -> Personal:
    return NOBODY if named is None else shapes.personal(named["subject"], named)


async def templates(
    connection: Connection, scope: Scope, standing: Standing, words: str | None, page_of: PageOf
) -> Shape:
    """Read one page of templates; their figures are the tenant's for everybody."""
    conditions = Conditions()
    conditions.add(QUERIES["where_tenant"], scope.tenant)
    if words is not None:
        conditions.add(QUERIES["where_template_found"], pattern(words))
    page = await read_page(
        connection,
        QUERIES["templates"],
        conditions,
        page_of.order.told(standing.engaged),
        after=page_of.after,
        limit=page_of.limit,
    )
    return {
        "data": [shapes.template(standing.seen(row)) for row in page.rows],
        "next": page_of.cursor(page.next),
    }


async def template(
    connection: Connection, scope: Scope, standing: Standing, template_id: str
) -> Shape | None:
    """Read one template of the tenant."""
    conditions = Conditions()
    conditions.add(QUERIES["where_tenant"], scope.tenant)
    conditions.add(QUERIES["where_id"], template_id)
    page = await read_page(
        connection, QUERIES["templates"], conditions, TEMPLATES.order("id"), after=None, limit=1
    )
    return shapes.template(standing.seen(page.rows[0])) if page.rows else None
