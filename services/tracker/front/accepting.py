"""Takes connections from a listening socket as fast as they come, on either loop.

uvloop takes one in each turn of the loop. A turn that answers hundreds of busy clients takes milliseconds, and whoever
connects meanwhile would wait as many turns as there are others before him; with the socket closed, reset.
"""

import asyncio
import errno
import socket
from collections.abc import Callable
from typing import Final

BURST: Final = 16
"""How many more are taken in one turn: few enough to leave some to other processes that share the socket."""
_BACKLOG: Final = 1024

Make = Callable[[], asyncio.Protocol]


class Accepting:
    """A listening socket and the connections that are being taken from it."""

    def __init__(
        self, listening: socket.socket, make: Make, tasks: asyncio.TaskGroup, burst: int = BURST
    ) -> None:
        # the loop closes the one it is given
        self._listening: Final = listening.dup()
        self._listening.setblocking(False)
        self._make: Final = make
        self._tasks: Final = tasks
        self._burst: Final = burst
        self._server: asyncio.Server | None = None
        self._due = False
        self._taking = 0
        self._taken: Final = asyncio.Event()

    async def open(self, listening: socket.socket) -> None:
        """Begin; the loop takes the first of each burst, so that there is nothing to do while nobody comes."""
        self._server = await asyncio.get_running_loop().create_server(
            self._made, sock=listening, backlog=_BACKLOG
        )

    async def close(self, *, shared: bool) -> None:
        """Take no more. Of a socket that nobody else serves, those that are connected already are taken."""
        if self._server is not None:
            self._server.close()
            self._server = None
            if not shared:
                while self._take():
                    pass
        self._listening.close()
        while self._taking:
            self._taken.clear()
            await self._taken.wait()

    def _made(self) -> asyncio.Protocol:
        if not self._due:
            self._due = True
            asyncio.get_running_loop().call_soon(self._take_more)
        return self._make()

    def _take_more(self) -> None:
        self._due = False
        for _ in range(self._burst):
            if self._server is None or not self._take():
                return

    def _take(self) -> bool:
        """Take one more connection; tell whether there was one."""
        try:
            connection, _ = self._listening.accept()
        except OSError as error:
            # somebody who is gone already is no reason to stop; everything else is the loop's to tell
            return error.errno == errno.ECONNABORTED
        connection.setblocking(False)
        self._taking += 1
        self._tasks.create_task(self._serve(connection), name="accepting")
        return True

    async def _serve(self, connection: socket.socket) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(self._make, connection)
        except OSError:  # gone before it could be served
            connection.close()
        finally:
            self._taking -= 1
            self._taken.set()
