"""Writes segments, one group of records at a time: one write and one fdatasync make all of them safe, or none.

A file that failed once is dead: never written or synced again. The records that it did not take are written once more,
into a new file; it is read as far as it was safe. Calls block: they are made from one thread, the writer's.
"""

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from services.runtime.clock import Clock
from services.runtime.log import get_logger
from services.tracker.spool import form
from services.tracker.spool.ballast import BALLAST_BYTES, NO_SPACE, Ballast, word
from services.tracker.spool.bounds import Refusal
from services.tracker.spool.disk import Disk
from services.tracker.spool.growing import Growing, Record, Sealed, encode

log = get_logger(__name__)

RETRY_SECONDS: Final = 1.0


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What a call changed."""

    written: bool = False
    """Whether the records are safe."""
    grown: int = 0
    """By how many bytes the files grew."""
    sealed: list[Sealed] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    """How long each fdatasync took that did not fail."""
    errors: int = 0
    """How often the disk failed."""
    trouble: Refusal | None = None
    """Why nothing more is taken, as of now."""
    open_ms: int | None = None
    """When the oldest record was written that is in no sealed segment."""


class Segments:
    """Writes into a folder that is this process's own; numbers its records on from the present microsecond."""

    def __init__(
        self,
        disk: Disk,
        folder: Path,
        clock: Clock,
        entropy: Callable[[int], bytes],
        *,
        segment_bytes: int,
        segment_seconds: float,
        ballast_bytes: int = BALLAST_BYTES,
    ) -> None:
        self._disk: Final = disk
        self._folder: Final = folder
        self._clock: Final = clock
        self._entropy: Final = entropy
        self._segment_bytes: Final = segment_bytes
        self._segment_seconds: Final = segment_seconds
        self._ballast: Final = Ballast(disk, folder, ballast_bytes)
        self._open: Growing | None = None
        self._trouble: Refusal | None = None
        self._retry_at = 0.0
        self._writer = b""
        self._next_seq = 0
        self._change_writer()

    def prepare(self) -> Outcome:
        """Make sure of the ballast; a disk without room for it takes nothing."""
        if not self._ballast.make():
            self._refuse(Refusal.NO_SPACE)
        return self._end(Outcome())

    def commit(self, records: Sequence[Record]) -> Outcome:
        """Make records safe, all or none; on a disk that failed only `tick` tries again."""
        outcome = Outcome()
        if self._trouble is None:
            outcome.written = self._try(records, outcome) or (
                self._may_try_again() and self._try(records, outcome)
            )
            if not outcome.written:
                self._refuse(Refusal.IO_ERROR)
            elif self._trouble is not None:
                self._seal(outcome)
        return self._end(outcome)

    def tick(self) -> Outcome:
        """Do what time asks for; see `due_seconds`."""
        outcome = Outcome()
        now = self._clock.monotonic()
        if self._open is not None and now >= self._due_at(self._open):
            self._seal(outcome)
        if self._trouble is not None and now >= self._retry_at:
            self._revive(outcome)
        return self._end(outcome)

    def close(self) -> Outcome:
        """Seal what is open; nothing is written after this."""
        outcome = Outcome()
        self._seal(outcome)
        return self._end(outcome)

    def due_seconds(self) -> float | None:
        """Return in how many seconds `tick` is to be called; None as long as there is nothing to do."""
        moments = [self._retry_at] if self._trouble is not None else []
        if self._open is not None and self._open.records:
            moments.append(self._due_at(self._open))
        return max(0.0, min(moments) - self._clock.monotonic()) if moments else None

    def _due_at(self, segment: Growing) -> float:
        return segment.since + self._segment_seconds if segment.records else math.inf

    def _try(self, records: Sequence[Record], outcome: Outcome) -> bool:
        group = encode(records, self._next_seq, self._clock.now() // 1000)
        segment = self._open
        size = len(group.data)
        if segment and segment.records and segment.size + size > self._segment_bytes:
            self._seal(outcome)
        try:
            segment = self._open or self._begin(outcome)
            segment.file.append(group.data)
            before = self._clock.monotonic()
            segment.file.sync_data()
        except OSError as error:
            self._fail(error, outcome)
            return False
        outcome.seconds.append(self._clock.monotonic() - before)
        outcome.grown += size
        segment.take(group, before)
        self._next_seq += len(records)
        return True

    def _begin(self, outcome: Outcome) -> Growing:
        """Begin a segment: on the disk, with its name, before it takes a record."""
        path = self._folder / (form.name_of(self._next_seq, self._writer) + form.OPEN_SUFFIX)
        created_ms = self._clock.now() // 1000
        header = form.encode_header(form.Header(self._next_seq, created_ms, self._writer))
        segment = Growing(path, self._disk.create(path), self._next_seq, created_ms, len(header))
        # From here on it is there, to be closed and counted however this ends.
        self._open = segment
        outcome.grown += segment.size
        segment.file.append(header)
        segment.file.sync()
        self._disk.sync_folder(self._folder)
        return segment

    def _seal(self, outcome: Outcome) -> None:
        """Write the footer and rename; one that fails is read all the same, as far as it was safe."""
        segment = self._open
        if segment is None:
            return
        if not segment.records:
            self._bury(segment, outcome)
            return
        footer = form.encode_footer(segment.footer())
        try:
            segment.file.append(footer)
            segment.file.sync()
        except OSError as error:
            self._fail(error, outcome)
            return
        segment.size += len(footer)
        outcome.grown += len(footer)
        self._close(segment)
        path = segment.path.with_suffix(form.SEALED_SUFFIX)
        try:
            self._disk.rename(segment.path, path)
        except OSError as error:
            self._complain(error, outcome)
            path = segment.path
        # If this fails, it is found under either name.
        try:
            self._disk.sync_folder(self._folder)
        except OSError as error:
            self._complain(error, outcome)
        outcome.sealed.append(segment.sealed(path, segment.size))

    def _fail(self, error: OSError, outcome: Outcome) -> None:
        """Take note that the disk failed, and never touch the file again."""
        self._complain(error, outcome)
        if error.errno in NO_SPACE:
            self._refuse(Refusal.NO_SPACE)
        segment = self._open
        if segment is None:
            return
        if not segment.records:
            self._bury(segment, outcome)
            return
        self._close(segment)
        size = self._size(segment)
        outcome.grown += size - segment.size
        outcome.sealed.append(segment.sealed(segment.path, size))

    def _bury(self, segment: Growing, outcome: Outcome) -> None:
        """Remove a file in which nothing is safe."""
        self._close(segment)
        try:
            self._disk.unlink(segment.path)
        except OSError as error:
            self._complain(error, outcome)
            # The next of this writer would have the same name and perhaps hold the same.
            self._refuse(Refusal.IO_ERROR)
            self._trouble = Refusal.IO_ERROR
            self._change_writer()
            outcome.grown += self._size(segment) - segment.size
        else:
            outcome.grown -= segment.size

    def _size(self, segment: Growing) -> int:
        """Return what a file takes after an error."""
        with suppress(OSError):
            return self._disk.size(segment.path)
        return segment.size

    def _close(self, segment: Growing) -> None:
        self._open = None
        with suppress(OSError):
            segment.file.close()

    def _may_try_again(self) -> bool:
        """Tell whether records that a file did not take may be written to another; makes room for it if need be."""
        if self._trouble is Refusal.NO_SPACE:
            self._ballast.drop()
        return self._trouble in (None, Refusal.NO_SPACE)

    def _revive(self, outcome: Outcome) -> None:
        """Find out whether the disk works again: by a new file, and room for the ballast."""
        self._retry_at = self._clock.monotonic() + RETRY_SECONDS
        if not self._ballast.make():
            return
        try:
            if self._open is None:
                self._begin(outcome)
        except OSError as error:
            self._fail(error, outcome)
            return
        self._trouble = None
        log.info("spool_takes_again")

    def _refuse(self, reason: Refusal) -> None:
        if self._trouble is None:
            self._trouble = reason
            log.error("spool_takes_nothing", reason=reason)
        self._retry_at = self._clock.monotonic() + RETRY_SECONDS

    def _complain(self, error: OSError, outcome: Outcome) -> None:
        outcome.errors += 1
        if self._trouble is None:
            log.error("spool_disk_failed", reason=word(error))

    def _change_writer(self) -> None:
        """Begin a sequence of its own: whoever looks for gaps expects none between this and what was before."""
        self._writer = self._entropy(form.WRITER_BYTES)
        self._next_seq = max(self._next_seq + 1, self._clock.now())

    def _end(self, outcome: Outcome) -> Outcome:
        outcome.trouble = self._trouble
        if self._open is not None and self._open.records:
            outcome.open_ms = self._open.oldest_ms
        return outcome
