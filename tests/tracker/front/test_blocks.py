"""Headers are read as llhttp reads them, and what is remembered of them is bounded, impersonal and changes nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tracker.front.blocks import CLOSE, HEAD, MEMORY, OLD, Block, BlockReader

FORMS = st.sampled_from([0, HEAD, OLD | CLOSE, HEAD | OLD | CLOSE])
NAMES = st.sampled_from(
    [
        *(b"Host", b"host", b"User-Agent", b"Accept", b"Accept-Language", b"Connection"),
        *(b"Purpose", b"Range", b"Cookie", b"X-Forwarded-For", b"Content-Length", b"Upgrade"),
    ]
)
VALUES = st.sampled_from([b"a", b"close", b"keep-alive", b"0", b"7", b"bytes=0-0", b"", b"\xff"])
LINES = st.lists(st.tuples(NAMES, VALUES).map(b": ".join), max_size=6)


def read(reader: BlockReader, lines: list[bytes], form: int) -> Block | None:
    """Read lines as the reader of heads does."""
    method = b"HEAD" if form & HEAD else b"GET"
    first = method + (b" /o/A.gif HTTP/1.0" if form & OLD else b" /o/A.gif HTTP/1.1")
    block = b"".join(b"\r\n" + line for line in lines)
    return reader.known[form].get(block) or reader.read(first + block + b"\r\n\r\n", block, form)


def remembered(*lines: bytes) -> int:
    """Return how many blocks are remembered after one with these lines."""
    reader = BlockReader()
    assert read(reader, [b"Host: a", *lines], 0) is not None
    return sum(map(len, reader.known))


@given(before=st.lists(st.tuples(LINES, FORMS), max_size=5), lines=LINES, form=FORMS)
def test_what_is_remembered_changes_nothing(
    before: list[tuple[list[bytes], int]], lines: list[bytes], form: int
) -> None:
    reader = BlockReader()
    for earlier in before:
        read(reader, *earlier)
    alone = read(BlockReader(), lines, form)
    assert read(reader, lines, form) == alone
    assert read(reader, lines, form) == alone


def test_a_block_that_comes_again_is_not_read_again() -> None:
    reader = BlockReader()
    lines = [b"Host: a", b"User-Agent: Mail/1.0"]
    assert read(reader, lines, 0) is read(reader, lines, 0)


@pytest.mark.parametrize(
    "line",
    [
        b"Cookie: a=b",
        b"Authorization: Basic YQ==",
        b"Referer: https://example.com/who",
        b"X-Forwarded-For: 192.0.2.1",
        b"Forwarded: for=192.0.2.1",
        b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        b"X-Whatever: a",
        b"Content-Length: 7",
        b"Upgrade: x",
        b"User-Agent: " + b"x" * 2000,
    ],
)
def test_what_is_personal_rare_or_long_is_not_remembered(line: bytes) -> None:
    assert remembered(b"Accept: */*") == 1
    assert remembered(line) == 0


def test_the_oldest_is_forgotten() -> None:
    reader = BlockReader()
    for number in range(MEMORY + 3):
        assert read(reader, [b"Host: a", b"User-Agent: %d" % number], 0) is not None
    (known,) = [each for each in reader.known if each]
    assert len(known) == MEMORY
    assert b"\r\nHost: a\r\nUser-Agent: 2" not in known
    assert b"\r\nHost: a\r\nUser-Agent: 3" in known


def test_what_the_asker_tells() -> None:
    block = read(BlockReader(), [b"Host: a", b"User-Agent: M\xff ", b"X-Purpose: preview"], 0)
    assert block is not None
    assert block.told == ("M\udcff", None, "preview", None, None, None)
    assert (block.form, block.body, block.rare) == (0, False, False)
