"""Batches of a partition: what is taken out, and what is put back because it did not fit."""

from services.runtime.leases import Lane
from services.tracker.batches import Partition, size_of
from tests.tracker.spooling import Noting, an_entry


def filled(count: int) -> Partition:
    partition = Partition(Lane("events", 0))
    partition.since = 7.0
    for number in range(count):
        entry = an_entry(number, size=number * 100)
        partition.entries.append(entry)
        partition.waiters.append(Noting())
        partition.size += size_of(entry)
    return partition


def test_the_size_of_an_entry_covers_its_value_and_what_lies_around_it() -> None:
    small, large = an_entry(1), an_entry(1, size=10_000)
    assert size_of(small) > small.size()
    assert size_of(large) - size_of(small) == len(large.value) - len(small.value)


def test_what_is_taken_leaves_an_empty_batch_that_is_not_due() -> None:
    partition = filled(3)
    partition.due = True
    entries, waiters, size = partition.entries, partition.waiters, partition.size
    flight = partition.take(9.0)
    assert (flight.entries, flight.waiters, flight.size, flight.count) == (
        entries,
        waiters,
        size,
        3,
    )
    assert (flight.since, flight.sent, flight.late) == (7.0, 9.0, False)
    assert (partition.entries, partition.waiters, partition.size, partition.due) == (
        [],
        [],
        0,
        False,
    )


def test_what_did_not_fit_is_the_open_batch_again_and_as_old_as_it_was() -> None:
    partition = filled(5)
    entries, waiters, size = partition.entries, partition.waiters, partition.size
    flight = partition.take(9.0)
    flight.put_back(2)
    assert (flight.entries, flight.waiters, flight.count) == (entries[:2], waiters[:2], 2)
    assert (partition.entries, partition.waiters) == (entries[2:], waiters[2:])
    assert flight.size + partition.size == size
    assert partition.size == sum(map(size_of, entries[2:]))
    assert (partition.due, partition.since) == (True, 7.0)
