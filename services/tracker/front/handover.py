"""aiohttp as the public port needs it, and connections given to it whose requests are not for the small front end.

Its own protocol, stricter in four ways: a later head has its deadline too, a head's whole length is bounded, what is
no request is answered as the small front end does (aiohttp names itself there, and logs the address), and a client
that closes its half after asking gets its answer.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from aiohttp import web
from multidict import CIMultiDict

from services.runtime.log import get_logger
from services.runtime.problem import CONTENT_TYPE, Problem, Slug
from services.tracker.answers import Answer
from services.tracker.front.admission import Place
from services.tracker.front.heads import HEAD_BYTES
from services.tracker.front.sweep import NEVER, Patience, Sweep
from services.tracker.front.traffic import Cut, Traffic
from services.tracker.front.wire import MALFORMED

log = get_logger(__name__)

_END: Final = b"\r\n\r\n"
# No request line and no header may hold it: the parser gives up at once.
_NO_HTTP: Final = b"\0"


class Handler(web.RequestHandler):
    """One connection of aiohttp's."""

    __slots__ = (
        "_deaf",
        "_ended",
        "_head_by",
        "_head_bytes",
        "_left",
        "_place",
        "_stall_seconds",
        "_sweep",
        "_tail",
        "_traffic",
        "_unread_by",
    )

    def __init__(
        self,
        server: web.Server,
        patience: Patience,
        sweep: Sweep,
        traffic: Traffic,
        place: Place,
        left: Callable[[Place], None],
    ) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type]  # it would hold tokens and addresses
            keepalive_timeout=patience.idle_seconds,
            lingering_time=patience.linger_seconds,
        )
        self._sweep: Final = sweep
        self._traffic: Final = traffic
        self._place: Final = place
        self._left: Final = left
        self._stall_seconds: Final = patience.stall_seconds
        # the last bytes, in which the end of a head may have begun
        self._tail = b""
        # how much there is of a head that is not whole, and by when it has to be
        self._head_bytes = 0
        self._head_by = sweep.head_by
        # by when the client has to take something of what it asked for
        self._unread_by = NEVER
        # the client will send no more
        self._ended = False
        # we hear no more
        self._deaf = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Be looked after."""
        super().connection_made(transport)
        self._sweep.add(self)

    def data_received(self, data: bytes) -> None:
        """Have aiohttp parse it head by head: an error in one must not take those before it along.

        Heads are all that is expected, for no door reads a body. aiohttp calls this itself with nothing, to go on.
        """
        if not data:
            super().data_received(data)
            return
        begun = self._head_bytes
        seen = self._tail + data
        at = len(self._tail)
        while at < len(seen) and not self._deaf:
            end = seen.find(_END, max(0, at - len(_END) + 1))
            end = len(seen) if end < 0 else end + len(_END)
            self._take(seen[at:end])
            at = end
        self._tail = seen[1 - len(_END) :]
        if self._head_bytes == 0:
            self._head_by = NEVER
        elif begun == 0 or self._head_bytes < begun:
            self._head_by = self._sweep.head_by

    def _take(self, piece: bytes) -> None:
        self._head_bytes += len(piece)
        if self._head_bytes > HEAD_BYTES or (
            self._head_bytes == HEAD_BYTES and not piece.endswith(_END)
        ):
            self._deaf = True
            super().data_received(_NO_HTTP)
            return
        count = self._request_count
        super().data_received(piece)
        if self._request_count != count:
            self._head_bytes = 0

    def eof_received(self) -> bool:  # type: ignore[override]  # aiohttp's always closes
        """Stay open while something is to be answered."""
        self._ended = True
        return not self.is_idle()

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Write an answer; after the last one to a client that has closed its half, close."""
        done = await super().finish_response(request, resp, start_time)
        if self._ended and not self._messages:
            self.close()
        return done

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is no request, or what failed beyond the application's own care."""
        if request.writer.output_size > 0:
            raise ConnectionError("a part of another answer is out")
        # a header that is no text makes aiohttp fail where it quotes it
        if status == MALFORMED.status or isinstance(exc, UnicodeError):
            self._traffic.cut[Cut.MALFORMED] += 1
            response = response_of(MALFORMED)
        else:
            log.error("request_failed", exception=exc)
            problem = Problem(Slug.INTERNAL, "This is our fault, and is logged.")
            headers = (("Content-Type", CONTENT_TYPE), ("Server", "inkling"))
            response = response_of(Answer(problem.status, headers, problem.body("/")))
        response.force_close()
        return response

    def log_exception(self, *args: object, **told: object) -> None:
        """Log a failure, without the address that aiohttp would name."""
        error = told.get("exc_info")
        log.error("connection_failed", exception=error if isinstance(error, Exception) else None)

    def pause_writing(self) -> None:
        """Give the client some time to read on."""
        super().pause_writing()
        self._unread_by = self._sweep.now + self._stall_seconds

    def resume_writing(self) -> None:
        """Go on."""
        super().resume_writing()
        self._unread_by = NEVER

    def connection_lost(self, exc: BaseException | None) -> None:
        """Give the place back."""
        self._sweep.discard(self)
        if self._manager is not None:
            self._left(self._place)
        super().connection_lost(exc)

    def sweep(self, now: float) -> None:
        """End what has taken too long; between requests aiohttp's own timer does."""
        transport = self.transport
        if transport is None:
            return
        if self._unread_by < now:
            self._traffic.cut[Cut.WRITE] += 1
            transport.abort()
        elif self._head_by < now and self.is_idle():
            self._traffic.cut[Cut.HEAD] += 1
            self.force_close()
        elif self._ended and self.is_idle():
            self.force_close()

    def retire(self) -> None:
        """End if no request is under way."""
        if self.is_idle():
            self.force_close()

    def has_more(self) -> bool:
        """Tell whether another request has come already."""
        return bool(self._messages)

    def is_idle(self) -> bool:
        """Tell whether no request is under way."""
        waiter = self._waiter
        return waiter is not None and not waiter.done() and not self._messages


