"""What the parameters of a list say: a range of time, and where the list goes on."""

from aiohttp import web

from services.alerts import cursor
from services.alerts.cursor import BadCursor, Position
from services.alerts.store import Range
from services.runtime.problem import FieldError, Problem, Slug, invalid_parameter
from services.runtime.requests import Query


def range_of(query: Query) -> Range:
    """Return the range of `from` and `to`; raises `Problem` when it ends before it begins."""
    begin, end = query.instant("from"), query.instant("to")
    if begin is not None and end is not None and end < begin:
        raise invalid_parameter("to", "It must not be before from.")
    return Range(begin=begin, end=end)


def position_of(bound: bytes, request: web.Request) -> Position | None:
    """Return where the list goes on; raises `Problem` for the cursor of another list."""
    written = request.query.get("cursor")
    if written is None:
        return None
    try:
        return cursor.decode(bound, written)
    except BadCursor as error:
        detail = "It does not belong to this list with this range; start without one."
        fault = FieldError(field="cursor", detail=detail, slug=Slug.INVALID_CURSOR)
        raise Problem(Slug.INVALID_CURSOR, detail, errors=[fault]) from error
