"""One page of a list by keyset: rows after a position in a total order, read so that an index can serve them.

A page is read in two steps: rows that have a sort key, then rows that have none. In each step the position is a row
comparison, which goes into the condition of an index; an ``or`` over both would not.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from uuid import UUID

from services.projector.query.cursor import KeyKind, Position, Value
from services.projector.query.ordering import Order
from services.runtime.postgres import Connection, Row


@dataclass(slots=True)
class Conditions:
    """What the rows of a list must fulfil, as SQL with numbered arguments."""

    texts: list[str] = field(default_factory=list)
    arguments: list[object] = field(default_factory=list)

    def add(self, text: str, *values: object) -> None:
        """Add a condition in which ``{0}``, ``{1}``, … stand for the values."""
        places = [self.place(value) for value in values]
        self.texts.append(text.format(*places))

    def place(self, value: object) -> str:
        """Add an argument and return what stands for it."""
        self.arguments.append(value)
        return f"${len(self.arguments)}"

    def copy(self) -> "Conditions":
        """Return the same conditions, to be added to apart."""
        return Conditions(list(self.texts), list(self.arguments))


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Rows in order, and the position to go on from, if there are more."""

    rows: Sequence[Row]
    next: Position | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sparse:
    """No page, because too few rows met the conditions: how many did; ``None`` where none was looked at."""

    met: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A statement and its arguments."""

    text: str
    arguments: Sequence[object]


async def read_page(
    connection: Connection,
    frame: str,
    conditions: Conditions,
    order: Order,
    *,
    after: Position | None,
    limit: int,
) -> Page:
    """Read one page; ``frame`` is a statement with places for ``key``, ``tie``, ``where``, ``order`` and ``limit``."""
    rows: list[Row] = []
    wanted = limit + 1
    if after is None or after.key is not None:
        step = with_key(frame, conditions, order, after, wanted)
        rows += await connection.fetch(step.text, *step.arguments)
    if order.nullable and len(rows) < wanted:
        step = without_key(frame, conditions, order, after, wanted - len(rows))
        rows += await connection.fetch(step.text, *step.arguments)
    return Page(rows=rows[:limit], next=_position(rows[limit - 1]) if len(rows) > limit else None)


def with_key(
    frame: str, conditions: Conditions, order: Order, after: Position | None, limit: int | None
) -> Statement:
    """Ask for rows that have a sort key, behind a position among them."""
    step = conditions.copy()
    if order.nullable:
        step.add(f"{order.key} is not null")
    if after is not None:
        step.add(
            f"({order.key}, {order.tie}) {_beyond(order)} ({{0}}, {{1}})",
            _argument(after.key, order.key_kind),
            _argument(after.tie, order.tie_kind),
        )
    return _statement(frame, step, order, limit, order.source, order.tie)


def without_key(
    frame: str, conditions: Conditions, order: Order, after: Position | None, limit: int | None
) -> Statement:
    """Ask for rows that have no sort key: all of them, or those behind a position among them."""
    step = conditions.copy()
    # where nothing is joined, nothing joined can break ties
    tie = "m.message_id" if order.tie.startswith("p.") else order.tie
    step.add(f"{order.key} is null")
    if after is not None and after.key is None:
        step.add(f"{tie} {_beyond(order)} {{0}}", _argument(after.tie, order.tie_kind))
    return _statement(frame, step, order, limit, order.bare_source, tie)


def _statement(
    frame: str, step: Conditions, order: Order, limit: int | None, source: str, tie_column: str
) -> Statement:
    # asc is the index on (key desc nulls last, tie desc) read backwards, hence its nulls first
    key, tie = ("desc nulls last", "desc") if order.descending else ("asc nulls first", "asc")
    text = frame.format(
        key=order.key,
        tie=tie_column,
        source=source,
        where=" and ".join(step.texts),
        order=f"{order.key} {key}, {tie_column} {tie}",
        # a number in the text, so that a plan made once for all arguments knows that few rows are wanted
        limit="all" if limit is None else int(limit),
    )
    return Statement(text=text, arguments=step.arguments)


def _beyond(order: Order) -> str:
    return "<" if order.descending else ">"


def _argument(value: Value, kind: KeyKind) -> object:
    return UUID(str(value)) if kind is KeyKind.UUID else value


def _position(row: Row) -> Position:
    return Position(key=_written(row["sort_key"]), tie=_written(row["sort_tie"]))


def _written(value: int | float | str | UUID | None) -> Value:
    return str(value) if isinstance(value, UUID) else value


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """How far to go through a list for one page: behind which position, how many rows wanted, how many looked at."""

    after: Position | None
    limit: int
    looked_at: int


async def read_walk(
    connection: Connection,
    frame: str,
    conditions: Conditions,
    add_late: Callable[[Conditions], Conditions],
    order: Order,
    walk: Walk,
) -> Page | Sparse:
    """Read one page from the first rows of a list that meet later conditions; ``Sparse`` when these do not fill it.

    ``add_late`` adds conditions that are tested on the rows looked at and choose no index.
    """
    if order.source != "message m":
        return Sparse(met=None)
    behind = walk.after is not None and walk.after.key is None
    make = without_key if behind else with_key
    inner = make(_LOOKED_AT, conditions, order, walk.after, walk.looked_at)
    step = add_late(Conditions(arguments=list(inner.arguments)))
    source = f"({inner.text}) m"
    statement = _statement(frame, step, order, walk.limit + 1, source, order.tie)
    rows = await connection.fetch(statement.text, *statement.arguments)
    if len(rows) <= walk.limit:
        return Sparse(met=len(rows))
    return Page(rows=rows[: walk.limit], next=_position(rows[walk.limit - 1]))


def gathered(conditions: Conditions, order: Order) -> tuple[Conditions, Order]:
    """Have all rows that meet the conditions read and then sorted, in place of going through the order to them."""
    source = f"({_GATHERED.format(where=' and '.join(conditions.texts))}) m"
    outside = Conditions(texts=["true"], arguments=list(conditions.arguments))
    return outside, replace(order, source=source, bare_source=source)


# `offset 0` keeps PostgreSQL from choosing an index by the order outside.
_GATHERED: Final = "select m.* from message m where {where} offset 0"
_LOOKED_AT: Final = "select m.* from {source} where {where} order by {order} limit {limit}"
