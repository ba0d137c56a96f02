"""Folds slices into PostgreSQL exactly once: effect, quarantine and checkpoints in one transaction.

What costs is the transaction, not its lanes, so one slice takes the records of every lane that has any. What goes wrong
with one lane takes that lane out, and the slice is folded without it; what PostgreSQL refuses is found by halving.
"""

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from services.runtime.checkpoint import Checkpoints, Fenced, Move, Moved, digest
from services.runtime.clock import Clock
from services.runtime.errors import Poison, Transient
from services.runtime.kafka import Record
from services.runtime.leases import Lane
from services.runtime.postgres import Connection
from services.runtime.quarantine import WINDOW, Refusal, is_flood, reasons, set_aside
from services.runtime.slices import Run, Slice, count, cut, halves, records_of, without

SLICE_RECORDS = 2000
# While PostgreSQL works on a slice the next one is decoded, some records between two looks at its answers.
_AT_A_STRETCH = 16
# So often a lane's slices are made smaller while it fails: one by one, what had gathered would take minutes afterwards.
_HALVINGS = 5

Trouble = Fenced | Moved | Transient | Poison
"""Why a lane does not get on; Poison: there is too much of it."""

D = TypeVar("D")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded(Generic[D]):
    """A slice made ready: what to apply, if anything, and the records of it that are refused."""

    value: D | None
    refused: tuple[Refusal, ...] = ()


class Fold(Protocol[D]):
    """What a service does with records."""

    def begin(self) -> D:
        """Return an empty slice."""

    def take(self, ready: D, record: Record) -> Refusal | None:
        """Judge one record and add it to a slice, outside the transaction; never raises for what it is."""

    async def apply(self, connection: Connection, ready: D) -> None:
        """Write a slice's effects, inside the transaction; Poison makes the slice be halved."""

    def committed(self, records: Mapping[Lane, int]) -> None:
        """Learn that the slice is in, and how many records of each lane it had, refused ones too."""


class FoldMetrics(Protocol):
    """What is told of slices."""

    def committed(self, part: Slice, seconds: float, now: int) -> None:
        """One slice was committed, having taken that long, at that instant."""

    def quarantined(self, lane: Lane, reason: str, records: int) -> None:
        """Records were set aside."""


class ConsumerMetrics(FoldMetrics, Protocol):
    """What a consumer tells about itself."""

    def lag(self, lane: Lane, records: int | None) -> None:
        """Records behind the end of the lane; None when the lane is no longer ours."""

    def claimed(self, lane: Lane, read_to: float | None) -> None:
        """A lane is ours; what was recorded before that moment (seconds since 1970; None: nothing yet) is folded."""

    def fenced(self, lane: Lane) -> None:
        """Another worker had taken the lane over."""

    def halted(self, lane: Lane, reason: str | None) -> None:
        """The lane stands still until an operator acts, or (None) goes on."""


@dataclass(slots=True, kw_only=True, eq=False)
class Held:
    """A lane under lease."""

    lane: Lane
    epoch: int
    next_offset: int
    anchored: bool = False
    anchor: bytes | None = None  # what the record at next_offset - 1 is known by
    proving: bool = False  # it is to come first now
    halted: str | None = None
    topic_id: str | None = None
    attempt: int = 0
    retry_at: float = 0.0
    corrupt: int = 0
    judged: deque[bool] = field(default_factory=lambda: deque(maxlen=WINDOW))

    @property
    def lease(self) -> tuple[Lane, int]:
        """Return what a claim gave."""
        return self.lane, self.epoch

    def moved_past(self, last: Record) -> None:
        """Learn that everything up to this record is folded."""
        self.next_offset = last.offset + 1
        self.anchor = digest(last) if self.anchored else None


_Ready = tuple[Slice, Decoded[D]]


@dataclass(slots=True, kw_only=True, eq=False)
class _Turn(Generic[D]):
    """What is still to be folded, the next slice last, and what went wrong so far."""

    pending: list[Slice]
    ready: _Ready[D] | None = None
    troubles: dict[Lane, Trouble] = field(default_factory=dict)


