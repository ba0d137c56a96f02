from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.projector.query.cursor import (
    BIGINT,
    BadCursor,
    KeyKind,
    Position,
    Value,
    binding,
    decode,
    encode,
)

LIST = binding("demo", "ana", "-sent_at", "messages", {"template": "intro", "owner": None})
UUIDS = st.uuids().map(str)
KEYS: dict[KeyKind, st.SearchStrategy[Value]] = {
    KeyKind.INTEGER: st.integers(-BIGINT, BIGINT - 1),
    KeyKind.REAL: st.floats(allow_nan=False, allow_infinity=False),
    KeyKind.TEXT: st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
    KeyKind.UUID: UUIDS,
}
POSITION = Position(key=1_767_225_600_000_000, tie="0e5b3f0c-9c5b-5d0b-9a39-2f0c8e5b1d77")


def read(text: str, bound: bytes = LIST) -> Position:
    return decode(bound, text, key=KeyKind.INTEGER, nullable=True, tie=KeyKind.UUID)


@given(st.data(), st.sampled_from(KeyKind), st.sampled_from(KeyKind))
def test_a_cursor_leads_back_to_its_position(
    data: st.DataObject, key: KeyKind, tie: KeyKind
) -> None:
    position = Position(key=data.draw(st.none() | KEYS[key]), tie=data.draw(KEYS[tie]))
    cursor = encode(LIST, position)
    assert decode(LIST, cursor, key=key, nullable=True, tie=tie) == position


@pytest.mark.parametrize(
    "other",
    [
        binding("other", "ana", "-sent_at", "messages", {"template": "intro", "owner": None}),
        binding("demo", None, "-sent_at", "messages", {"template": "intro", "owner": None}),
        binding("demo", "ana", "sent_at", "messages", {"template": "intro", "owner": None}),
        binding("demo", "ana", "-sent_at", "messages", {"template": None, "owner": "intro"}),
        binding("demo", "ana", "-sent_at", "links", {"template": "intro", "owner": None}),
    ],
)
def test_a_cursor_fits_only_the_list_it_came_from(other: bytes) -> None:
    with pytest.raises(BadCursor):
        read(encode(LIST, POSITION), other)


def test_the_order_in_which_filters_are_named_does_not_matter() -> None:
    assert binding({"a": 1, "b": 2}) == binding({"b": 2, "a": 1})


@given(st.data())
def test_any_changed_character_is_refused(data: st.DataObject) -> None:
    cursor = encode(LIST, POSITION)
    at = data.draw(st.integers(0, len(cursor) - 1))
    other = data.draw(st.characters().filter(lambda found: found != cursor[at]))
    with pytest.raises(BadCursor):
        read(cursor[:at] + other + cursor[at + 1 :])


def test_a_cut_or_lengthened_cursor_is_refused() -> None:
    cursor = encode(LIST, POSITION)
    for text in (*(cursor[:length] for length in range(len(cursor))), cursor + "A", cursor + "="):
        with pytest.raises(BadCursor):
            read(text)


@given(st.text())
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(BadCursor):
        read(text)


@pytest.mark.parametrize(
    ("key", "tie"),
    [
        ("text", POSITION.tie),
        (1.5, POSITION.tie),
        (BIGINT, POSITION.tie),
        (True, POSITION.tie),
        (1, None),
        (1, "not a uuid"),
        (1, POSITION.tie.upper() if isinstance(POSITION.tie, str) else None),
    ],
)
def test_a_made_up_cursor_is_checked_as_any_other_input(key: object, tie: object) -> None:
    made_up = encode(LIST, Position(key=key, tie=tie))  # type: ignore[arg-type]  # the point
    with pytest.raises(BadCursor):
        read(made_up)


def test_only_a_list_with_rows_without_a_key_goes_on_among_them() -> None:
    cursor = encode(LIST, Position(key=None, tie=POSITION.tie))
    assert read(cursor).key is None
    with pytest.raises(BadCursor):
        decode(LIST, cursor, key=KeyKind.INTEGER, nullable=False, tie=KeyKind.UUID)


def test_a_huge_cursor_is_refused_unread() -> None:
    with pytest.raises(BadCursor):
        read(urlsafe_b64encode(b"[" * 100_000).decode())
