"""What became of the records of a slice: counted while it is folded, told once it is committed."""

from collections import Counter
from dataclasses import dataclass, field

from services.projector.kinds import Kind


@dataclass(slots=True, kw_only=True)
class Tally:
    """The counts of one slice; ``interactions`` are the new ones, replies included, by kind and human."""

    interactions: Counter[tuple[Kind, bool]] = field(default_factory=Counter)
    correspondence: Counter[str] = field(default_factory=Counter)
    duplicates: int = 0
    unfolded: Counter[str] = field(default_factory=Counter)
    facts: Counter[int] = field(default_factory=Counter)
    """By the partition that they go to."""

    def new(self, *kinds: Kind) -> int:
        """Count the new interactions of some kinds, or of all when none is named."""
        wanted = kinds or tuple(Kind)
        return sum(n for (kind, _), n in self.interactions.items() if kind in wanted)

    @property
    def human(self) -> int:
        """Count the new interactions of people."""
        return sum(n for (_, human), n in self.interactions.items() if human)
