"""The doors of the alerts service: who asks, what for, an answer."""

from importlib.resources import files
from typing import Final

from aiohttp import web
from prometheus_client import CollectorRegistry

from schemas import instant
from schemas.instant import Instant
from services.alerts import cards, cursor, store
from services.alerts.callers import JSON, must_read, scope_of
from services.alerts.cursor import BadCursor, Position
from services.alerts.store import Range
from services.alerts.stream import Streams
from services.runtime.access import Verifier
from services.runtime.postgres import Pool
from services.runtime.problem import FieldError, Problem, Slug, invalid_parameter
from services.runtime.requests import Query
from services.runtime.web import RequestMetrics, answer
from services.runtime.web import application as door

OPENAPI: Final = files("services.alerts").joinpath("openapi.json").read_bytes()
INBOX_PATH: Final = "/v1/alerts"
STREAM_PATH: Final = "/v1/alerts/stream"
DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 500
_PARAMETERS: Final = ("limit", "cursor", "from", "to")
# They read no bodies.
_MAX_BODY_BYTES: Final = 1024
_POOL: Final = web.AppKey("pool", Pool)


def application(
    *, pool: Pool, streams: Streams, verifier: Verifier, registry: CollectorRegistry
) -> web.Application:
    """Build the public doors over a pool of the reader's role, whose statements end by themselves."""
    app = door(
        [
            web.get(STREAM_PATH, streams.open, allow_head=False),
            web.get(INBOX_PATH, list_alerts, allow_head=False),
        ],
        openapi=OPENAPI,
        verifier=verifier,
        max_body_bytes=_MAX_BODY_BYTES,
        metrics=RequestMetrics("alerts", registry),
    )
    app[_POOL] = pool
    return app


async def list_alerts(request: web.Request) -> web.Response:
    """Answer one page of the inbox that the caller may see."""
    scope = scope_of(request)
    must_read(request, JSON)
    query = Query(request, _PARAMETERS)
    within = _range(query)
    limit = query.integer("limit", default=DEFAULT_LIMIT, minimum=1, maximum=MAX_LIMIT)
    bound = cursor.binding(scope.tenant, scope.owner, within.begin, within.end)
    after = _position(bound, request.query.get("cursor"))
    page = await store.inbox(request.app[_POOL], scope, within, after, limit)
    return answer(
        {
            "data": [cards.shown(card) for card in page.cards],
            "next": None if page.next is None else cursor.encode(bound, page.next),
            "as_of": None if page.as_of is None else instant.text(Instant(page.as_of)),
        }
    )


def _range(query: Query) -> Range:
    begin, end = query.instant("from"), query.instant("to")
    if begin is not None and end is not None and end < begin:
        raise invalid_parameter("to", "It must not be before from.")
    return Range(begin=begin, end=end)


def _position(bound: bytes, written: str | None) -> Position | None:
    if written is None:
        return None
    try:
        return cursor.decode(bound, written)
    except BadCursor as error:
        detail = "It does not belong to this inbox with this range; start without one."
        fault = FieldError(field="cursor", detail=detail, slug=Slug.INVALID_CURSOR)
        raise Problem(Slug.INVALID_CURSOR, detail, errors=[fault]) from error
