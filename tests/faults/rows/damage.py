"""Segments that a live edge left behind, cut at every byte and flipped in every bit; and disks that lose power."""

import asyncio
import logging
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from struct import Struct
from zlib import crc32

from deploy.local.unprivileged import CHECKOUT
from services.tracker.spool import records, recovery
from services.tracker.spool.disk import OsDisk
from services.tracker.spool.quarantine import Quarantine
from services.tracker.spool.reading import Reading
from tests.faults.ground import Case, Ground, Row, segments
from tests.faults.rows.killing import NOBODY
from tests.faults.traffic import flowing
from tests.support.eventually import eventually

_SECONDS = 60.0
_HEADER_BYTES = 44
_BLOCK = Struct(">4sIHHQQI")
_MAGIC = b"\xb1\x0c\x5e\xed"
_SEALED = 0x8000


def whole_blocks(data: bytes) -> list[tuple[int, int, list[bytes]]]:
    """Read a segment as `docs/spool.md` tells it, and with nothing of ours: start, end and records of each block."""
    found = []
    at = _HEADER_BYTES
    while at + _BLOCK.size <= len(data):
        magic, length, count, flags, _, _, crc = _BLOCK.unpack_from(data, at)
        end = at + _BLOCK.size + length
        if magic != _MAGIC or end > len(data) or flags & _SEALED:
            break
        bare = data[at : at + _BLOCK.size - 4]
        payload = data[at + _BLOCK.size : end]
        assert crc32(payload, crc32(bare)) == crc
        records, place = [], 0
        for _ in range(count):
            size = int.from_bytes(payload[place : place + 4], "big")
            records.append(payload[place + 4 : place + 4 + size])
            place += 4 + size
        found.append((at, end, records))
        at = end
    return found


@contextmanager
def _memory() -> Iterator[Path]:
    """Have a folder in memory where there is one: thousands of copies are synced in it."""
    shared = Path("/dev/shm")  # noqa: S108 a folder of our own in it
    place = shared if shared.is_dir() else None
    with tempfile.TemporaryDirectory(dir=place) as folder:
        yield Path(folder)


async def _left_behind(ground: Ground, case: Case, hits: int) -> Path:
    """Have an edge without Kafka take some hits and die; return the segment that it was writing."""
    edge = case.edge(servers=NOBODY, settings={"INKLING_TRACKER_SPOOL_SEGMENT_SECONDS": "3600"})
    await edge.start("/readyz")
    async with flowing(case.traffic(edge, rate=50.0, connections=2)) as traffic:
        await eventually(lambda: traffic.acknowledged >= hits, _SECONDS)
    edge.kill()
    (name,) = segments(edge.spool)
    return edge.spool / name


@dataclass(slots=True)
class _Sweep:
    """What came of recovering many damaged copies of one segment."""

    name: str
    place: Path
    copies: int = 0
    acknowledged: int = 0
    recovered: int = 0
    lost: int = 0
    doubled: int = 0
    said: list[str] = field(default_factory=list)
    written: set[bytes] = field(default_factory=set)

    def recover(
        self, data: bytes, wanted: Sequence[bytes], what: str, *, damaged: bool = False
    ) -> None:
        """Recover this copy twice; hold what is read against the records that must be in it."""
        self.copies += 1
        slot, quarantine = self.place / "slot", self.place / "quarantine"
        for folder in (slot, quarantine):
            folder.mkdir()
        (slot / self.name).write_bytes(data)
        first, noticed = self._read(slot, quarantine)
        again, _ = self._read(slot, quarantine)
        if damaged and not noticed:
            self.said.append(f"{what}: nobody noticed")
        if first != again:
            self.said.append(f"{what}: a second recovery read something else")
        self.acknowledged += len(wanted)
        self.recovered += len(set(wanted) & set(first))
        self.lost += len(set(wanted) - set(first))
        self.doubled += len(first) - len(set(first))
        shutil.rmtree(slot)
        shutil.rmtree(quarantine)
        self.said += [f"{what}: a record that was not written"] * bool(set(first) - self.written)

    @staticmethod
    def _read(slot: Path, quarantine: Path) -> tuple[list[bytes], bool]:
        """Return the records, and whether anything was noted to be damaged or torn."""
        disk = OsDisk()
        kept = Quarantine(disk, quarantine)
        read = []
        found = recovery.recover(disk, slot, kept)
        noticed = bool(found.torn_bytes or found.corrupt_bytes)
        for segment in found.segments:
            reading = Reading(disk, segment, kept)
            while batch := reading.next():
                read += [records.pack(each.entry) for each in batch]
            noticed = noticed or bool(reading.damaged and reading.corrupt_bytes)
        return read, noticed

    def row(self, ground: Ground, fault: str, what: str, *broken: str) -> Row:
        return Row(
            fault=fault,
            seed=ground.seed,
            kill_point=f"{self.copies} {what}",
            acknowledged=self.acknowledged,
            counted=self.recovered,
            lost=self.lost,
            doubled=self.doubled,
            notes="records, added up over all copies",
            broken=[*self.said[:5], *broken],
        )


