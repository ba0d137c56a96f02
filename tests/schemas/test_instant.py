import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import instant
from schemas.instant import Instant

INSTANTS = st.integers(
    instant.parse("0001-01-01T00:00:00Z"), instant.parse("9999-12-31T23:59:59.999999Z")
)


@given(INSTANTS)
def test_what_is_written_is_read_again(at: int) -> None:
    assert instant.parse(instant.text(Instant(at))) == at
    assert instant.from_datetime(instant.to_datetime(Instant(at))) == at


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2026-11-24T09:30:00Z", "2026-11-24T09:30:00.000000Z"),
        ("2026-11-24t09:30:00z", "2026-11-24T09:30:00.000000Z"),
        ("2026-11-24T10:30:00.5+01:00", "2026-11-24T09:30:00.500000Z"),
        ("2026-11-24T09:30:00.1234567Z", "2026-11-24T09:30:00.123456Z"),
    ],
)
def test_offsets_and_fractions_are_understood(text: str, same: str) -> None:
    assert instant.text(instant.parse(text)) == same


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-11-24",
        "2026-11-24T09:30:00",
        "2026-13-24T09:30:00Z",
        "2026-11-24 09:30:00Z",
        "1",
        "9999-12-31T23:59:59-23:59",
        "0001-01-01T00:00:00+00:01",
    ],
)
def test_anything_else_is_no_instant(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        instant.parse(text)


def test_years_of_one_digit_are_written_with_four() -> None:
    assert instant.text(instant.parse("0007-01-01T00:00:00Z")) == "0007-01-01T00:00:00.000000Z"


@given(INSTANTS)
def test_what_is_written_is_read_from_bytes_too(at: int) -> None:
    assert instant.parse_written(instant.text(Instant(at)).encode()) == at


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"2026-11-24T09:30:00Z",
        b"2026-11-24t09:30:00.000000Z",
        b"2026-11-24T09:30:00.000000z",
        b"2026-11-24T09:30:00.00_000Z",
        b"2026-11-24T09:30:00.+00000Z",
        b"2026-11-24T09:30:00,000000Z",
        b"2026-11-24T24:30:00.000000Z",
        b"\xff026-11-24T09:30:00.000000Z",
    ],
)
def test_no_other_form_is_read_from_bytes(raw: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 what it says is nobody's business
        instant.parse_written(raw)
