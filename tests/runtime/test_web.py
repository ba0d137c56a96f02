import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import orjson
import pytest
from aiohttp import ClientConnectionError, ClientPayloadError, ClientSession, web
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import CollectorRegistry

from services.runtime.errors import Fatal, Transient
from services.runtime.lifecycle import Life
from services.runtime.problem import Problem, Slug
from services.runtime.web import RequestMetrics, answer, application, serve

OPENAPI = b'{"openapi": "3.1.0"}'
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Client = TestClient[web.Request, web.Application]


def raising(error: Exception) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        raise error

    return handler


async def hello(request: web.Request) -> web.Response:
    return answer({"hello": request.match_info.get("name")}, 201)


async def breaks_off(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b"half")
    raise RuntimeError("no more")


ROUTES = [
    web.get("/v1/hello/{name}", hello),
    web.get("/problem", raising(Problem(Slug.CONFLICT, "Taken.", headers={"Retry-After": "9"}))),
    web.get("/transient", raising(Transient("postgres at 10.0.0.1 refused"))),
    web.get("/slow", raising(TimeoutError())),
    web.get("/bug", raising(KeyError("secret-name"))),
    web.get("/moved", raising(web.HTTPFound("/elsewhere"))),
    web.get("/aiohttp", raising(web.HTTPForbidden(reason="internals"))),
    web.get("/breaks-off", breaks_off),
]


@asynccontextmanager
async def door() -> AsyncIterator[tuple[Client, CollectorRegistry]]:
    registry = CollectorRegistry()
    app = application(
        ROUTES,
        openapi=OPENAPI,
        verifier=None,
        max_body_bytes=1000,
        metrics=RequestMetrics("tracker", registry),
    )
    async with TestClient(TestServer(app)) as client:
        yield client, registry


async def test_answers_are_json_that_nobody_caches_and_name_no_software() -> None:
    async with door() as (client, _), client.get("/v1/hello/li") as response:
        assert response.status == 201
        assert await response.json() == {"hello": "li"}
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["Server"] == "inkling"


@pytest.mark.parametrize(
    ("path", "status", "slug"),
    [
        ("/nowhere", 404, "not-found"),
        ("/problem", 409, "conflict"),
        ("/transient", 503, "unavailable"),
        ("/slow", 504, "timeout"),
        ("/bug", 500, "internal"),
        ("/aiohttp", 403, "malformed-request"),
    ],
)
async def test_every_failure_is_a_problem_without_internals(
    path: str, status: int, slug: str
) -> None:
    async with door() as (client, _), client.get(path) as response:
        body = await response.read()
        assert response.status == status
        assert response.content_type == "application/problem+json"
        assert response.headers["Server"] == "inkling"
        told = orjson.loads(body)
        assert told["type"] == f"urn:inkling:problem:{slug}"
        assert (told["status"], told["instance"]) == (status, path)
        for internal in (b"10.0.0.1", b"secret-name", b"internals", b"Traceback"):
            assert internal not in body


async def test_another_method_is_told_the_right_ones() -> None:
    async with door() as (client, _), client.post("/v1/hello/li") as response:
        assert response.status == 405
        assert response.headers["Allow"] == "GET,HEAD"
        assert (await response.json(content_type=None))["type"].endswith(":method-not-allowed")


async def test_what_is_unavailable_says_when_to_come_back() -> None:
    async with door() as (client, _):
        async with client.get("/transient") as response:
            assert response.headers["Retry-After"] == "1"
        async with client.get("/problem") as response:
            assert response.headers["Retry-After"] == "9"


async def test_a_redirect_is_no_error() -> None:
    async with door() as (client, _), client.get("/moved", allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (302, "/elsewhere")


async def test_an_answer_that_broke_off_is_not_passed_for_whole() -> None:
    async with door() as (client, _), client.get("/breaks-off") as response:
        with pytest.raises(ClientPayloadError):
            await response.read()


async def test_the_openapi_document_is_served_as_it_is() -> None:
    async with door() as (client, _), client.get("/openapi.json") as response:
        assert (response.content_type, await response.read()) == ("application/json", OPENAPI)


async def test_requests_are_counted_by_template_and_never_by_path() -> None:
    async with door() as (client, registry):
        for path in ("/v1/hello/li", "/v1/hello/ana", "/nowhere", "/bug", "/breaks-off"):
            (await client.get(path)).close()
        (await client.request("PROPFIND", "/v1/hello/li")).close()

        def count(route: str, method: str, code: str) -> float | None:
            labels = {"route": route, "method": method, "code": code}
            return registry.get_sample_value("inkling_tracker_http_requests_total", labels)

        assert count("/v1/hello/{name}", "GET", "201") == 2
        assert count("unmatched", "GET", "404") == 1
        assert count("/bug", "GET", "500") == 1
        assert count("/breaks-off", "GET", "500") == 1
        assert count("unmatched", "other", "405") == 1
        labels = {"route": "/v1/hello/{name}", "method": "GET"}
        name = "inkling_tracker_http_request_duration_seconds_count"
        assert registry.get_sample_value(name, labels) == 2


@asynccontextmanager
async def a_life(drain_seconds: float) -> AsyncIterator[Life]:
    async with asyncio.TaskGroup() as tasks:
        yield Life("tracker", tasks, drain_seconds)


def plain(*routes: web.AbstractRouteDef) -> web.Application:
    return application(routes, openapi=None, verifier=None, max_body_bytes=1000, metrics=None)


async def test_an_open_request_is_answered_although_the_door_closes() -> None:
    entered, release = asyncio.Event(), asyncio.Event()

    async def slow(request: web.Request) -> web.Response:
        entered.set()
        await release.wait()
        return answer({"kept": True})

    async def get(port: int) -> int:
        async with (
            ClientSession() as session,
            session.get(f"http://127.0.0.1:{port}/slow") as response,
        ):
            return response.status

    async def close(life: Life) -> None:
        await life.stopping.wait()
        release.set()

    async with asyncio.timeout(10), a_life(5) as life:
        async with serve(plain(web.get("/slow", slow)), "127.0.0.1", 0, life) as port:
            request = life.tasks.create_task(get(port))
            await entered.wait()
            life.tasks.create_task(close(life))
            life.stop()
        assert await request == 200
        with pytest.raises(ClientConnectionError):
            await get(port)


async def test_a_request_that_never_ends_does_not_outlast_the_drain() -> None:
    entered = asyncio.Event()

    async def endless(request: web.Request) -> web.Response:
        entered.set()
        await asyncio.Event().wait()
        return web.Response()

    async def get(port: int) -> bool:
        async with ClientSession() as session:
            try:
                await session.get(f"http://127.0.0.1:{port}/endless")
            except ClientConnectionError:
                return True
        return False

    async with asyncio.timeout(10), a_life(0.3) as life:
        async with serve(plain(web.get("/endless", endless)), "127.0.0.1", 0, life) as port:
            request = life.tasks.create_task(get(port))
            await entered.wait()
            life.stop()
        assert await request


async def test_a_taken_port_is_fatal_and_named() -> None:
    async with a_life(1) as life, serve(plain(), "127.0.0.1", 0, life) as port:
        with pytest.raises(Fatal, match=f"127.0.0.1:{port}"):
            async with serve(plain(), "127.0.0.1", port, life):
                pass
