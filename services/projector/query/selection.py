"""A filter of messages in SQL, and the rare ones found first.

A search or a label is looked for in two ways. What many emails have is met soon on the way through the list; what few
have is found by its own index. So a page is tried on the first rows of the list; where they do not fill it, the index
is asked; and where that finds too many, the list is gone through after all, up to the deadline.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from services.projector.query.filters import Label, MessageFilter
from services.projector.query.ordering import Order
from services.projector.query.paging import Conditions, Page, Walk, read_page, read_walk
from services.projector.query.scope import Scope
from services.projector.query.status import StatusCode
from services.runtime.postgres import Connection, Queries

QUERIES: Final = Queries.load(__package__ or "", "lists.sql")

# Rows of the list that are looked at before an index is asked.
WALKED: Final = 500
# Emails that are sorted anew rather than met in the list's order.
MOST: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A page of messages as it is asked for."""

    scope: Scope
    wanted: MessageFilter
    order: Order
    frame: str


def message_conditions(scope: Scope, wanted: MessageFilter) -> Conditions:
    """Say in SQL which messages are wanted and may be seen, but for search and labels."""
    conditions = Conditions()
    conditions.add(QUERIES["where_tenant"], scope.tenant)
    conditions.add(QUERIES["where_prepared"])
    if wanted.followed is not None:
        conditions.add(QUERIES["where_followed" if wanted.followed else "where_unfollowed"])
    for name, value in (
        ("where_owner", scope.owner),
        ("where_owner", wanted.owner),
        ("where_template", wanted.template),
        ("where_regarding", wanted.regarding),
        ("where_ref", wanted.recipient_ref),
        ("where_person", wanted.recipient_id),
    ):
        if value is not None:
            conditions.add(QUERIES[name], value)
    if wanted.status is not None:
        _add_status(conditions, wanted.status)
    _add_engagement(conditions, wanted)
    return conditions


def _add_engagement(conditions: Conditions, wanted: MessageFilter) -> None:
    for column in wanted.engaged:
        conditions.add(f"m.{column} is not null")
    for column in wanted.not_engaged:
        conditions.add(f"m.{column} is null")
    if wanted.first is not None:
        conditions.add(f"m.{wanted.time} >= {{0}}", wanted.first)
    if wanted.last is not None:
        conditions.add(f"m.{wanted.time} < {{0}}", wanted.last)


def add_rare(conditions: Conditions, wanted: MessageFilter) -> Conditions:
    """Return the conditions with those of search and labels, to be tested row by row."""
    whole = conditions.copy()
    for term in wanted.terms:
        whole.add(QUERIES["where_found"], term)
    for label in wanted.labels:
        if label.value is None:
            whole.add(QUERIES["where_label_named"], label.name)
        else:
            whole.add(QUERIES["where_labelled"], {label.name: label.value})
    return whole


async def read_messages(
    connection: Connection, asked: Asked, conditions: Conditions, walk: Walk
) -> Page:
    """Read one page of messages, in the way that suits what is asked for."""
    order, frame, wanted = asked.order, asked.frame, asked.wanted
    if not (wanted.terms or wanted.labels):
        return await read_page(
            connection, frame, conditions, order, after=walk.after, limit=walk.limit
        )
    page = await read_walk(
        connection, frame, conditions, lambda looked_at: add_rare(looked_at, wanted), order, walk
    )
    if page is not None:
        return page
    whole = add_rare(conditions, wanted)
    ids = await find_rare(connection, asked.scope, wanted)
    if ids is not None:
        whole.add(QUERIES["where_ids"], ids)
    return await read_page(connection, frame, whole, order, after=walk.after, limit=walk.limit)


async def find_rare(
    connection: Connection, scope: Scope, wanted: MessageFilter
) -> Sequence[UUID] | None:
    """Look up what search and labels find; ``None`` where each finds more than are sorted."""
    found: list[Sequence[UUID]] = []
    for label in wanted.labels:
        ids = await _labelled(connection, scope, label)
        if len(ids) <= MOST:
            found.append(ids)
    if wanted.terms:
        ids_or_none = await connection.fetchval(QUERIES["found"], wanted.terms, MOST)
        if ids_or_none is not None:
            found.append(ids_or_none)
    return min(found, key=len, default=None)


async def _labelled(connection: Connection, scope: Scope, label: Label) -> Sequence[UUID]:
    rows = await connection.fetch(
        QUERIES["labelled"], scope.tenant, label.name, label.value, MOST + 1
    )
    return [row["message_id"] for row in rows]


def _add_status(conditions: Conditions, status: StatusCode) -> None:
    for earlier in StatusCode:
        condition = QUERIES[f"status_{earlier}"]
        if earlier is status:
            conditions.add(condition)
            return
        conditions.add(f"not ({condition})")
