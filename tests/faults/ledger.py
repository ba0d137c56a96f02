"""The ledger: what was issued and what was acknowledged, kept outside the system and judged by its public doors."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple


class Part(NamedTuple):
    """What a hit is counted under: the opens of a message, or the clicks of one of its links."""

    message_id: str
    link_index: int | None


class Span(NamedTuple):
    """When a request was begun and when its answer was there, in seconds of the Unix clock."""

    begun: float
    ended: float


@dataclass(slots=True)
class Ledger:
    """Every hit issued and every hit acknowledged; the truth a read model must lie between."""

    issued: Counter[Part] = field(default_factory=Counter)
    acknowledged: Counter[Part] = field(default_factory=Counter)
    begun: dict[Part, list[float]] = field(default_factory=lambda: defaultdict(list))
    spans: dict[Part, list[Span]] = field(default_factory=lambda: defaultdict(list))

    def issue(self, part: Part, begun: float) -> None:
        """Note a request before it leaves."""
        self.issued[part] += 1
        self.begun[part].append(begun)

    def acknowledge(self, part: Part, span: Span) -> None:
        """Note an answer that said it is recorded."""
        self.acknowledged[part] += 1
        self.spans[part].append(span)

    def faults(self, part: Part, count: int, first: float | None, last: float | None) -> list[str]:
        """Say what is wrong with a count and its first and last time, a sentence each.

        acknowledged ⊆ counted ⊆ issued; first and last lie where the acknowledged hits allow.
        """
        said = []
        low, high = self.acknowledged[part], self.issued[part]
        if not low <= count <= high:
            said.append(f"{part}: counted {count}, acknowledged {low}, issued {high}")
        spans = self.spans[part]
        if spans and first is not None and last is not None:
            if not min(self.begun[part]) <= first <= min(span.ended for span in spans):
                said.append(f"{part}: first at {first}, outside what was seen")
            if last < max(span.begun for span in spans):
                said.append(f"{part}: last at {last}, before an acknowledged hit")
        elif spans or bool(count) != (first is not None):
            said.append(f"{part}: count {count}, first {first}, last {last}")
        return said
