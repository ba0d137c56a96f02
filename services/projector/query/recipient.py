"""One person: who it is, what became of all mails to them, what their opens are worth, and each mail, newest first.

A person is named by a ref, or by the caller's own id, which may stand for several refs: one for each address.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from schemas.instant import Instant
from services.projector.query import reliability, shapes
from services.projector.query.filters import MessageFilter, person
from services.projector.query.kpis import read_refs
from services.projector.query.paging import read_page
from services.projector.query.parameters import PageOf
from services.projector.query.reliability import Judged
from services.projector.query.scope import Scope
from services.projector.query.selection import message_conditions
from services.projector.query.shapes import INTERACTIONS, Fields, Shape
from services.projector.query.standing import Standing
from services.runtime.postgres import Connection, Queries, Row
from services.runtime.problem import Problem, Slug

QUERIES: Final = Queries.load(__package__ or "", "recipient.sql")

# The rules of older opens change nothing in what to think of the next one.
MESSAGES_JUDGED: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A person whom the caller has written to, or may see the mails to."""

    scope: Scope
    refs: Sequence[str]
    row: Row


async def find(connection: Connection, scope: Scope, name: str) -> Known:
    """Find a person; one nobody has written to and one whom only others have written to are the same 404."""
    refs = await read_refs(connection, scope, *person(name)) or []
    row = await connection.fetchrow(QUERIES["person"], scope.tenant, refs, scope.owner)
    if row is None:
        raise Problem(Slug.NOT_FOUND, "You have no email to a recipient of this name.", field="id")
    return Known(scope=scope, refs=refs, row=row)


async def whole(
    connection: Connection, known: Known, standing: Standing, page_of: PageOf, now: Instant
) -> Shape:
    """Read a person with one page of the mails to them."""
    scope, refs = known.scope, known.refs
    totals = await connection.fetchrow(QUERIES["totals"], scope.tenant, refs, scope.owner)
    if totals is None:
        raise LookupError("an aggregate without a row")
    conditions = message_conditions(scope, MessageFilter(followed=None))
    conditions.add(QUERIES["where_refs"], refs)
    page = await read_page(
        connection,
        QUERIES["history"],
        conditions,
        page_of.order,
        after=page_of.after,
        limit=page_of.limit,
    )
    return {
        "recipient": _identity(known),
        "totals": shapes.figures(standing.seen(totals)),
        "open_reliability": await _reliability(connection, known, totals)
        if standing.engaged
        else None,
        "data": [_mail(standing.seen(row), now) for row in page.rows],
        "next": page_of.cursor(page.next),
    }


def _identity(known: Known) -> Shape:
    named: dict[str, Any] = known.row["one"] or {}
    return {
        "ref": known.row["ref"],
        "refs": known.refs,
        **{name: named.get(name) for name in ("id", "name", "address")},
        "kind": known.row["kind"],
        "time_zone": known.row["time_zone"],
    }


async def _reliability(connection: Connection, known: Known, totals: Row) -> Shape:
    scope = known.scope
    rows = await connection.fetch(
        QUERIES["rules"], scope.tenant, known.refs, scope.owner, MESSAGES_JUDGED
    )
    return reliability.shape(
        [
            Judged(agent=row["agent"], rule=row["rule"], human=row["human"], opens=row["opens"])
            for row in rows
        ],
        reacted=totals["reacted_count"],
        reacted_unopened=totals["reacted_unopened_count"],
    )


def _mail(row: Fields, now: Instant) -> Shape:
    return {
        "id": str(row["message_id"]),
        "subject": row["subject"],
        "owner": row["owner"],
        "regarding": row["regarding"],
        "sent_at": shapes.moment(row["sent_at"]),
        "ref": row["ref"],
        "field": row["field"],
        "followed": row["followed"],
        "reason": shapes.reason(row["reason"]),
        "status": shapes.state(row, now),
        **shapes.interactions(row, *INTERACTIONS),
    }
