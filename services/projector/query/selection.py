"""A filter of messages in SQL, and the rare ones found first.

A search or a label is looked for in two ways. What many emails have is met soon on the way through the list; what few
have is found by its own index. So the first rows of the list are looked at, and more of them where that promises a full
page; where it does not, or they do not fill it, the index is asked. What it finds is met on the way through the list's
own index where some of it was met already; what seems to lie far off is read at once and sorted. Where the index finds
too many, the list is gone through after all, up to the deadline.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final
from uuid import UUID

from services.projector.query.cursor import Position
from services.projector.query.filters import Label, MessageFilter
from services.projector.query.ordering import Order
from services.projector.query.paging import (
    Conditions,
    Page,
    Sparse,
    Walk,
    gathered,
    read_page,
    read_walk,
)
from services.projector.query.scope import Scope
from services.projector.query.status import StatusCode
from services.runtime.postgres import Connection, Queries

QUERIES: Final = Queries.load(__package__ or "", "lists.sql")

# Rows of the list that are looked at in any case, and those where so many met what is asked for that more may do.
SAMPLED: Final = 150
WALKED: Final = 500
# Emails that an index is let find.
MOST: Final = 50_000
# Of these, as many as are read and sorted sooner than a long list is gone through.
GATHERED: Final = 20_000


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
    connection: Connection,
    asked: Asked,
    conditions: Conditions,
    *,
    after: Position | None,
    limit: int,
) -> Page:
    """Read one page of messages, in the way that suits what is asked for."""
    order, frame, wanted = asked.order, asked.frame, asked.wanted
    if not (wanted.terms or wanted.labels):
        return await read_page(connection, frame, conditions, order, after=after, limit=limit)

    async def walked(looked_at: int) -> Page | Sparse:
        walk = Walk(after=after, limit=limit, looked_at=looked_at)
        add_late = partial(add_rare, wanted=wanted)
        return await read_walk(connection, frame, conditions, add_late, order, walk)

    page = await walked(SAMPLED)
    if isinstance(page, Sparse) and promises(page.met, limit):
        page = await walked(WALKED)
    if isinstance(page, Page):
        return page
    rare = await find_rare(connection, asked.scope, wanted)
    whole = add_found(conditions, rare)
    if page.met == 0 and rare.ids is not None and len(rare.ids) <= GATHERED:
        whole, order = gathered(whole, order)
    return await read_page(connection, frame, whole, order, after=after, limit=limit)


def promises(met: int | None, limit: int) -> bool:
    """Tell whether so many among those sampled promise a page, and the row that says that there are more."""
    return met is not None and met * WALKED > limit * SAMPLED


@dataclass(frozen=True, slots=True, kw_only=True)
class Rare:
    """The ids of emails that were found, and what of the filter is still to be tested on them; without ids, of all."""

    ids: Sequence[UUID] | None
    left: MessageFilter


def add_found(conditions: Conditions, rare: Rare) -> Conditions:
    """Return the conditions with what was found, and with what is still to be tested row by row."""
    whole = add_rare(conditions, rare.left)
    if rare.ids is not None:
        whole.add(QUERIES["where_ids"], rare.ids)
    return whole


async def find_rare(connection: Connection, scope: Scope, wanted: MessageFilter) -> Rare:
    """Look up what search and labels find, and take the fewest; no ids where each finds more than are let be found."""
    found: list[Rare] = []
    for label in wanted.labels:
        ids = await _labelled(connection, scope, label)
        if len(ids) <= MOST:
            others = tuple(one for one in wanted.labels if one != label)
            found.append(Rare(ids=ids, left=replace(wanted, labels=others)))
    if wanted.terms:
        ids_or_none = await connection.fetchval(QUERIES["found"], wanted.terms, MOST)
        if ids_or_none is not None:
            found.append(Rare(ids=ids_or_none, left=replace(wanted, terms=())))
    return min(found, key=_number, default=Rare(ids=None, left=wanted))


def _number(rare: Rare) -> int:
    return len(rare.ids or ())


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
