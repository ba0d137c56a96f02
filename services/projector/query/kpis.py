"""Key figures of a range, by day, or by the hour of the week over all time; all times are UTC.

Emails stand on the day on which they were sent, with what became of them until now: a rate is of the emails sent then.
Interactions stand on the day on which they happened. The read models hold an owner's figures; those of a record, a
template or a person are worked out from the history of its emails.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from services.projector.admission import DAY
from services.projector.query import shapes
from services.projector.query.filters import MessageFilter
from services.projector.query.paging import Conditions
from services.projector.query.parameters import KpiFilter
from services.projector.query.scope import Scope
from services.projector.query.selection import message_conditions
from services.projector.query.shapes import INTERACTIONS, RATES, Shape
from services.projector.query.standing import ALL_KEPT, Standing
from services.runtime.postgres import Connection, Queries, Row

QUERIES: Final = Queries.load(__package__ or "", "kpis.sql")

EPOCH: Final = date(1970, 1, 1)
HOURS: Final = 168
# Far more addresses than a person has.
REFS_READ: Final = 50
# A hit's id and time agree to the second.
_ID_MARGIN: Final = 2_000
_LARGEST: Final = (1 << 63) - 1

Figures = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    """From one instant to another, the first included, the last not."""

    first: int
    last: int

    def ids(self) -> tuple[UUID, UUID]:
        """Return between which ids its hits lie."""
        low, high = self.first // 1000 - _ID_MARGIN, self.last // 1000 + _ID_MARGIN
        return UUID(int=max(0, low) << 80), UUID(int=min(high << 80, (1 << 128) - 1))


async def by_day(
    connection: Connection, scope: Scope, standing: Standing, wanted: KpiFilter
) -> Shape:
    """Read the figures of a range of days, added up and day by day."""
    if wanted.particular:
        rows = await _days_of(connection, scope, wanted)
    else:
        rows = await connection.fetch(
            QUERIES["days"], scope.tenant, wanted.first, wanted.last, scope.owner, wanted.owner
        )
    found = _merged(rows)
    days = [
        wanted.first + timedelta(days=number) for number in range((wanted.last - wanted.first).days)
    ]
    return {
        "by": "day",
        "from": wanted.first.isoformat(),
        "to": wanted.last.isoformat(),
        **(standing if wanted.particular else ALL_KEPT).history(),
        "totals": shapes.figures(standing.seen(add_up(list(found.values())))),
        "days": [
            {"day": day.isoformat(), **shapes.figures(standing.seen(found.get(day, NOTHING)))}
            for day in days
        ],
    }


async def by_hour_of_week(
    connection: Connection, scope: Scope, standing: Standing, wanted: KpiFilter
) -> Shape:
    """Read the interactions of all time by the hour of the week."""
    if wanted.particular:
        everything = _Span(first=0, last=_LARGEST)
        rows = await _activity(connection, scope, wanted, everything, "by_hour_of_week")
    else:
        rows = await connection.fetch(QUERIES["hours"], scope.tenant, scope.owner, wanted.owner)
    found = _merged(rows)
    hours = [found.get(hour, NOTHING) for hour in range(HOURS)]
    return {
        "by": "hour_of_week",
        **(standing if wanted.particular else ALL_KEPT).history(),
        "totals": shapes.interactions(standing.seen(add_up(hours)), *INTERACTIONS),
        "hours": [
            {
                "weekday": hour // 24 + 1,
                "hour": hour % 24,
                **shapes.interactions(standing.seen(row), *INTERACTIONS),
            }
            for hour, row in enumerate(hours)
        ],
    }


def add_up(rows: Sequence[Figures]) -> Figures:
    """Add figures up: counts by sum, firsts by the earliest, lasts by the latest."""
    return {column: fold([row[column] for row in rows]) for column, fold in _COLUMNS.items()}


def _least(values: Sequence[int | None]) -> int | None:
    return min((value for value in values if value is not None), default=None)


def _greatest(values: Sequence[int | None]) -> int | None:
    return max((value for value in values if value is not None), default=None)


_COLUMNS: Final[Mapping[str, Callable[[Sequence[Any]], Any]]] = {
    "email_count": sum,
    "followed_count": sum,
    **{f"{whose}{verb}_count": sum for verb in RATES.values() for whose in ("", "human_")},
    **{f"{whose}{name}": sum for name in INTERACTIONS for whose in ("", "human_")},
    **{
        f"{whose}first_{verb}_at": _least
        for verb in INTERACTIONS.values()
        for whose in ("", "human_")
    },
    **{
        f"{whose}last_{verb}_at": _greatest
        for verb in INTERACTIONS.values()
        for whose in ("", "human_")
    },
}
NOTHING: Final[Figures] = add_up([])


def _merged(rows: Sequence[Row]) -> Mapping[Any, Figures]:
    """Lay rows of one period over each other, each of which has some of the columns."""
    found: dict[Any, dict[str, Any]] = {}
    for row in rows:
        found.setdefault(row["period"], dict(NOTHING)).update(row.items())
    return found


async def _days_of(connection: Connection, scope: Scope, wanted: KpiFilter) -> list[Row]:
    span = _Span(first=_instant(wanted.first), last=_instant(wanted.last))
    conditions, chosen = await _chosen(connection, scope, wanted)
    text = QUERIES["cohort"].format(
        chosen=chosen, first=conditions.place(span.first), last=conditions.place(span.last)
    )
    cohort = await connection.fetch(text, *conditions.arguments)
    return cohort + await _activity(connection, scope, wanted, span, "by_day")


async def _activity(
    connection: Connection, scope: Scope, wanted: KpiFilter, span: _Span, period: str
) -> list[Row]:
    conditions, chosen = await _chosen(connection, scope, wanted)
    first_id, last_id = span.ids()
    text = QUERIES["activity"].format(
        chosen=chosen,
        tenant=conditions.place(scope.tenant),
        first=conditions.place(span.first),
        last=conditions.place(span.last),
        first_id=conditions.place(first_id),
        last_id=conditions.place(last_id),
        period=QUERIES[period],
    )
    return await connection.fetch(text, *conditions.arguments)


async def _chosen(
    connection: Connection, scope: Scope, wanted: KpiFilter
) -> tuple[Conditions, str]:
    """Say in SQL which mails, or which people's copies of them, the figures are of."""
    conditions = message_conditions(
        scope,
        MessageFilter(
            owner=wanted.owner, template=wanted.template, regarding=wanted.regarding, followed=None
        ),
    )
    refs = await read_refs(connection, scope, wanted.recipient_ref, wanted.recipient_id)
    where = " and ".join(conditions.texts)
    if refs is None:
        return conditions, QUERIES["of_messages"].format(where=where)
    place = conditions.place(refs)
    return conditions, QUERIES["of_people"].format(where=where, refs=place)


async def read_refs(
    connection: Connection, scope: Scope, ref: str | None, person_id: str | None
) -> list[str] | None:
    """Return the refs that stand for a person, as far as the caller may see them; None where nobody is named."""
    if ref is not None:
        return [ref]
    if person_id is None:
        return None
    rows = await connection.fetch(QUERIES["refs"], scope.tenant, person_id, scope.owner, REFS_READ)
    return [row["ref"] for row in rows]


def _instant(day: date) -> int:
    return (day - EPOCH).days * DAY
