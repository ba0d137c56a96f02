"""What the tests of the spool start from: entries like the tracker's, waiters that remember, a spool in a folder."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import count
from pathlib import Path
from typing import Any

import orjson

from schemas.identity import Tenant
from services.runtime.clock import Clock, Deadline, SystemClock
from services.tracker.config import SpoolConfig
from services.tracker.entry import Entry, Where
from services.tracker.spool.disk import Disk
from services.tracker.spool.growing import Record
from services.tracker.spool.reading import Spooled
from services.tracker.spool.records import pack
from services.tracker.spool.spool import Spool
from tests.support.eventually import eventually

SECONDS = 20.0


def an_entry(number: int = 0, tenant: str = "demo", **more: Any) -> Entry:
    """Make the entry of an opened mail, told from others by its number."""
    key = f"01890a5d-ac96-774b-bcce-{number:012x}".encode()
    facts = {"message_id": key.decode(), "refs": ["00112233445566ff"], "edge": "edge-7"}
    headers = (
        ("ce_specversion", b"1.0"),
        ("content-type", b"application/json"),
        ("ce_source", b"/tracker/edge-7"),
        ("ce_type", b"message.opened.v1"),
        ("ce_id", f"01890a5e-0000-7000-8000-{number:012x}".encode()),
        ("ce_tenant", tenant.encode()),
        ("ce_time", b"2026-01-31T09:30:00.000000Z"),
    )
    return Entry(Tenant(tenant), key, orjson.dumps({**facts, **more}), headers)


def a_record(number: int = 0, tenant: str = "demo", *, filtered: bool = True) -> Record:
    """Make what is written of such an entry."""
    return Record(pack(an_entry(number, tenant)), Tenant(tenant), filtered)


@dataclass(slots=True)
class Remembering:
    """A waiter that must be told once."""

    told: list[Where] = field(default_factory=list)

    def settle(self, where: Where) -> None:
        """Remember."""
        self.told.append(where)

    @property
    def where(self) -> Where | None:
        """What it was told; None as long as that is nothing."""
        assert len(self.told) <= 1
        return self.told[0] if self.told else None


@dataclass(slots=True)
class Entropy:
    """Never the same twice, and the same in every run."""

    numbers: Any = field(default_factory=count)

    def __call__(self, size: int) -> bytes:
        return blake2b(str(next(self.numbers)).encode(), digest_size=size).digest()


def a_config(folder: Path, **changes: Any) -> SpoolConfig:
    """Configure small files that are begun anew often."""
    told: dict[str, Any] = {
        "folder": folder,
        "max_bytes": 1_048_576,
        "tenant_percent": 100,
        "segment_bytes": 16_384,
        "segment_seconds": 60.0,
    }
    return SpoolConfig(**(told | changes))


@asynccontextmanager
async def a_spool(
    folder: Path,
    slot: str = "worker-0",
    clock: Clock | None = None,
    *,
    disk: Disk | None = None,
    entropy: Callable[[int], bytes] | None = None,
    ballast_bytes: int = 65_536,
    pending_bytes: int = 1_048_576,
    slow_seconds: float = SECONDS,
    lock_seconds: float = 0.0,
    observe: Callable[[float], None] = lambda seconds: None,
    **changes: Any,
) -> AsyncIterator[Spool]:
    """Run a spool while the context is open."""
    spool = Spool(
        a_config(folder, **changes),
        slot,
        clock or SystemClock(),
        entropy or Entropy(),
        disk=disk,
        ballast_bytes=ballast_bytes,
        pending_bytes=pending_bytes,
        slow_seconds=slow_seconds,
        lock_seconds=lock_seconds,
        observe=observe,
    )
    await spool.open()
    try:
        yield spool
    finally:
        await spool.close(Deadline.after(SystemClock(), SECONDS))


async def put(
    spool: Spool, entries: Sequence[Entry], *, filtered: bool = True
) -> list[Where | None]:
    """Put entries and wait until each waiter was told."""
    waiters = [Remembering() for _ in entries]
    for entry, waiter in zip(entries, waiters, strict=True):
        spool.put(entry, waiter, filtered=filtered)
    await eventually(lambda: all(waiter.told for waiter in waiters), SECONDS)
    return [waiter.where for waiter in waiters]


async def drained(spool: Spool) -> list[Spooled]:
    """Replay all segments that are sealed and return what was in them."""
    everything: list[Spooled] = []
    async with asyncio.timeout(SECONDS):
        while (segment := await spool.next_segment()) is not None:
            async for batch in spool.blocks(segment):
                everything += batch
            await spool.finished(segment)
    return everything


def entries_of(spooled: Sequence[Spooled]) -> list[Entry]:
    """Return what was spooled, whether judged or not."""
    return [each.entry for each in spooled]