async def e03(ground: Ground) -> Row:
    """The segment of an edge that died is cut at every byte: all blocks before the cut are there, nothing else is."""
    async with ground.case("e03") as case:
        path = await _left_behind(ground, case, 12)
        data = path.read_bytes()
        blocks = whole_blocks(data)
        with _memory() as place:
            sweep = _Sweep(path.name, place)
            sweep.written = {record for _, _, found in blocks for record in found}

            def cut_everywhere() -> None:
                for size in range(len(data) + 1):
                    wanted = [each for _, end, found in blocks if end <= size for each in found]
                    sweep.recover(data[:size], wanted, f"cut at {size}")

            await asyncio.to_thread(cut_everywhere)
            sizes = [len(data), *(case.chance.randrange(len(data)) for _ in range(10))]
            for size in sizes:
                (place / path.name).write_bytes(data[:size])
                whole = [each for _, end, found in blocks if end <= size for each in found]
                dumped = await _dumped(place / path.name)
                case.hold(dumped == whole, f"an operator sees something else in a cut at {size}")
        return sweep.row(ground, "E3 torn tail", "cuts", *_shape(blocks, data), *case.broken)


async def e04(ground: Ground) -> Row:
    """Each bit of a segment is flipped, of an open and of a sealed one: all other blocks are there, nothing else is."""
    async with ground.case("e04") as case:
        path = await _left_behind(ground, case, 5)
        data = path.read_bytes()
        blocks = whole_blocks(data)
        with _memory() as place:
            sealed = await asyncio.to_thread(_sealed, data, path.name, place)
            sweep = _Sweep(path.name, place)
            sweep.written = {record for _, _, found in blocks for record in found}

            def flip_everything() -> None:
                for name, whole in ((path.name, data), (path.stem + ".seg", sealed)):
                    sweep.name = name
                    for bit in range(len(whole) * 8):
                        flipped = bytearray(whole)
                        flipped[bit // 8] ^= 1 << bit % 8
                        hit = [start <= bit // 8 < end for start, end, _ in blocks]
                        wanted = [
                            record
                            for (_, _, found), damaged in zip(blocks, hit, strict=True)
                            if not damaged
                            for record in found
                        ]
                        what = f"{name} bit {bit}"
                        sweep.recover(bytes(flipped), wanted, what, damaged=any(hit))

            # Each of them is reported, as it should be.
            logging.disable(logging.CRITICAL)
            try:
                await asyncio.to_thread(flip_everything)
            finally:
                logging.disable(logging.NOTSET)
        return sweep.row(ground, "E4 bit flip", "flipped bits", *_shape(blocks, data))


async def _dumped(path: Path) -> list[bytes]:
    """Return the records that the operator's command shows."""
    command = (sys.executable, "-m", "services.tracker", "spool", "dump", str(path))
    process = await asyncio.create_subprocess_exec(
        *command, cwd=CHECKOUT, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    return output.splitlines()


def _sealed(data: bytes, name: str, place: Path) -> bytes:
    """Have an open segment recovered, which seals it."""
    slot, quarantine = place / "sealing", place / "sealing-quarantine"
    slot.mkdir()
    quarantine.mkdir()
    (slot / name).write_bytes(data)
    (found,) = recovery.recover(OsDisk(), slot, Quarantine(OsDisk(), quarantine)).segments
    return found.path.read_bytes()


def _shape(blocks: Sequence[tuple[int, int, list[bytes]]], data: bytes) -> list[str]:
    """Say what makes the segment no example: too few blocks, or bytes that its description does not know."""
    said = [] if len(blocks) > 2 else [f"only {len(blocks)} blocks"]
    return said if blocks and blocks[-1][1] == len(data) else [*said, "an unknown end"]
