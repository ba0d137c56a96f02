"""The timeline of one message: complete, or the first and last of each type; newest first.

The summary shows the first and the most recent entry of each type, people's and machines' apart: what a person did
never hides behind what a scanner did earlier or later. A download in many requests is one entry there. Prepared, sent
and cancelled are entries in both views.
"""

from typing import Final
from uuid import UUID

from schemas.identity import Tenant
from services.projector.query.cursor import BIGINT, KeyKind, Position
from services.projector.query.entries import Entry, entry, newest_first, older_than, own
from services.projector.query.message import Found
from services.projector.query.ordering import Order
from services.projector.query.parameters import PageOf
from services.projector.query.shapes import Shape
from services.runtime.postgres import Connection, Queries

QUERIES: Final = Queries.load(__package__ or "", "timeline.sql")

ORDER: Final = Order(
    name="-occurred_at",
    key="occurred_at",
    key_kind=KeyKind.INTEGER,
    tie="event_id",
    tie_kind=KeyKind.UUID,
    descending=True,
    nullable=False,
)
NEWEST: Final = Position(key=BIGINT - 1, tie=str(UUID(int=(1 << 128) - 1)))


async def complete(connection: Connection, found: Found, page_of: PageOf) -> Shape:
    """Read one page of everything that happened."""
    after = page_of.after or NEWEST
    rows = await connection.fetch(
        QUERIES["complete"],
        found.scope.tenant,
        found.id,
        after.key,
        UUID(str(after.tie)),
        page_of.limit + 1,
        found.standing.engaged,
    )
    return _page(found, [entry(row, found.known) for row in rows], page_of)


async def summary(connection: Connection, found: Found, page_of: PageOf) -> Shape:
    """Read the first and the last of each type, people's and machines' apart."""
    rows = await connection.fetch(
        QUERIES["summary"], found.scope.tenant, found.id, found.standing.engaged
    )
    return _page(found, [entry(row, found.known) for row in rows], page_of)


def _page(found: Found, read: list[Entry], page_of: PageOf) -> Shape:
    after = page_of.after or NEWEST
    entries = read + own(found.row, Tenant(found.scope.tenant), found.id)
    behind = older_than(newest_first(entries), _integer(after), UUID(str(after.tie)))
    shown = behind[: page_of.limit]
    more = len(behind) > len(shown)
    position = Position(key=shown[-1].at, tie=str(shown[-1].id)) if more else None
    return {
        "data": [one.shape for one in shown],
        "next": page_of.cursor(position),
        **found.standing.history(),
    }


def _integer(position: Position) -> int:
    if not isinstance(position.key, int):
        raise TypeError("a timeline's positions are times")
    return position.key
