"""The query door: who asks, what for, one read-only transaction, an answer.

Every answer says ``as_of`` how fresh it is: every event that Kafka acknowledged before that moment is in it. And it
says whether email ``engagement`` is on.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from importlib.resources import files
from typing import Final

from aiohttp import web
from prometheus_client import CollectorRegistry

from schemas import identity
from schemas.errors import BadIdentity
from schemas.identity import MessageId
from schemas.instant import Instant
from services.projector.query import kpis, lists, message, recipient, timeline
from services.projector.query.exports import Export, Exports
from services.projector.query.failures import Failures
from services.projector.query.filters import MAX_TEXT, REPEATABLE, message_filter, search
from services.projector.query.forms import Form, choose
from services.projector.query.message import Found
from services.projector.query.ordering import ATTACHMENTS, HISTORY, LINKS, RECIPIENTS
from services.projector.query.parameters import (
    KPIS,
    MESSAGE_LIST,
    PAGE,
    PERIODS,
    TEMPLATE_LIST,
    TIMELINE,
    VIEWS,
    PageOf,
    kpi_filter,
    message_page,
    page_of,
    template_page,
)
from services.projector.query.scope import Scope, reading, scope_of
from services.projector.query.shapes import Shape
from services.projector.query.standing import Standing, stand
from services.runtime.access import Verifier
from services.runtime.clock import Clock
from services.runtime.postgres import Connection, Pool
from services.runtime.problem import Problem, Slug, invalid_parameter
from services.runtime.requests import Query, hold_to_text
from services.runtime.web import RequestMetrics, answer
from services.runtime.web import application as door

# It reads no bodies.
MAX_BODY_BYTES: Final = 1024
OPENAPI: Final = files(__package__ or "").joinpath("openapi.json").read_bytes()

POOL: Final = web.AppKey("pool", Pool)
CLOCK: Final = web.AppKey("clock", Clock)
EXPORTS: Final = web.AppKey("exports", Exports)
FAILURES: Final = web.AppKey("failures", Failures)

Part = Callable[[Connection, Found, PageOf], Awaitable[Shape]]


def application(
    *, pool: Pool, verifier: Verifier, registry: CollectorRegistry, clock: Clock
) -> web.Application:
    """Build the query API over a pool of the reader's role, whose statements end by themselves."""
    app = door(
        ROUTES,
        openapi=OPENAPI,
        verifier=verifier,
        max_body_bytes=MAX_BODY_BYTES,
        metrics=RequestMetrics("projector", registry),
    )
    app[POOL] = pool
    app[CLOCK] = clock
    app[FAILURES] = failures = Failures(registry)
    app[EXPORTS] = Exports(pool, failures.count)
    return app


def _asked(request: web.Request) -> Scope:
    """Return what the caller may see; a caller who cannot read JSON gets 406."""
    scope = scope_of(request)
    choose(request.headers.get("Accept", "*/*"), [Form.JSON])
    return scope


def _reading(request: web.Request, scope: Scope) -> AbstractAsyncContextManager[Connection]:
    return reading(request.app[POOL], scope, request.app[FAILURES].count)


async def list_messages(request: web.Request) -> web.StreamResponse:
    """Answer one page of the messages that the caller may see, or all of them as a stream."""
    scope = scope_of(request)
    form = choose(request.headers.get("Accept", "*/*"), list(Form))
    query = Query(request, MESSAGE_LIST, REPEATABLE)
    wanted = message_filter(query)
    page = message_page(query, scope, wanted)
    if form is not Form.JSON:
        export = Export(
            scope=scope,
            wanted=wanted,
            page_of=page,
            form=form,
            most=page.limit if "limit" in request.query else None,
            now=_now(request),
        )
        return await request.app[EXPORTS].send(request, export)
    async with _reading(request, scope) as connection:
        standing = await stand(connection, scope)
        found = await lists.messages(connection, scope, standing, wanted, page, _now(request))
    return _answer(found, standing)


async def show_message(request: web.Request) -> web.Response:
    """Answer one message with all its recipients."""
    scope, message_id = _asked(request), _message_id(request)
    Query(request, ())
    async with _reading(request, scope) as connection:
        standing = await stand(connection, scope)
        found = await message.find(connection, scope, standing, message_id)
        shape = await message.whole(connection, found, _now(request))
    return _answer(shape, standing)


async def show_timeline(request: web.Request) -> web.Response:
    """Answer one page of a message's timeline, complete unless the summary is asked for."""
    scope, message_id = _asked(request), _message_id(request)
    query = Query(request, TIMELINE)
    view = query.choice("view", VIEWS) or "complete"
    page = page_of(query, scope, timeline.ORDER, "timeline", str(message_id), view)
    part = timeline.summary if view == "summary" else timeline.complete
    return await _part(request, scope, message_id, part, page)


