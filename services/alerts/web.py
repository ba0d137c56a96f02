"""The doors of the alerts service: who asks, what for, an answer."""

from importlib.resources import files
from typing import Final

from aiohttp import web
from prometheus_client import CollectorRegistry

from schemas import instant
from schemas.instant import Instant
from services.alerts import cards, cursor, store
from services.alerts.callers import JSON, must_read, scope_of
from services.alerts.requests import position_of, range_of
from services.alerts.stream import Streams
from services.alerts.webhooks.doors import Doors
from services.runtime.access import Verifier
from services.runtime.postgres import Pool
from services.runtime.requests import Query
from services.runtime.web import RequestMetrics, answer
from services.runtime.web import application as door

OPENAPI: Final = files("services.alerts").joinpath("openapi.json").read_bytes()
INBOX_PATH: Final = "/v1/alerts"
STREAM_PATH: Final = "/v1/alerts/stream"
DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 500
_PARAMETERS: Final = ("limit", "cursor", "from", "to")
# Enough for an endpoint with the longest URL and description.
_MAX_BODY_BYTES: Final = 16_384
_POOL: Final = web.AppKey("pool", Pool)


def application(
    *,
    pool: Pool,
    streams: Streams,
    webhooks: Doors,
    verifier: Verifier,
    registry: CollectorRegistry,
) -> web.Application:
    """Build the public doors over a pool of the reader's role, whose statements end by themselves."""
    app = door(
        [
            web.get(STREAM_PATH, streams.open, allow_head=False),
            web.get(INBOX_PATH, list_alerts, allow_head=False),
            *webhooks.routes(),
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
    within = range_of(query)
    limit = query.integer("limit", default=DEFAULT_LIMIT, minimum=1, maximum=MAX_LIMIT)
    bound = cursor.binding(scope.tenant, scope.owner, within.begin, within.end)
    after = position_of(bound, request)
    page = await store.inbox(request.app[_POOL], scope, within, after, limit)
    return answer(
        {
            "data": [cards.shown(card) for card in page.cards],
            "next": None if page.next is None else cursor.encode(bound, page.next),
            "as_of": None if page.as_of is None else instant.text(Instant(page.as_of)),
        }
    )
