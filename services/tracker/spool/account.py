"""What the spool counts, from its opening on, beside what waits in it. The books balance at every moment:

taken + recovered = replayed + dropped + expired + damaged + waiting, in records.
"""

from dataclasses import dataclass, field

from services.tracker.spool.bounds import Bounds, Refusal
from services.tracker.spool.reading import Backlog
from services.tracker.spool.recovery import Found


@dataclass(slots=True)
class Account:
    """All numbers of one spool; changed in the event loop only."""

    bounds: Bounds
    """What lies in the spool in bytes, and may."""
    backlog: Backlog = field(default_factory=Backlog)
    """The segments that wait."""
    open_records: int = 0
    """Records in the segment that is being written."""
    open_ms: int | None = None
    """When the oldest of them was written, in milliseconds since the epoch."""
    taken: int = 0
    """Records that were made safe."""
    recovered: int = 0
    """Records that were found at the start, or adopted."""
    replayed: int = 0
    """Records of segments that were replayed."""
    dropped: int = 0
    """Records that were not to be replayed, since their recipients refuse."""
    expired: int = 0
    """Records put aside because of their age."""
    damaged: int = 0
    """Records that were counted and could not be read when they were to be replayed."""
    lost: int = 0
    """Records that lay in damaged ranges before anybody had counted them."""
    quarantined: int = 0
    """Damaged ranges that were put aside."""
    corrupt_bytes: int = 0
    """How long they were."""
    torn_bytes: int = 0
    """Bytes cut off the ends of segments that were open at a crash."""
    gaps: int = 0
    """Places where segments of one writer are missing."""
    unreadable: int = 0
    """Segments that the disk did not give; they stay where they are until the next start."""
    io_errors: int = 0
    """How often the disk failed when it was written to."""
    commits: int = 0
    """Groups of records that were made safe together."""
    adopted: int = 0
    """Segments taken over from other slots."""
    refused: dict[Refusal, int] = field(default_factory=lambda: dict.fromkeys(Refusal, 0))
    """Records not taken, by reason."""

    @property
    def waiting(self) -> int:
        """How many records are safe here and nowhere else."""
        return self.backlog.records + self.open_records

    @property
    def balanced(self) -> bool:
        """Whether every record that came in is accounted for."""
        out = self.replayed + self.dropped + self.expired + self.damaged + self.waiting
        return self.taken + self.recovered == out

    def oldest_seconds(self, now: int) -> float:
        """Return how long before `now`, microseconds since the epoch, the oldest record that waits was written."""
        first = self.backlog.first()
        moments = [] if first is None else [first.oldest_ms]
        if self.open_ms is not None:
            moments.append(self.open_ms)
        return max(0.0, now / 1e6 - min(moments) / 1e3) if moments else 0.0

    def note(self, found: Found) -> None:
        """Count what recovery met beside segments."""
        self.torn_bytes += found.torn_bytes
        self.corrupt_bytes += found.corrupt_bytes
        self.quarantined += found.quarantined
        self.lost += found.damaged
        self.gaps += found.gaps
        self.unreadable += found.unreadable
