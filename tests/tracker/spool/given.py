"""What the tests of the spool start from: entries like the tracker's, waiters that remember, a spool in a folder."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import shake_128
from itertools import count
from pathlib import Path
from typing import Any

import orjson

from schemas.identity import Tenant
from services.runtime.clock import Clock, Deadline, SystemClock
from services.tracker.config import SpoolConfig
from services.tracker.entry import Entry, Where
from services.tracker.spool import form
from services.tracker.spool.disk import Disk
from services.tracker.spool.form import Block
from services.tracker.spool.growing import Record
from services.tracker.spool.reading import Spooled
from services.tracker.spool.records import pack
from services.tracker.spool.scan import crc_of
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
        return shake_128(str(next(self.numbers)).encode()).digest(size)


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


WRITER = bytes(range(16))
FIRST_SEQ = 1_769_852_400_000_000
WALL_MS = 1_769_852_400_123


def a_small_record(number: int) -> Record:
    """Make a record with nothing in it that is not needed, for tests that flip every bit."""
    key = b"%012x" % number
    entry = Entry(Tenant("demo"), key, b"{}", (("ce_tenant", b"demo"),))
    return Record(pack(entry), entry.tenant, True)


def a_segment(*sizes: int, sealed: bool = True) -> tuple[bytes, list[Block]]:
    """Write a segment of blocks that have so many small records, and tell where its blocks lie."""
    data = form.encode_header(form.Header(FIRST_SEQ, WALL_MS, WRITER))
    blocks: list[Block] = []
    shares: Counter[Tenant] = Counter()
    number = 0
    for size in sizes:
        records = [a_small_record(number + each) for each in range(size)]
        packed = [record.packed for record in records]
        flags = form.UNFILTERED if len(blocks) % 2 else 0
        start = len(data)
        data += form.encode_block(packed, FIRST_SEQ + number, WALL_MS + number, flags)
        block = form.block_at(data, start)
        assert block is not None
        blocks.append(block)
        shares[Tenant("demo")] += sum(record.size for record in records)
        number += size
    if sealed:
        last = blocks[-1].wall_ms
        totals = (number, crc_of(blocks), WALL_MS, last, form.write_shares(shares))
        data += form.encode_footer(form.Footer(FIRST_SEQ + number, *totals))
    return data, blocks


def flipped(data: bytes, bit: int) -> bytes:
    """Return the data with one bit of it the other way round."""
    damaged = bytearray(data)
    damaged[bit // 8] ^= 1 << bit % 8
    return bytes(damaged)
