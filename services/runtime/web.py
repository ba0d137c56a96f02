"""An HTTP door: routes in, an application out that answers every error as problem+json.

It authenticates, counts and serves its OpenAPI document; what a door does is its service's.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final

import orjson
from aiohttp import http_parser, web
from prometheus_client import CollectorRegistry, Counter, Histogram

from services.runtime.access import Verifier, authenticate
from services.runtime.errors import Fatal, Transient
from services.runtime.lifecycle import Life, contain
from services.runtime.log import get_logger
from services.runtime.problem import CONTENT_TYPE, Problem, Slug
from services.runtime.requests import Query, Validator, parse, read_body, read_json, too_large

__all__ = [
    "Query",
    "RequestMetrics",
    "Validator",
    "answer",
    "answer_written",
    "application",
    "parse",
    "read_body",
    "read_json",
    "serve",
]

log = get_logger(__name__)

OPENAPI_PATH: Final = "/openapi.json"
# Longer than the idle limit of the usual proxies (60 s), so that they close first and no request
# meets a connection that we are closing.
KEEPALIVE_SECONDS: Final = 75.0
# The part of the drain that open requests may use; what they started still has to be flushed.
_DOOR_SHARE: Final = 0.6
_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class RequestMetrics:
    """Counts requests by route, method and code, and how long they took."""

    def __init__(self, service: str, registry: CollectorRegistry) -> None:
        prefix = f"inkling_{service}_http_request"
        self._requests = Counter(
            f"{prefix}s",
            "Requests answered, by route template, method and status code.",
            ["route", "method", "code"],
            registry=registry,
        )
        self._duration = Histogram(
            f"{prefix}_duration_seconds",
            "Time from a request's head to the end of its answer, by route template and method.",
            ["route", "method"],
            buckets=_BUCKETS,
            registry=registry,
        )
        # looking a child up by its labels costs more than counting; routes and codes are few
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def observe(self, route: str, method: str, code: int, seconds: float) -> None:
        """Count one request."""
        key = (route, method if method in _METHODS else "other", code)
        if key not in self._children:
            self._children[key] = (
                self._requests.labels(key[0], key[1], str(code)),
                self._duration.labels(key[0], key[1]),
            )
        counter, histogram = self._children[key]
        counter.inc()
        histogram.observe(seconds)


def application(
    routes: Iterable[web.AbstractRouteDef],
    *,
    openapi: bytes | None,
    verifier: Verifier | None,
    max_body_bytes: int,
    metrics: RequestMetrics | None,
    public: Collection[str] = (),
) -> web.Application:
    """Build the application of one door; only a private one has neither document nor metrics.

    With a verifier every route needs a bearer token, except the OpenAPI document and the route
    templates in `public`; handlers then ask `access.principal` for the role they need.
    """
    open_routes = frozenset({OPENAPI_PATH, *public})

    @web.middleware
    async def door(request: web.Request, handler: _Handler) -> web.StreamResponse:
        begun = asyncio.get_running_loop().time()
        route = template(request)

        async def admitted() -> web.StreamResponse:
            known = request.match_info.http_exception is None
            if verifier is not None and known and route not in open_routes:
                await authenticate(request, verifier)
            return await handler(request)

        def failed(error: Exception) -> web.StreamResponse:
            return _answer_failure(request, route, error)

        code = int(HTTPStatus.INTERNAL_SERVER_ERROR)  # what breaks off counts as this
        try:
            response = await contain(admitted(), failed)
            code = response.status
            return response
        finally:
            if metrics is not None:
                seconds = asyncio.get_running_loop().time() - begun
                metrics.observe(route, request.method, code, seconds)

    async def show_openapi(request: web.Request) -> web.Response:
        return web.Response(
            body=openapi, content_type="application/json", headers={"Cache-Control": "no-cache"}
        )

    app = web.Application(middlewares=[door], client_max_size=max_body_bytes)
    app.add_routes(routes)
    if openapi is not None:
        app.router.add_get(OPENAPI_PATH, show_openapi)
    app.on_response_prepare.append(_name_no_software)
    return app


def answer(
    value: object, status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Answer with JSON that no cache keeps."""
    return answer_written(orjson.dumps(value), status, headers)


