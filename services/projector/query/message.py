"""One message: itself, its links, files and recipients. What may not be seen is not there."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from schemas.identity import MessageId
from schemas.instant import Instant
from services.projector.query import shapes
from services.projector.query.paging import Conditions, Page, read_page
from services.projector.query.parameters import PageOf
from services.projector.query.scope import Scope
from services.projector.query.shapes import NOBODY, Personal, Shape
from services.projector.query.standing import Standing
from services.runtime.postgres import Connection, Queries, Row
from services.runtime.problem import Problem, Slug

QUERIES: Final = Queries.load(__package__ or "", "message.sql")

# More than a mail has readers as a rule; how many there are is told beside.
VIEWERS_SHOWN: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A message that the caller may see, and what names people and content in it."""

    scope: Scope
    id: MessageId
    row: Row
    known: Personal
    standing: Standing


async def find(
    connection: Connection, scope: Scope, standing: Standing, message_id: MessageId
) -> Found:
    """Find a message; one that does not exist and one of somebody else's are the same 404."""
    row = await connection.fetchrow(QUERIES["message"], scope.tenant, message_id, scope.owner)
    if row is None:
        raise Problem(Slug.NOT_FOUND, "You have no message of this id.", field="id")
    named = await connection.fetchrow(QUERIES["personal"], scope.tenant, message_id)
    known = NOBODY if named is None else shapes.personal(named["subject"], named["body"])
    return Found(scope=scope, id=message_id, row=row, known=known, standing=standing)


async def whole(connection: Connection, found: Found, now: Instant) -> Shape:
    """Read a message with all its recipients."""
    people = await connection.fetch(QUERIES["people"], found.scope.tenant, found.id)
    return shapes.message(found.standing.seen(found.row), people, found.known, now)


async def links(connection: Connection, found: Found, page_of: PageOf) -> Shape:
    """Read one page of a message's links."""
    page = await _part(connection, "links", found, page_of)
    return {
        "data": [shapes.link(found.standing.seen(row), found.known) for row in page.rows],
        "next": page_of.cursor(page.next),
    }


async def attachments(connection: Connection, found: Found, page_of: PageOf) -> Shape:
    """Read one page of a message's files, each with those who viewed it last."""
    page = await _part(connection, "attachments", found, page_of)
    viewers: defaultdict[int, list[Row]] = defaultdict(list)
    if found.standing.engaged:
        indexes = [row["attachment_index"] for row in page.rows]
        name = (found.scope.tenant, found.id, indexes, VIEWERS_SHOWN)
        for row in await connection.fetch(QUERIES["viewers"], *name):
            viewers[row["attachment_index"]].append(row)
    return {
        "data": [_file(row, viewers[row["attachment_index"]], found) for row in page.rows],
        "next": page_of.cursor(page.next),
    }


def _file(row: Row, viewers: Sequence[Row], found: Found) -> Shape:
    count = viewers[0]["total"] if viewers else 0
    shown = count if found.standing.engaged else None
    return shapes.attachment(found.standing.seen(row), viewers, shown, found.known)


async def recipients(connection: Connection, found: Found, page_of: PageOf) -> Shape:
    """Read one page of a message's recipients."""
    page = await _part(connection, "recipients", found, page_of)
    return {
        "data": [shapes.recipient(found.standing.seen(row), found.known) for row in page.rows],
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