async def list_links(request: web.Request) -> web.Response:
    """Answer one page of a message's links."""
    scope, message_id = _asked(request), _message_id(request)
    page = page_of(Query(request, PAGE), scope, LINKS, "links", str(message_id))
    return await _part(request, scope, message_id, message.links, page)


async def list_attachments(request: web.Request) -> web.Response:
    """Answer one page of a message's files, each with who viewed it."""
    scope, message_id = _asked(request), _message_id(request)
    page = page_of(Query(request, PAGE), scope, ATTACHMENTS, "attachments", str(message_id))
    return await _part(request, scope, message_id, message.attachments, page)


async def list_recipients(request: web.Request) -> web.Response:
    """Answer one page of a message's recipients."""
    scope, message_id = _asked(request), _message_id(request)
    page = page_of(Query(request, PAGE), scope, RECIPIENTS, "recipients", str(message_id))
    return await _part(request, scope, message_id, message.recipients, page)


async def list_templates(request: web.Request) -> web.Response:
    """Answer one page of the tenant's templates."""
    scope, query = _asked(request), Query(request, TEMPLATE_LIST)
    words = search(query)
    page = template_page(query, scope, words)
    async with _reading(request, scope) as connection:
        standing = await stand(connection, scope)
        found = await lists.templates(connection, scope, standing, words, page)
    return _answer(found, standing)


async def show_template(request: web.Request) -> web.Response:
    """Answer one template of the tenant."""
    scope, template_id = _asked(request), request.match_info["id"]
    Query(request, ())
    hold_to_text("id", template_id, MAX_TEXT)
    async with _reading(request, scope) as connection:
        standing = await stand(connection, scope)
        found = await lists.template(connection, scope, standing, template_id)
    if found is None:
        raise Problem(Slug.NOT_FOUND, "You have no template of this id.", field="id")
    return _answer(found, standing)


async def show_kpis(request: web.Request) -> web.Response:
    """Answer key figures of a range by day, or of all time by the hour of the week."""
    scope, query = _asked(request), Query(request, KPIS)
    by = query.choice("by", PERIODS) or "day"
    if by != "day":
        for name in ("from", "to"):
            if name in request.query:
                raise invalid_parameter(name, "Hours of the week are of all time.")
    wanted = kpi_filter(query, _now(request))
    read = kpis.by_day if by == "day" else kpis.by_hour_of_week
    async with _reading(request, scope) as connection:
        standing = await stand(connection, scope)
        found = await read(connection, scope, standing, wanted)
    return _answer(found, standing)


async def show_recipient(request: web.Request) -> web.Response:
    """Answer one person, with one page of the mails to them."""
    scope, name = _asked(request), request.match_info["id"]
    hold_to_text("id", name, MAX_TEXT)
    page = page_of(Query(request, PAGE), scope, HISTORY, "recipient", name)
    async with _reading(request, scope) as connection:
        standing = await stand(connection, scope)
        known = await recipient.find(connection, scope, name)
        shape = await recipient.whole(connection, known, standing, page, _now(request))
    return _answer(shape, standing)


async def _part(
    request: web.Request, scope: Scope, message_id: MessageId, part: Part, page: PageOf
) -> web.Response:
    async with _reading(request, scope) as connection:
        standing = await stand(connection, scope)
        found = await message.find(connection, scope, standing, message_id)
        shape = await part(connection, found, page)
    return _answer(shape, standing)


def _answer(shape: Shape, standing: Standing) -> web.Response:
    return answer(shape | standing.shape())


def _now(request: web.Request) -> Instant:
    return Instant(request.app[CLOCK].now())


def _message_id(request: web.Request) -> MessageId:
    try:
        return identity.message_id(request.match_info["id"])
    except BadIdentity as error:
        raise invalid_parameter("id", f"It must be {error.detail}.") from error


# aiohttp's own pattern has no braces, and a caller's ids may: GUIDs are written so
_ID: Final = "{id:[^/]+}"
ROUTES: Final = (
    web.get("/v1/messages", list_messages),
    web.get(f"/v1/messages/{_ID}", show_message),
    web.get(f"/v1/messages/{_ID}/timeline", show_timeline),
    web.get(f"/v1/messages/{_ID}/links", list_links),
    web.get(f"/v1/messages/{_ID}/attachments", list_attachments),
    web.get(f"/v1/messages/{_ID}/recipients", list_recipients),
    web.get("/v1/templates", list_templates),
    web.get(f"/v1/templates/{_ID}", show_template),
    web.get("/v1/kpis", show_kpis),
    web.get(f"/v1/recipients/{_ID}", show_recipient),
)
