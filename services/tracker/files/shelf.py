"""What the object store has of a file: its metadata, remembered for a moment, and its content, chunk by chunk.

Metadata is believed for `FRESH_SECONDS`: so long may a withdrawal go unseen.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from typing import Final

import orjson

from schemas import codec, files
from schemas.files import FileKind, StoredFile
from schemas.token import Claim
from services.runtime.clock import Clock
from services.runtime.errors import Poison, Transient
from services.runtime.objects import NoSuchObject, ObjectStore
from services.tracker.metrics import Call, Metrics

FRESH_SECONDS: Final = 2.0
# Of some hundred bytes each; when it is full the oldest goes.
_REMEMBERED: Final = 4096
_METADATA_BYTES: Final = 64 * 1024
_DIGEST: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


def read_metadata(data: bytes) -> StoredFile:
    """Read a file's metadata; Poison where it is not what the rewriter writes."""
    try:
        found = orjson.loads(data)
        sound = (
            all(isinstance(found[name], str) for name in ("name", "content_type"))
            and type(found["size"]) is int
            and found["size"] >= 0
            and _DIGEST.fullmatch(found["digest"])
        )
        if sound:
            return codec.read(StoredFile, found)
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise Poison("damaged_file", type(error).__name__) from error
    raise Poison("damaged_file")


class Shelf:
    """Finds files and hands out their content; however many ask at once for one, the store is asked once."""

    def __init__(self, objects: ObjectStore, clock: Clock, metrics: Metrics) -> None:
        self._objects: Final = objects
        self._clock: Final = clock
        self._metrics: Final = metrics
        self._found: Final[dict[str, tuple[StoredFile | None, float]]] = {}
        self._asked: Final[dict[str, asyncio.Future[StoredFile | None]]] = {}

    async def find(self, claim: Claim, kind: FileKind) -> StoredFile | None:
        """Return the file's metadata, or None if there is none; Transient, or Poison if it is damaged."""
        key = files.metadata_key(claim.tenant, claim.message_id, kind, claim.index or 0)
        while True:
            file, until = self._found.get(key, (None, 0.0))
            if self._clock.monotonic() < until:
                return file
            asked = self._asked.get(key)
            if asked is None:
                return await self._ask(key)
            await asyncio.wait([asked])  # which leaves it alone when we are cancelled
            if not asked.cancelled():
                return asked.result()

    def forget(self, claim: Claim, kind: FileKind) -> None:
        """Believe nothing about this file any more."""
        key = files.metadata_key(claim.tenant, claim.message_id, kind, claim.index or 0)
        self._found.pop(key, None)

    async def content(
        self, claim: Claim, kind: FileKind, start: int, end: int
    ) -> AsyncGenerator[bytes, None]:
        """Yield the content from `start` up to `end`; raises as `ObjectStore.stream` does."""
        key = files.content_key(claim.tenant, claim.message_id, kind, claim.index or 0)
        parts = aiter(self._objects.stream(key, start, end))
        while True:
            with self._measured(Call.CONTENT):
                part = await anext(parts, None)
            if part is None:
                return
            yield part

    async def _ask(self, key: str) -> StoredFile | None:
        asked: asyncio.Future[StoredFile | None] = asyncio.get_running_loop().create_future()
        self._asked[key] = asked
        try:
            with self._measured(Call.METADATA):
                data = await self._objects.read(key, _METADATA_BYTES)
            file = None if data is None else read_metadata(data)
        except (Transient, Poison) as error:
            asked.set_exception(error)
            asked.exception()  # nobody else may be waiting for it
            raise
        else:
            self._remember(key, file)
            asked.set_result(file)
            return file
        finally:
            del self._asked[key]
            asked.cancel()  # only where we were cancelled: then another asks

    def _remember(self, key: str, file: StoredFile | None) -> None:
        self._found.pop(key, None)
        if len(self._found) >= _REMEMBERED:
            del self._found[next(iter(self._found))]
        self._found[key] = (file, self._clock.monotonic() + FRESH_SECONDS)

    @contextmanager
    def _measured(self, call: Call) -> Iterator[None]:
        begun = self._clock.monotonic()
        try:
            yield
        except (Transient, NoSuchObject):
            self._metrics.store_failures[call].inc()
            raise
        finally:
            self._metrics.store_seconds[call].observe(self._clock.monotonic() - begun)
