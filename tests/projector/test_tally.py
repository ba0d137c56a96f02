"""What a tally adds up to."""

from services.projector.kinds import Kind
from services.projector.tally import Tally


def test_a_tally_counts_by_kind_and_by_people() -> None:
    tally = Tally()
    tally.interactions[Kind.OPEN, True] += 2
    tally.interactions[Kind.OPEN, False] += 3
    tally.interactions[Kind.REPLY, True] += 1
    assert (tally.new(), tally.new(Kind.OPEN), tally.new(Kind.CLICK), tally.human) == (6, 5, 0, 3)
