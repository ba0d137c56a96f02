"""The yardstick: `python -m benchmarks.support.bare PORT`, an aiohttp handler that answers the GIF and does nothing."""

import asyncio
import signal
import sys

import uvloop
from aiohttp import web

from services.tracker.answers import PIXEL

HEADERS = {"Content-Type": "image/gif", "Cache-Control": "no-store"}


async def pixel(request: web.Request) -> web.Response:
    """Answer."""
    return web.Response(body=PIXEL, headers=HEADERS)


async def serve(app: web.Application, port: int) -> None:
    """Serve until told to stop."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    await runner.cleanup()


if __name__ == "__main__":
    pixels = web.Application()
    pixels.add_routes([web.get("/o/{token}.gif", pixel)])
    uvloop.run(serve(pixels, int(sys.argv[1])))
