"""One message: itself, its links, its recipients. What may not be seen is not there."""

from dataclasses import dataclass
from typing import Final

from schemas.identity import MessageId
from schemas.instant import Instant
from services.projector.query import shapes
from services.projector.query.paging import Conditions, Page, read_page
from services.projector.query.parameters import PageOf
from services.projector.query.scope import Scope
from services.projector.query.shapes import NOBODY, Personal, Shape
from services.runtime.postgres import Connection, Queries, Row
from services.runtime.problem import Problem, Slug

QUERIES: Final = Queries.load(__package__ or "", "message.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A message that the caller may see, and what names people and content in it."""

    scope: Scope
    id: MessageId
    row: Row
    known: Personal


async def find(connection: Connection, scope: Scope, message_id: MessageId) -> Found:
    """Find a message; one that does not exist and one of somebody else's are the same 404."""
    row = await connection.fetchrow(QUERIES["message"], scope.tenant, message_id, scope.owner)
    if row is None:
        raise Problem(Slug.NOT_FOUND, "You have no message of this id.", field="id")
    named = await connection.fetchrow(QUERIES["personal"], scope.tenant, message_id)
    known = NOBODY if named is None else shapes.personal(named["subject"], named["body"])
    return Found(scope=scope, id=message_id, row=row, known=known)


async def whole(connection: Connection, found: Found, now: Instant) -> Shape:
    """Read a message with all its recipients."""
    people = await connection.fetch(QUERIES["people"], found.scope.tenant, found.id)
    return shapes.message(found.row, people, len(people), found.known, now)


async def links(connection: Connection, found: Found, page_of: PageOf) -> Shape:
    """Read one page of a message's links."""
    page = await _part(connection, "links", found, page_of)
    return {
        "data": [shapes.link(row, found.known) for row in page.rows],
        "next": page_of.cursor(page.next),
    }


async def recipients(connection: Connection, found: Found, page_of: PageOf) -> Shape:
    """Read one page of a message's recipients."""
    page = await _part(connection, "recipients", found, page_of)
    return {
        "data": [shapes.recipient(row, found.known) for row in page.rows],
        "next": page_of.cursor(page.next),
    }


async def _part(connection: Connection, part: str, found: Found, page_of: PageOf) -> Page:
    conditions = Conditions()
    conditions.add(QUERIES["where_message"], found.scope.tenant, found.id)
    return await read_page(
        connection,
        QUERIES[part],
        conditions,
        page_of.order,
        after=page_of.after,
        limit=page_of.limit,
    )
