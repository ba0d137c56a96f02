"""Puts a file on the network: as fast as its reader takes it, and no faster than that from the store."""

import asyncio
from contextlib import aclosing
from typing import Final

from aiohttp import web
from multidict import CIMultiDict

from services.runtime.errors import Transient
from services.runtime.objects import NoSuchObject
from services.tracker.files.file_doors import Download
from services.tracker.metrics import Metrics

STALL_SECONDS: Final = 60.0
"""How long a reader may take for one chunk; of a quarter of a megabyte this is 4 kB a second."""


class Sender:
    """Sends downloads, each with one chunk in memory."""

    def __init__(self, metrics: Metrics, stall_seconds: float = STALL_SECONDS) -> None:
        self._metrics = metrics
        self._stall_seconds = stall_seconds

    async def send(self, request: web.Request, download: Download) -> web.StreamResponse:
        """Send a download to its end, or until its reader goes, stalls, or the store fails.

        Then the connection is cut, so that nobody takes what came for the whole.
        """
        response = web.StreamResponse(status=download.status, headers=CIMultiDict(download.headers))
        try:
            with self._metrics.downloads.track_inprogress():
                await response.prepare(request)
                await self._send_parts(response, download)
        except (ConnectionError, TimeoutError, Transient, NoSuchObject):
            if request.transport is not None:
                request.transport.abort()
        return response

    async def _send_parts(self, response: web.StreamResponse, download: Download) -> None:
        if download.rest is None:
            return
        await self._send_part(response, download, download.first)
        async with aclosing(download.rest) as rest:
            async for part in rest:
                await self._send_part(response, download, part)

    async def _send_part(
        self, response: web.StreamResponse, download: Download, part: bytes
    ) -> None:
        async with asyncio.timeout(self._stall_seconds):
            await response.write(part)
        self._metrics.send(download.kind, len(part))