def answer_written(
    value: bytes, status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Answer as `answer` does with what is JSON already."""
    return web.Response(
        body=value,
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        | dict(headers or {}),
    )


def template(request: web.Request) -> str:
    """Return the route's template, the only form of a path fit for a metric label or a log."""
    resource = request.match_info.route.resource
    return "unmatched" if resource is None else resource.canonical


@asynccontextmanager
async def serve(app: web.Application, host: str, port: int, life: Life) -> AsyncIterator[int]:
    """Listen while the context is open, giving the port; then stop listening and let requests end.

    Requests that outlast their share of the drain are cancelled.
    """
    if http_parser.HttpRequestParser is http_parser.HttpRequestParserPy:
        raise Fatal("aiohttp's C parser is not loaded; the Python one has had smuggling bugs")
    runner = web.AppRunner(
        app, access_log=None, keepalive_timeout=KEEPALIVE_SECONDS, shutdown_timeout=0.1
    )
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port, backlog=1024)
        try:
            await site.start()
        except OSError as error:
            raise Fatal(f"cannot listen on {host}:{port}: {error.strerror}") from error
        bound: int = runner.addresses[0][1]
        log.info("listening", host=host, port=bound)
        yield bound
        await site.stop()
        await asyncio.sleep(0)  # requests already accepted get to their handlers
        if runner.server is not None:
            runner.server.pre_shutdown()
            await runner.server.shutdown(life.remaining() * _DOOR_SHARE)
    finally:
        await runner.cleanup()


def _answer_failure(request: web.Request, route: str, error: Exception) -> web.StreamResponse:
    if request.writer.output_size > 0 or request.transport is None:
        raise error  # part of an answer is out, or nobody is there: aiohttp closes the connection
    match error:
        case Problem():
            problem = error
        case web.HTTPException() if error.status < HTTPStatus.BAD_REQUEST:
            # aiohttp would have it raised, past the counting
            return web.Response(status=error.status, headers=error.headers)
        case web.HTTPException():
            problem = _from_aiohttp(error, request)
        case Transient():
            problem = Problem(
                Slug.UNAVAILABLE,
                "Something this door depends on is not there at the moment.",
                headers={"Retry-After": "1"},
            )
        case TimeoutError():
            problem = Problem(Slug.TIMEOUT, "Something this door depends on took too long.")
        case _:
            log.error("request_failed", exception=error, route=route, method=request.method)
            problem = Problem(Slug.INTERNAL, "This is our fault, and is logged.")
    return web.Response(
        status=problem.status,
        body=problem.body(request.path),
        content_type=CONTENT_TYPE,
        headers={"Cache-Control": "no-store"} | problem.headers,
    )


_BY_STATUS: Final[Mapping[int, tuple[Slug, str]]] = {
    404: (Slug.NOT_FOUND, "There is no such path."),
    405: (Slug.METHOD_NOT_ALLOWED, "This path has other methods; see the header Allow."),
    406: (Slug.NOT_ACCEPTABLE, "The answer has no form that Accept allows."),
    415: (Slug.UNSUPPORTED_MEDIA_TYPE, "This door does not read that content type."),
}


def _from_aiohttp(error: web.HTTPException, request: web.Request) -> Problem:
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return too_large(request.client_max_size)
    unknown = (Slug.MALFORMED_REQUEST, "The request cannot be understood.")
    slug, detail = _BY_STATUS.get(error.status, unknown)
    kept = {name: error.headers[name] for name in ("Allow",) if name in error.headers}
    return Problem(slug, detail, status=error.status, headers=kept)


async def _name_no_software(request: web.Request, response: web.StreamResponse) -> None:
    response.headers["Server"] = "inkling"
