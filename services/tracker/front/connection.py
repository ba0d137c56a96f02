"""One connection of the small front end: asks the doors for what its bytes say, and writes the answers in order.

It is the asker of its hits itself, one at a time, so that a hit costs no future and no task.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, cast

from services.tracker import clients
from services.tracker.answers import Answer
from services.tracker.clients import Network
from services.tracker.doors import Doors
from services.tracker.front.admission import Admission, Place
from services.tracker.front.blocks import CLOSE, OLD
from services.tracker.front.heads import HEAD_BYTES, HeadReader, Request, Verdict
from services.tracker.front.sweep import NEVER, Sweep
from services.tracker.front.traffic import Cut, Traffic
from services.tracker.front.wire import MALFORMED, Wire, body_refused
from services.tracker.metrics import Kind

# Bytes that may wait behind a hit under way before no more are read: enough for two heads.
_WAITING_BYTES: Final = 2 * HEAD_BYTES
# Requests that are answered at once, one after the other, before other connections have their turn.
_TURN: Final = 32

# Looking a member up in its class costs as much as a call.
_OPEN: Final = Kind.OPEN

HandOver = Callable[[asyncio.Transport, Place, bytes, bool], None]


class Port:
    """What the connections of a public port share."""

    def __init__(
        self,
        doors: Doors,
        trusted: Sequence[Network],
        admission: Admission,
        sweep: Sweep,
        wire: Wire,
        traffic: Traffic,
        hand_over: HandOver,
        left: Callable[[Place], None],
    ) -> None:
        self.doors: Final = doors
        self.trusted: Final = trusted
        self.admission: Final = admission
        self.sweep: Final = sweep
        self.wire: Final = wire
        self.traffic: Final = traffic
        self.hand_over: Final = hand_over
        self.left: Final = left
        self.heads: Final = HeadReader()
        # every answer is the last of its connection
        self.draining = False
        # who is idle has to go
        self.over = False
        self.connections: Final[set[Connection]] = set()


class Connection(asyncio.Protocol):
    """Serves pixels and links, and gives itself away when asked for anything else."""

    __slots__ = (
        "_at",
        "_begun",
        "_buffer",
        "_deadline",
        "_ended",
        "_form",
        "_leaving",
        "_network",
        "_paused",
        "_pending",
        "_place",
        "_port",
        "_proxy",
        "_seen",
        "_serving",
        "_transport",
        "_writable",
    )

    def __init__(self, port: Port) -> None:
        self._port: Final = port
        self._transport: asyncio.Transport | None = None
        self._place: Place | None = None
        self._network: str | None = None
        # the peer's address, if it may tell of others
        self._proxy: str | None = None
        self._buffer = b""
        self._at = 0
        # how much of the buffer is known to hold no more than a part of a head
        self._seen = 0
        self._form = 0
        self._deadline = NEVER
        # a head is under way, and with it its deadline; a new connection owes one
        self._begun = True
        # a hit is under way
        self._pending = False
        # `_serve` is at work further up the stack
        self._serving = False
        # we let the reading rest
        self._paused = False
        # the client reads its answers
        self._writable = True
        # the client will send no more
        self._ended = False
        # nothing will be answered any more
        self._leaving = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a place, or go."""
        made = cast(asyncio.Transport, transport)  # uvloop's does not inherit from it
        port = self._port
        place = port.admission.admit(made.get_extra_info("peername"))
        if place is None:
            made.abort()
            return
        self._transport = made
        self._place = place
        if place.trusted:
            self._proxy = place.peer
        else:
            self._network = clients.network_of(place.peer, (), ())
        self._deadline = port.sweep.head_by
        port.sweep.add(self)
        port.connections.add(self)

    def data_received(self, data: bytes) -> None:
        """Take bytes; serve what they complete, unless a hit is under way."""
        if self._leaving or self._transport is None:
            return
        self._buffer = self._buffer + data if self._buffer else data
        if self._pending or self._serving or not self._writable:
            if len(self._buffer) > _WAITING_BYTES:
                self._pause()
            return
        self._serve()

    def eof_received(self) -> bool:
        """Stay open while something is to be answered: who half-closes after asking still gets the answer."""
        self._ended = True
        return not self._leaving and (self._pending or not self._writable or self._serving)

    def pause_writing(self) -> None:
        """Read no more from a client that does not read."""
        self._writable = False
        self._deadline = self._port.sweep.write_by
        self._pause()

    def resume_writing(self) -> None:
        """Go on."""
        self._writable = True
        if self._leaving:
            self._deadline = self._port.sweep.linger_by
        elif not self._serving and not self._pending:
            self._begun = False
            self._serve()

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the place back; a hit that is under way is settled all the same."""
        place = self._forget()
        if place is not None:
            self._port.left(place)

    def answer(self, answer: Answer) -> None:
        """Write the answer to the hit that was under way, and go on with what came meanwhile."""
        self._pending = False
        transport = self._transport
        if transport is None:
            return
        port = self._port
        form = self._form
        if port.draining and self._at >= len(self._buffer):
            form |= CLOSE
        transport.write(port.wire.written(answer, form))
        if form & CLOSE:
            self._leave(linger=port.draining or self._at < len(self._buffer))
        elif self._serving:
            pass
        elif self._buffer or self._ended or self._paused:
            self._rest()
        elif self._writable:
            self._deadline = port.sweep.idle_by

    def sweep(self, now: float) -> None:
        """End what has taken too long."""
        transport = self._transport
        if self._deadline > now or transport is None:
            return
        if self._leaving:
            transport.abort()
        elif not self._writable:
            self._cut(Cut.WRITE)
            transport.abort()
        else:
            self._cut(Cut.HEAD if self._begun else Cut.IDLE)
            self._leave(linger=False)

    def retire(self) -> None:
        """End if nothing is under way."""
        if not self._pending and not self._serving and self._writable and not self._leaving:
            self._leave(linger=True)

    def cut_off(self) -> None:
        """End now, whatever is under way."""
        if self._transport is not None:
            if self._pending:
                self._cut(Cut.DRAIN)
            self._transport.abort()

    def _serve(self) -> None:
        """Serve what is whole in the buffer, until a hit has to wait."""
        self._serving = True
        turn = _TURN
        read = self._port.heads.read
        while self._writable and not self._leaving and self._at < len(self._buffer):
            request = read(self._buffer, self._at, self._seen)
            if isinstance(request, Request):
                self._ask(request)
                if self._pending:
                    break
                turn -= 1
                if not turn:
                    self._rest()
                    return
            elif request is Verdict.UNFINISHED:
                self._seen = len(self._buffer)
                break
            elif request is Verdict.FOREIGN:
                self._give_away()
                return
            else:
                self._refuse(MALFORMED, CLOSE | OLD)
                self._cut(Cut.MALFORMED)
        self._serving = False
        self._tidy()

    def _ask(self, request: Request) -> None:
        port = self._port
        self._begun = False
        self._seen = 0
        kind, token, form, body, self._at, _, _ = request
        if body:
            port.doors.refuse_body(kind)
            path = f"/o/{token}.gif" if kind is Kind.OPEN else f"/c/{token}"
            self._refuse(body_refused(path), form | CLOSE)
            return
        network = self._network
        if self._proxy is not None:
            network = clients.network_of(
                self._proxy,
                request.lines(b"x-forwarded-for"),
                port.trusted,
                request.lines(b"forwarded"),
            )
        self._form = form
        self._pending = True
        self._deadline = NEVER
        if kind is _OPEN:
            port.doors.pixel(token, request.hit(network), self)
        else:
            port.doors.click(token, request.hit(network), self)

    def _tidy(self) -> None:
        """Drop what was served, and wait for what is missing."""
        if self._transport is None or self._leaving:
            return
        if self._at:
            self._buffer = self._buffer[self._at :]
            self._seen = max(0, self._seen - self._at)
            self._at = 0
        if self._pending or not self._writable:
            if len(self._buffer) > _WAITING_BYTES:
                self._pause()
            return
        if self._ended or self._port.over:
            self._leave(linger=not self._ended)
            return
        if not self._begun:
            self._begun = bool(self._buffer)
            sweep = self._port.sweep
            self._deadline = sweep.head_by if self._begun else sweep.idle_by
        self._resume()

    def _rest(self) -> None:
        """Go on in the next turn of the loop: others are waiting, be it for what settles their hits with this one's."""
        self._serving = True
        asyncio.get_running_loop().call_soon(self._serve)

    def _refuse(self, answer: Answer, form: int) -> None:
        if self._transport is not None:
            self._transport.write(self._port.wire.written(answer, form))
            self._leave(linger=True)

    def _leave(self, *, linger: bool) -> None:
        """Close after the last answer.

        Lingering: what the client still sends is read and thrown away until it has closed too, for a while. Closing
        with bytes unread would reset the connection, and the answer could be lost with it.
        """
        self._leaving = True
        self._buffer = b""
        self._at = 0
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        sweep = self._port.sweep
        unsent = transport.get_write_buffer_size() > 0
        if not linger or self._ended:
            self._deadline = sweep.write_by
            transport.close()
            return
        self._deadline = sweep.write_by if unsent else sweep.linger_by
        try:
            transport.write_eof()
        except OSError:  # the client is gone, and we are about to be told
            transport.abort()
            return
        self._resume()

    def _give_away(self) -> None:
        """Have aiohttp serve this connection from the next request on."""
        self._resume()
        transport = self._transport
        rest = self._buffer[self._at :]
        ended = self._ended
        place = self._forget()
        if transport is not None and place is not None:
            self._port.hand_over(transport, place, rest, ended)

    def _forget(self) -> Place | None:
        place = self._place
        self._place = None
        self._transport = None
        self._buffer = b""
        self._at = 0
        self._port.sweep.discard(self)
        self._port.connections.discard(self)
        return place

    def _cut(self, why: Cut) -> None:
        self._port.traffic.cut[why] += 1

    def _pause(self) -> None:
        if not self._paused and self._transport is not None and not self._transport.is_closing():
            self._paused = True
            self._transport.pause_reading()

    def _resume(self) -> None:
        if self._paused and self._transport is not None and not self._transport.is_closing():
            self._paused = False
            self._transport.resume_reading()