class Folder(Generic[D]):
    """Commits slices for a consumer; the consumer settles what befalls its lanes."""

    def __init__(
        self,
        checkpoints: Checkpoints,
        fold: Fold[D],
        clock: Clock,
        metrics: FoldMetrics,
        slice_records: int = SLICE_RECORDS,
    ) -> None:
        self._checkpoints = checkpoints
        self._fold = fold
        self._clock = clock
        self._metrics = metrics
        self._slice_records = slice_records

    async def fold(
        self, held: Mapping[Lane, Held], runs: Sequence[Run], stopping: asyncio.Event
    ) -> dict[Lane, Trouble]:
        """Fold what the lanes brought, unless the process is to stop; returns which could not, and why.

        The trouble of one lane leaves the others alone.
        """
        turn: _Turn[D] = _Turn(pending=list(_slices(held, runs, self._slice_records))[::-1])
        while turn.pending and not stopping.is_set():
            await self._advance(held, turn)
        for run in runs:
            if run.lane not in turn.troubles:
                held[run.lane].attempt = held[run.lane].corrupt = 0
        return turn.troubles

    async def _advance(self, held: Mapping[Lane, Held], turn: _Turn[D]) -> None:
        """Commit the next slice, or see what is to be done instead."""
        part = without(turn.pending.pop(), turn.troubles)
        if not part:
            return
        if turn.ready is None or turn.ready[0] is not part:
            turn.ready = await self._decode(part)
        decoded = turn.ready[1]
        if floods := _floods(held, part, decoded.refused):
            turn.troubles |= floods
            turn.pending.append(part)
            return
        async with asyncio.TaskGroup() as both:
            following = both.create_task(self._decode_next(turn))
            failure = await self._try(held, part, decoded)
        turn.ready = following.result()
        match failure:
            case None:
                pass
            case Fenced() | Moved():
                turn.troubles |= dict.fromkeys(failure.lanes, failure)
                turn.pending.append(part)
            case Transient():
                turn.troubles |= {run.lane: failure for run in part}
            case Poison() if count(part) > 1:
                turn.pending += reversed(halves(part))
            case Poison() if decoded.value is not None:
                turn.ready = part, Decoded(value=None, refused=(_refused(part, failure),))
                turn.pending.append(part)
            case Poison():
                raise failure

    async def _decode_next(self, turn: _Turn[D]) -> _Ready[D] | None:
        if not turn.pending:
            return None
        turn.pending[-1] = without(turn.pending[-1], turn.troubles)
        return await self._decode(turn.pending[-1])

    async def _decode(self, part: Slice) -> _Ready[D]:
        """Judge a slice, a few records at a time, so that whoever shares the loop is not kept waiting."""
        value, refused = self._fold.begin(), []
        for number, record in enumerate(records_of(part), 1):
            refusal = self._fold.take(value, record)
            if refusal is not None:
                refused.append(refusal)
            if number % _AT_A_STRETCH == 0:
                await asyncio.sleep(0)
        return part, Decoded(value=value, refused=tuple(refused))

    async def _try(
        self, held: Mapping[Lane, Held], part: Slice, decoded: Decoded[D]
    ) -> Trouble | None:
        try:
            await self._commit(held, part, decoded)
        except (Fenced, Moved, Transient, Poison) as failure:
            return failure
        return None

    async def _commit(self, held: Mapping[Lane, Held], part: Slice, decoded: Decoded[D]) -> None:
        begun = self._clock.monotonic()
        moves = [Move(*held[lane].lease, held[lane].next_offset, run[-1]) for lane, run in part]
        async with self._checkpoints.advancing(moves) as connection:
            if decoded.value is not None:
                await self._fold.apply(connection, decoded.value)
            if decoded.refused:
                await set_aside(connection, decoded.refused)
        took = self._clock.monotonic() - begun
        for lane, records in part:
            held[lane].moved_past(records[-1])
            refused = _of(lane, decoded.refused)
            held[lane].judged.extend(_judged(records, refused))
            for reason, number in reasons(refused):
                self._metrics.quarantined(lane, reason, number)
        self._fold.committed({lane: len(records) for lane, records in part})
        self._metrics.committed(part, took, self._clock.now())


def _slices(held: Mapping[Lane, Held], runs: Sequence[Run], size: int) -> Iterator[Slice]:
    """Cut what the lanes brought: one that failed is tried alone, and in smaller slices each time."""
    yield from cut([run for run in runs if not held[run.lane].attempt], size)
    for run in runs:
        if attempt := held[run.lane].attempt:
            yield from cut([run], max(1, size >> min(attempt, _HALVINGS)))


def _floods(
    held: Mapping[Lane, Held], part: Slice, refused: Sequence[Refusal]
) -> dict[Lane, Trouble]:
    return {
        lane: Poison("poison_flood", _flood(records, bad))
        for lane, records in part
        if (bad := _of(lane, refused)) and is_flood(held[lane].judged, _judged(records, bad))
    }


def _flood(records: Sequence[Record], bad: Sequence[Refusal]) -> str:
    """Say what a flood is of: the reasons of those refused in the slice, the most frequent first."""
    found = sorted(reasons(bad), key=lambda one: -one[1])
    named = ", ".join(f"{reason} {number}" for reason, number in found[:5])
    return f"{len(bad)} of {len(records)} records from {records[0].offset} on are refused: {named}"


def _refused(part: Slice, failure: Poison) -> Refusal:
    (record,) = records_of(part)
    return Refusal(record=record, reason=failure.reason, detail=failure.detail)


def _of(lane: Lane, refused: Sequence[Refusal]) -> list[Refusal]:
    return [one for one in refused if one.record.lane == lane]


def _judged(records: Sequence[Record], refused: Sequence[Refusal]) -> list[bool]:
    bad = {one.record.offset for one in refused}
    return [record.offset in bad for record in records]
