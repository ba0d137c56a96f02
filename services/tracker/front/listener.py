"""The public port, as the open internet needs it: patient with nobody, and orderly when it closes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from aiohttp import http_parser, web

from services.runtime.errors import Fatal
from services.runtime.lifecycle import Life
from services.runtime.log import get_logger

log = get_logger(__name__)

# The part of the drain that open requests may use; what they started still has to be flushed.
_DOOR_SHARE: Final = 0.6
_BACKLOG: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a stranger may take: to send a request's head, first or next, and to end a refused body."""

    head_seconds: float = 20.0
    linger_seconds: float = 0.5


PATIENCE: Final = Patience()


@asynccontextmanager
async def listen(
    app: web.Application, host: str, port: int, life: Life, patience: Patience = PATIENCE
) -> AsyncIterator[int]:
    """Listen while the context is open, giving the port; then stop listening and let requests end.

    Requests that outlast their share of the drain are cancelled.
    """
    if http_parser.HttpRequestParser is http_parser.HttpRequestParserPy:
        raise Fatal("aiohttp's C parser is not loaded; the Python one has had smuggling bugs")
    runner = web.AppRunner(
        app,
        access_log=None,  # it would hold tokens and addresses
        # aiohttp starts this timer with the connection, so it also bounds the first request's head
        keepalive_timeout=patience.head_seconds,
        lingering_time=patience.linger_seconds,
        shutdown_timeout=0.1,
    )
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port, backlog=_BACKLOG)
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
