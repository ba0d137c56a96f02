"""Every way to ask for a part of a file, and that nothing a stranger writes makes it fail."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tracker.files.ranges import Part, Window, asked

SIZE = 1000


@pytest.mark.parametrize(
    ("header", "window"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=0-499", (0, 500)),
        ("bytes=500-", (500, 1000)),
        ("bytes=999-", (999, 1000)),
        ("bytes=999-999", (999, 1000)),
        ("bytes=990-5000", (990, 1000)),
        ("bytes=0-" + "9" * 5000, (0, 1000)),
        ("bytes=-1", (999, 1000)),
        ("bytes=-500", (500, 1000)),
        ("bytes=-1000", (0, 1000)),
        ("bytes=-1001", (0, 1000)),
        ("bytes=-" + "9" * 5000, (0, 1000)),
        ("BYTES=1-1", (1, 2)),
        ("bytes= 1-1 ", (1, 2)),
        ("bytes=,1-1,", (1, 2)),
        ("bytes=" + "0" * 5000 + "1-1", (1, 2)),
    ],
)
def test_one_range_is_honoured(header: str, window: tuple[int, int]) -> None:
    assert asked(header, SIZE) == window


@pytest.mark.parametrize(
    "header", ["bytes=1000-", "bytes=1000-1000", "bytes=5000-6000", "bytes=-0", "bytes=-000"]
)
def test_a_range_that_the_file_does_not_have(header: str) -> None:
    assert asked(header, SIZE) is Part.NONE


@pytest.mark.parametrize("header", ["bytes=" + "9" * 5000 + "-", f"bytes={'9' * 30}-{'9' * 30}"])
def test_a_range_beyond_all_files(header: str) -> None:
    assert asked(header, SIZE) is Part.NONE


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=--1",
        "bytes=5-4",
        "bytes=1 - 2",
        "bytes=a-b",
        "bytes=0x1-2",
        "bytes=1-2x",
        "bytes=+1-2",
        "bytes=\u0661-\u0662",
        "bytes:1-2",
        "items=0-1",
        "bytes 0-1/1000",
    ],
)
def test_what_is_no_range_is_ignored(header: str | None) -> None:
    assert asked(header, SIZE) is Part.WHOLE


@pytest.mark.parametrize("header", ["bytes=0-0,5-9", "bytes=0-0, -1", "bytes=5000-,6000-"])
def test_several_ranges_are_answered_with_the_whole(header: str) -> None:
    assert asked(header, SIZE) is Part.WHOLE


@pytest.mark.parametrize("header", ["bytes=0-", "bytes=0-0", "bytes=-1", "bytes=-0"])
def test_an_empty_file_has_no_parts(header: str) -> None:
    assert asked(header, 0) is Part.WHOLE


def test_a_window_says_which_bytes_it_holds() -> None:
    assert Window(0, 500).content_range(1000) == "bytes 0-499/1000"


NUMBERS = st.one_of(st.just(""), st.integers(0, 30).map(str), st.text("0123456789", max_size=30))
HEADERS = st.one_of(
    st.text(),
    st.tuples(st.sampled_from(["bytes=", "bytes= ", "Bytes=", "b="]), NUMBERS, NUMBERS).map(
        lambda parts: f"{parts[0]}{parts[1]}-{parts[2]}"
    ),
)


@given(HEADERS, st.integers(0, 20))
def test_whatever_is_asked_a_window_lies_in_the_file_and_is_not_empty(
    header: str, size: int
) -> None:
    part = asked(header, size)
    assert isinstance(part, Part) or 0 <= part.start < part.end <= size


@given(st.integers(0, 40), st.integers(0, 40), st.integers(1, 30))
def test_a_range_is_what_slicing_gives(first: int, last: int, size: int) -> None:
    content = bytes(range(size))
    part = asked(f"bytes={first}-{last}", size)
    if last < first:
        assert part is Part.WHOLE
    elif first >= size:
        assert part is Part.NONE
    else:
        assert isinstance(part, Window)
        assert content[part.start : part.end] == content[first : last + 1]


@given(st.integers(1, 40), st.integers(1, 30))
def test_a_suffix_is_what_slicing_gives(length: int, size: int) -> None:
    part = asked(f"bytes=-{length}", size)
    assert isinstance(part, Window)
    assert bytes(range(size))[part.start : part.end] == bytes(range(size))[-length:]
