"""The aiohttp front end: from a request to a hit, from an answer to a response. It decides nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from importlib.resources import files
from typing import Final

from aiohttp import HttpVersion10, HttpVersion11, web

from services.runtime.web import application
from services.tracker import clients
from services.tracker.answers import Answer
from services.tracker.clients import Network
from services.tracker.doors import Doors
from services.tracker.files.conditions import Conditions
from services.tracker.files.file_doors import Download, FileDoors
from services.tracker.files.sending import Sender
from services.tracker.front.handover import response_of
from services.tracker.front.wire import MALFORMED, body_refused
from services.tracker.hits import Hit
from services.tracker.metrics import Kind

PIXEL_PATH: Final = "/o/{token}.gif"
CLICK_PATH: Final = "/c/{token}"
ATTACHMENT_PATH: Final = "/a/{token}"
PICTURE_PATH: Final = "/i/{token}"
# No door reads a body.
_MAX_BODY_BYTES: Final = 1024


_Serve = Callable[[str, Hit, Conditions], Awaitable[Answer | Download]]


def public_application(
    doors: Doors, files: FileDoors, sender: Sender, trusted: Sequence[Network]
) -> web.Application:
    """Build the application of the public port."""

    async def pixel(request: web.Request) -> web.Response:
        if request.body_exists:
            doors.refuse_body(Kind.OPEN)
            return _body_refused(request)
        asker = _Asker()
        doors.pixel(request.match_info["token"], hit_of(request, trusted), asker)
        return response_of(await asker.answered)

    async def click(request: web.Request) -> web.Response:
        if request.body_exists:
            doors.refuse_body(Kind.CLICK)
            return _body_refused(request)
        asker = _Asker()
        doors.click(request.match_info["token"], hit_of(request, trusted), asker)
        return response_of(await asker.answered)

    async def give(request: web.Request, kind: Kind, serve: _Serve) -> web.StreamResponse:
        if request.body_exists:
            doors.refuse_body(kind)
            return _body_refused(request)
        hit = hit_of(request, trusted)
        answer = await serve(request.match_info["token"], hit, conditions_of(request))
        if isinstance(answer, Answer):
            return response_of(answer)
        return await sender.send(request, answer)

    async def attachment(request: web.Request) -> web.StreamResponse:
        return await give(request, Kind.ATTACHMENT, files.attachment)

    async def picture(request: web.Request) -> web.StreamResponse:
        return await give(request, Kind.PICTURE, files.picture)

    app = application(
        [
            web.get(PIXEL_PATH, pixel),
            web.get(CLICK_PATH, click),
            web.get(ATTACHMENT_PATH, attachment),
            web.get(PICTURE_PATH, picture),
        ],
        openapi=openapi_document(),
        verifier=None,
        max_body_bytes=_MAX_BODY_BYTES,
        metrics=None,  # the hits are counted; counting requests as well would cost more than the hit
    )
    app.middlewares.insert(0, _well_formed)
    return app


@web.middleware
async def _well_formed(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Refuse what aiohttp's parser lets pass: HTTP 0.9 and 2.0, and a body that is encoded in nothing."""
    known = request.version in (HttpVersion10, HttpVersion11)
    if known and request.headers.get("Transfer-Encoding") != "":
        return await handler(request)
    response = response_of(MALFORMED)
    response.force_close()
    return response


class _Asker:
    """Whoever awaits an answer; gone, it changes nothing."""

    def __init__(self) -> None:
        self.answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

    def answer(self, answer: Answer) -> None:
        if not self.answered.done():
            self.answered.set_result(answer)


def openapi_document() -> bytes:
    """Load the document that describes the public port."""
    return files("services.tracker").joinpath("openapi.json").read_bytes()


def hit_of(request: web.Request, trusted: Sequence[Network]) -> Hit:
    """Collect what a request tells of whoever made it."""
    headers = request.headers
    get = headers.get
    return Hit(
        method=request.method,
        network=clients.network_of(
            request.remote,
            headers.getall("X-Forwarded-For", ()) if trusted else (),
            trusted,
            headers.getall("Forwarded", ()) if trusted else (),
        ),
        user_agent=get("User-Agent"),
        language=get("Accept-Language"),
        purpose=get("Purpose") or get("X-Purpose") or get("X-Moz"),
        sec_purpose=get("Sec-Purpose"),
        range=get("Range"),
        traceparent=get("traceparent"),
    )


def conditions_of(request: web.Request) -> Conditions:
    """Collect what a request says of the content it wants."""
    headers = request.headers
    tags = headers.getall("If-None-Match", None)
    return Conditions(
        range=headers.get("Range"),
        none_match=None if tags is None else ", ".join(tags),
        modified_since=headers.get("If-Modified-Since"),
        if_range=headers.get("If-Range"),
    )


def _body_refused(request: web.Request) -> web.Response:
    response = response_of(body_refused(request.path))
    response.force_close()
    return response
