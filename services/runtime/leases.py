"""Who works on which lane: the decision alone, from what the tables show to what to claim."""

from collections.abc import Collection, Mapping
from typing import NamedTuple


class Lane(NamedTuple):
    """One partition of one topic, read in order by one worker at a time."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}"


class Decision(NamedTuple):
    """What one worker does next about its leases."""

    claim: tuple[Lane, ...]
    release: tuple[Lane, ...]


def decide(
    worker: str,
    workers: Collection[str],
    owners: Mapping[Lane, str | None],
    held: Collection[Lane],
) -> Decision:
    """Share the lanes out fairly: take free ones up to a fair share, let go of what is above it.

    `workers` are alive now; `owners` names who holds a valid lease on each lane (None: nobody);
    `held` are the lanes this worker believes it holds. Every topic is shared out by itself, so
    that no worker ends up with all of a busy one, and every worker starts at a place of its own,
    so that two rarely reach for the same lane.
    """
    ranked = sorted({*workers, worker})
    rank = ranked.index(worker)
    claim: list[Lane] = []
    release: list[Lane] = []
    for number, topic in enumerate(sorted({lane.topic for lane in owners})):
        lanes = sorted(lane for lane in owners if lane.topic == topic)
        share = _share(len(lanes), len(ranked), (rank - number) % len(ranked))
        mine = [lane for lane in lanes if lane in held and owners[lane] == worker]
        # What is held but has run out is left to whoever gets on with it.
        free = [lane for lane in lanes if owners[lane] in (None, worker) and lane not in held]
        start = rank * len(lanes) // len(ranked)
        free.sort(key=lambda lane: (lane.partition - start) % len(lanes))
        claim += free[: max(0, share - len(mine))]
        release += mine[share:]
    return Decision(tuple(claim), tuple(release))


def _share(lanes: int, workers: int, rank: int) -> int:
    """Return how many lanes the worker of that rank should hold; the first ranks take the rest."""
    return lanes // workers + (1 if rank < lanes % workers else 0)
