"""What holds a consumer back: an offset up to which each lane may be folded, and a rest between two turns.

Whoever rebuilds something beside what is live sets both, so that it never gets ahead of it and stops where it is.
"""

from collections.abc import Mapping, Sequence

from services.runtime.leases import Lane
from services.runtime.records import Record


class Restraint:
    """Bounds of lanes, each the first offset that is not to be folded; a lane without one is not read at all."""

    def __init__(self) -> None:
        self.rest_until = 0.0
        """The monotonic time before which nothing is read."""
        self._until: dict[Lane, int] = {}
        self._passed: dict[Lane, int] = {}

    def allow(self, until: Mapping[Lane, int]) -> None:
        """Set how far the lanes may be folded from now on."""
        self._until = dict(until)

    def open(self, lane: Lane, next_offset: int) -> bool:
        """Tell whether a lane whose checkpoint is there may be read on."""
        return self._place(lane, next_offset) < self._until.get(lane, -1)

    def cut(self, lane: Lane, records: Sequence[Record]) -> Sequence[Record]:
        """Return those records of a lane that may be folded."""
        bound = self._until.get(lane, 0)
        if not records or records[-1].offset < bound:
            return records
        below = [one for one in records if one.offset < bound]
        if not below:
            # One beyond, as the first that comes, says that there is none before the bound any more.
            self._passed[lane] = bound
        return below

    def pass_by(self, lane: Lane, position: int) -> None:
        """Note that an idle lane is read on from there: what lay before it, compaction has taken away."""
        self._passed[lane] = max(position, self._passed.get(lane, 0))

    def reached(self, next_offsets: Mapping[Lane, int]) -> bool:
        """Tell whether every lane is folded as far as it may be, given where the checkpoints are."""
        return all(
            self._place(lane, next_offsets.get(lane, 0)) >= bound
            for lane, bound in self._until.items()
        )

    def _place(self, lane: Lane, next_offset: int) -> int:
        return max(next_offset, self._passed.get(lane, 0))
