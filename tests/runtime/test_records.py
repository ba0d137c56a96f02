"""What travels through Kafka, as values."""

from services.runtime.leases import Lane
from services.runtime.records import Outgoing, Record


def test_the_size_of_a_record_covers_its_parts() -> None:
    bare = Outgoing(key=b"key", value=None)
    full = Outgoing(key=b"key", value=b"x" * 100, headers=(("name", b"y" * 50),))
    assert 3 < bare.size() < 100
    assert full.size() - bare.size() >= 100 + 4 + 50


def test_a_record_knows_its_lane() -> None:
    assert Record("events", 3, 7, b"k", b"v", (), 1).lane == Lane("events", 3)
