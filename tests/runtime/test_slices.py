"""How slices are cut: nothing is lost, nothing changes places within its lane."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from services.runtime.kafka import Record
from services.runtime.leases import Lane
from services.runtime.slices import Run, count, cut, halves, records_of, without


def run(partition: int, first: int, size: int) -> Run:
    lane = Lane("events", partition)
    numbers = range(first, first + size)
    return Run(lane, [Record(*lane, number, b"k", b"v", (), 0) for number in numbers])


RUNS = st.lists(st.tuples(st.integers(0, 9), st.integers(1, 20)), max_size=6).map(
    lambda drawn: [run(number, first, size) for number, (first, size) in enumerate(drawn)]
)


def places(records: Iterable[Record]) -> list[tuple[int, int]]:
    return [(one.partition, one.offset) for one in records]


def test_few_lanes_are_cut_through() -> None:
    first, second, third = cut([run(0, 5, 3), run(1, 0, 4), run(2, 7, 2)], 4)
    assert places(records_of(first)) == [(0, 5), (0, 6), (0, 7), (1, 0)]
    assert places(records_of(second)) == [(1, 1), (1, 2), (1, 3), (2, 7)]
    assert third == (run(2, 8, 1),)


@given(runs=RUNS, size=st.integers(1, 30))
def test_cutting_loses_nothing_and_keeps_every_order(runs: list[Run], size: int) -> None:
    slices = list(cut(runs, size))
    assert places(one for part in slices for one in records_of(part)) == places(
        records_of(tuple(runs))
    )
    assert all(count(part) == size for part in slices[:-1])
    assert all(0 < count(part) <= size for part in slices)
    for part in slices:
        assert len({each.lane for each in part}) == len(part)
        assert all(each.records for each in part)


@given(runs=RUNS)
def test_halves_are_the_slice(runs: list[Run]) -> None:
    part = tuple(runs)
    if count(part) < 2:
        return
    first, second = halves(part)
    assert places([*records_of(first), *records_of(second)]) == places(records_of(part))
    assert 0 <= count(first) - count(second) <= 1


@given(runs=RUNS, gone=st.sets(st.integers(0, 6)))
def test_a_slice_without_lanes_has_none_of_them_and_all_others(
    runs: list[Run], gone: set[int]
) -> None:
    part = tuple(runs)
    left = without(part, {Lane("events", number) for number in gone})
    assert [each.lane.partition for each in left] == [
        each.lane.partition for each in part if each.lane.partition not in gone
    ]
    assert (left is part) == (left == part)
