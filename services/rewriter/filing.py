"""Puts followed files and hosted pictures into the object store, content first, so that what has metadata is whole.

Repeating a call writes nothing new: what is there already stays as it is, withdrawn files included.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final

import orjson

from schemas import codec, files
from schemas.files import FileKind, StoredFile
from schemas.identity import MessageId, Tenant
from schemas.instant import Instant
from services.rewriter import pictures
from services.rewriter.instrument import Prepared
from services.rewriter.mail import Attachment
from services.rewriter.metrics import Metrics
from services.runtime.clock import Clock
from services.runtime.errors import Transient
from services.runtime.objects import ObjectStore

# For all files of a mail together; the caller waits.
KEEP_SECONDS: Final = 30.0
# So many at a time, each decoded in memory while it is written.
_AT_ONCE: Final = 4
_METADATA_BYTES: Final = 64 * 1024
_DAY: Final = 86_400_000_000


class OtherFile(ValueError):
    """The message already has another file under this index."""

    def __init__(self, index: int) -> None:
        super().__init__(f"file {index}")
        self.index = index


@dataclass(frozen=True, slots=True, kw_only=True)
class Keepsake:
    """One object to store: a file as it was handed in, and what it is served as."""

    kind: FileKind
    index: int
    file: Attachment
    content_type: str


def plan(prepared: Prepared) -> Iterator[Keepsake]:
    """Name what a mail asks to be stored: its followed files, then its hosted pictures."""
    held = prepared.mail.attachments
    for index in (one.index for one in prepared.offered):
        kind, file = FileKind.ATTACHMENT, held[index]
        yield Keepsake(kind=kind, index=index, file=file, content_type=file.content_type)
    for index in prepared.pictures.hosted:
        found = pictures.media_type(held[index])
        if found is not None:
            kind = FileKind.PICTURE
            yield Keepsake(kind=kind, index=index, file=held[index], content_type=found)


class Filing:
    """Stores files, and takes them back."""

    def __init__(self, objects: ObjectStore, clock: Clock, metrics: Metrics) -> None:
        self._objects = objects
        self._clock = clock
        self._metrics = metrics

    async def keep(self, prepared: Prepared, now: Instant) -> None:
        """Store all that a mail needs; raises `Transient` unless all of it is safe, `OtherFile` if it may not be.

        What was stored before a failure stays: nothing leads to it, and the next call finds it there.
        """
        wanted = list(plan(prepared))
        if not wanted:
            return
        begun = self._clock.monotonic()
        room = asyncio.Semaphore(_AT_ONCE)
        failed: str | None = None
        other: OtherFile | None = None
        try:
            async with asyncio.timeout(KEEP_SECONDS), asyncio.TaskGroup() as group:
                for one in wanted:
                    group.create_task(self._keep_one(prepared, one, now, room))
        except* OtherFile as errors:
            other = next(one for one in errors.exceptions if isinstance(one, OtherFile))
        except* (Transient, TimeoutError) as errors:
            failed = str(errors.exceptions[0]) or "objects: not stored in time"
        if other is not None:
            raise other
        if failed is not None:
            self._metrics.store_failures.inc()
            raise Transient(failed)
        self._metrics.store_seconds.observe(self._clock.monotonic() - begun)

    async def withdraw(
        self, tenant: Tenant, message: MessageId, index: int, now: Instant, owner: str | None
    ) -> bool:
        """Withdraw a followed file, of that owner if one is named; False if there is none. Once is as good as twice.

        The metadata says so first, so that nobody is served the file while its content goes.
        """
        place = (tenant, message, FileKind.ATTACHMENT, index)
        try:
            held = await self._held(files.metadata_key(*place))
            if held is None or (owner is not None and held.owner != owner):
                return False
            if held.withdrawn_at is None:
                withdrawn = replace(held, withdrawn_at=now)
                await self._objects.put(files.metadata_key(*place), _written(withdrawn))
                self._metrics.withdrawn.inc()
            await self._objects.delete(files.content_key(*place))
        except Transient:
            self._metrics.store_failures.inc()
            raise
        return True

    async def _keep_one(
        self, prepared: Prepared, one: Keepsake, now: Instant, room: asyncio.Semaphore
    ) -> None:
        place = (prepared.terms.tenant, prepared.message_id, one.kind, one.index)
        days = prepared.terms.files.days
        async with room:
            content, digest = await asyncio.to_thread(_decoded, one.file)
            file = StoredFile(
                name=one.file.name,
                content_type=one.content_type,
                size=one.file.size,
                digest=digest,
                stored_at=now,
                expires_at=None if days is None else Instant(now + days * _DAY),
                owner=prepared.mail.owner,
            )
            held = await self._held(files.metadata_key(*place))
            if held is not None:
                if _identity(held) != _identity(file):
                    raise OtherFile(one.index)
                return
            await self._objects.put(files.content_key(*place), content)
            await self._objects.put(files.metadata_key(*place), _written(file))
            self._metrics.store(one.kind, one.file.size)

    async def _held(self, key: str) -> StoredFile | None:
        found = await self._objects.read(key, _METADATA_BYTES)
        return None if found is None else codec.read(StoredFile, orjson.loads(found))


def _decoded(file: Attachment) -> tuple[bytes, str]:
    """Decode a file and digest it, piece by piece: a thread that decodes holds the interpreter."""
    pieces, digest = [], sha256()
    for piece in file.chunks():
        pieces.append(piece)
        digest.update(piece)
    return b"".join(pieces), digest.hexdigest()


def _identity(file: StoredFile) -> tuple[str, str, str]:
    return file.name, file.content_type, file.digest


def _written(file: StoredFile) -> bytes:
    return orjson.dumps(codec.write(file))
