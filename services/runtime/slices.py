"""A slice: the records that one transaction folds, of one lane or of many, each lane's in the log's order. Pure."""

import itertools
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from services.runtime.kafka import Record
from services.runtime.leases import Lane


class Run(NamedTuple):
    """Records of one lane that follow each other; there is at least one."""

    lane: Lane
    records: Sequence[Record]


Slice = tuple[Run, ...]
"""Runs of different lanes."""


def count(part: Slice) -> int:
    """Return how many records a slice has."""
    return sum(len(run.records) for run in part)


def records_of(part: Slice) -> list[Record]:
    """Return the records of a slice, lane by lane."""
    return list(itertools.chain.from_iterable(run.records for run in part))


def without(part: Slice, lanes: Collection[Lane]) -> Slice:
    """Return a slice without some lanes; the same object when it has none of them."""
    if not any(run.lane in lanes for run in part):
        return part
    return tuple(run for run in part if run.lane not in lanes)


def cut(runs: Iterable[Run], size: int) -> Iterator[Slice]:
    """Cut runs into slices of that many records, the last one smaller, so that few lanes are cut through."""
    begun: list[Run] = []
    room = size
    for lane, records in runs:
        start = 0
        while start < len(records):
            taken = records[start : start + room]
            begun.append(Run(lane, taken))
            start += len(taken)
            room -= len(taken)
            if not room:
                yield tuple(begun)
                begun, room = [], size
    if begun:
        yield tuple(begun)


def halves(part: Slice) -> tuple[Slice, Slice]:
    """Cut a slice of two records or more in the middle."""
    first, second = cut(part, (count(part) + 1) // 2)
    return first, second
