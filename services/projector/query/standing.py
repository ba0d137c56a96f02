"""How an answer stands: how fresh it is, and whether the tenant has email engagement on.

Where engagement is off, what is known of interactions is not shown: the columns are there, empty, with the reason. It
stays in the read models, and is back once engagement is on again.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from services.projector.query import shapes
from services.projector.query.scope import Scope
from services.projector.query.shapes import INTERACTIONS, RATES, Fields, Shape
from services.projector.views import CONSUMER
from services.runtime import checkpoint
from services.runtime.postgres import Connection, Queries

QUERIES: Final = Queries.load(__package__ or "", "standing.sql")
OFF: Final = "engagement_off"
_STANDING: Final = QUERIES["standing"].format(read_to=checkpoint.READ_TO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What every answer says of itself."""

    as_of: int | None
    engaged: bool
    history_from: date | None = None
    """Of days before this, single hits were dropped."""

    def seen(self, row: Fields) -> Fields:
        """Return a row as it may be shown: with empty figures where engagement is off."""
        return row if self.engaged else Emptied(row)

    def history(self) -> Shape:
        """Write from when on the history is whole, for answers that are made of it."""
        begins = self.history_from
        return {
            "history_from": None if begins is None else f"{begins.isoformat()}T00:00:00.000000Z"
        }

    def shape(self) -> Shape:
        """Write the members that every answer ends with."""
        return {
            "engagement": {
                "on": self.engaged,
                "reason": shapes.reason(None if self.engaged else OFF),
            },
            "as_of": shapes.moment(self.as_of),
        }


ALL_KEPT: Final = Standing(as_of=None, engaged=True)
"""The standing of figures that outlive the history."""


class Emptied:
    """A row of which no interaction is told."""

    def __init__(self, row: Fields) -> None:
        self._row = row

    def __getitem__(self, key: str, /) -> Any:
        return None if key in EMPTY else self._row[key]


EMPTY: Final = frozenset(
    {
        f"{whose}{column}"
        for whose in ("", "human_")
        for name, verb in INTERACTIONS.items()
        for column in (name, f"first_{verb}_at", f"last_{verb}_at")
    }
    | {f"{whose}{verb}_count" for whose in ("", "human_") for verb in RATES.values()}
)


async def stand(connection: Connection, scope: Scope) -> Standing:
    """Read how the answers of this transaction stand."""
    row = await connection.fetchrow(_STANDING, CONSUMER, scope.tenant)
    if row is None:
        raise TypeError("a statement without a table has one row")
    return Standing(
        as_of=row["read_to"],
        engaged=row["engagement"] is not False,
        history_from=row["history_from"],
    )