class Aiohttp:
    """The other front end: takes connections over, and ends with its application."""

    def __init__(
        self, runner: web.AppRunner, patience: Patience, sweep: Sweep, traffic: Traffic
    ) -> None:
        self._runner: Final = runner
        self._patience: Final = patience
        self._sweep: Final = sweep
        self._traffic: Final = traffic

    def take(
        self,
        transport: asyncio.Transport,
        place: Place,
        received: bytes,
        ended: bool,
        left: Callable[[Place], None],
    ) -> None:
        """Serve a connection from these bytes on; its place goes to `left` in the end."""
        server = self._runner.server
        if server is None:
            transport.abort()
            left(place)
            return
        self._traffic.handed += 1
        handler = Handler(server, self._patience, self._sweep, self._traffic, place, left)
        transport.set_protocol(handler)
        handler.connection_made(transport)
        handler.data_received(received)
        if ended and not handler.eof_received():
            transport.close()

    def retire(self) -> None:
        """End the connections that are idle."""
        server = self._runner.server
        if server is not None:
            for handler in server.connections:
                if isinstance(handler, Handler):
                    handler.retire()

    async def cut_off(self) -> None:
        """End all of them, whatever is under way."""
        server = self._runner.server
        if server is not None:
            for handler in server.connections:
                if isinstance(handler, Handler) and not handler.is_idle():
                    self._traffic.cut[Cut.DRAIN] += 1
            server.pre_shutdown()
            await server.shutdown(0.1)


def response_of(answer: Answer) -> web.Response:
    """Return an answer as aiohttp takes it."""
    headers = CIMultiDict(answer.headers)
    headers["Content-Length"] = str(len(answer.body))  # which aiohttp forgets for a HEAD of nothing
    return web.Response(status=answer.status, headers=headers, body=answer.body)
