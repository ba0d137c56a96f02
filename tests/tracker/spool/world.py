"""A writer over a disk in memory that fails and loses power, and the account of what it must never lose or make up."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from schemas.identity import Tenant
from services.tracker.spool import reading, recovery, slots
from services.tracker.spool.growing import Record, Sealed
from services.tracker.spool.quarantine import Quarantine
from services.tracker.spool.reading import Reading
from services.tracker.spool.segments import Outcome, Segments
from tests.support.clock import ManualClock
from tests.support.model_disk import ModelDisk
from tests.tracker.spool.given import Entropy, a_record

FOLDERS: Final = slots.Folders(Path("/spool"), Path("/spool/worker-0"))
SEGMENT_BYTES: Final = 2_000
SEGMENT_SECONDS: Final = 10.0
BALLAST_BYTES: Final = 3_000


def number_of(key: bytes) -> int:
    """Return the number that an entry was made of."""
    return int(key[-12:], 16)


def read_all(disk: ModelDisk, segments: Sequence[Sealed]) -> list[int]:
    """Return the numbers of all that is in segments, in order."""
    numbers: list[int] = []
    for segment in segments:
        opened = Reading(disk, segment, Quarantine(disk, FOLDERS.quarantine))
        while batch := opened.next():
            numbers += [number_of(each.entry.key) for each in batch]
    return numbers


@dataclass(slots=True)
class World:
    """One slot, over any number of lives of its process."""

    disk: ModelDisk
    clock: ManualClock = field(default_factory=ManualClock)
    entropy: Entropy = field(default_factory=Entropy)
    ballast_bytes: int = BALLAST_BYTES
    put: set[int] = field(default_factory=set)
    acknowledged: set[int] = field(default_factory=set)
    replayed: set[int] = field(default_factory=set)
    read: list[int] = field(default_factory=list)
    sealed: list[Sealed] = field(default_factory=list)
    outcome: Outcome = field(default_factory=Outcome)
    grown: int = 0
    _segments: Segments | None = None

    def start(self) -> None:
        """Begin a life: with what the one before left behind."""
        slots.prepare(self.disk, FOLDERS)
        self.sealed = self.recovered()
        self.grown = sum(segment.size for segment in self.sealed)
        self._segments = Segments(
            self.disk,
            FOLDERS.slot,
            self.clock,
            self.entropy,
            segment_bytes=SEGMENT_BYTES,
            segment_seconds=SEGMENT_SECONDS,
            ballast_bytes=self.ballast_bytes,
        )
        self._take(self._segments.prepare())

    def recovered(self) -> list[Sealed]:
        """Recover, and return what is there in order."""
        quarantine = Quarantine(self.disk, FOLDERS.quarantine)
        return recovery.recover(self.disk, FOLDERS.slot, quarantine).segments

    def commit(self, count: int) -> bool:
        """Put so many records together and return whether they are acknowledged."""
        numbers = [len(self.put) + each for each in range(count)]
        self.put.update(numbers)
        self.clock.advance(0.001)
        records = [self._record(number) for number in numbers]
        self._take(self.segments.commit(records))
        if self.outcome.written:
            self.acknowledged.update(numbers)
        return self.outcome.written

    def tick(self, seconds: float) -> None:
        """Let time pass and the segments have their way."""
        self.clock.advance(seconds)
        if self.segments.due_seconds() == 0.0:
            self._take(self.segments.tick())

    def close(self) -> None:
        """Seal what is open, and begin the next life."""
        self._take(self.segments.close())
        self.start()

    def replay_one(self) -> None:
        """Read the oldest segment and remove it."""
        if self.sealed:
            segment = self.sealed[0]
            numbers = read_all(self.disk, [segment])
            self.read += numbers
            self.replayed.update(numbers)
            del self.sealed[0]
            self.grown -= segment.size
            reading.remove(self.disk, segment)

    @property
    def segments(self) -> Segments:
        """What writes in this life."""
        assert self._segments is not None
        return self._segments

    def in_files(self) -> int:
        """Return how many bytes the files of segments take."""
        files = self.disk.files().items()
        return sum(len(data) for path, data in files if path.suffix in (".open", ".seg"))

    def check(self) -> None:
        """Recover once more and hold what is there against the account."""
        found = read_all(self.disk, self.recovered())
        assert len(set(found)) == len(found), "twice"
        assert not set(found) - self.put, "made up"
        assert not self.acknowledged - self.replayed - set(found), "lost"
        assert found == sorted(found), "out of order"

    def _record(self, number: int) -> Record:
        record = a_record(number, filtered=number % 7 != 0)
        return record._replace(tenant=Tenant("demo"))

    def _take(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self.sealed += outcome.sealed
        self.grown += outcome.grown
