import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.alerts.cursor import BadCursor, Position, binding, decode, encode

BOUND = binding("demo", "ana", None, None)
NUMBERS = st.integers(-(2**63), 2**63 - 1)
POSITIONS = st.builds(Position, occurred_at=NUMBERS, seq=NUMBERS)


@given(POSITIONS)
def test_a_cursor_leads_back_to_its_position(position: Position) -> None:
    assert decode(BOUND, encode(BOUND, position)) == position


@given(POSITIONS, st.text(max_size=60))
def test_nothing_else_is_a_cursor(position: Position, other: str) -> None:
    with pytest.raises(BadCursor):
        decode(BOUND, other)
    good = encode(BOUND, position)
    for place in range(len(good)):
        changed = "A" if good[place] != "A" else "B"
        with pytest.raises(BadCursor):
            decode(BOUND, good[:place] + changed + good[place + 1 :])
    for cut in (good[:-1], good + "A", good + "=", " " + good[1:]):
        with pytest.raises(BadCursor):
            decode(BOUND, cut)


@pytest.mark.parametrize(
    "other",
    [
        ("demo", None, None, None),
        ("demo", "ben", None, None),
        ("rival", "ana", None, None),
        ("demo", "ana", 1, None),
        ("demo", "ana", None, 1),
    ],
)
def test_a_cursor_of_another_inbox_is_refused(other: tuple[str | int | None, ...]) -> None:
    cursor = encode(binding(*other), Position(occurred_at=1, seq=1))
    with pytest.raises(BadCursor):
        decode(BOUND, cursor)
